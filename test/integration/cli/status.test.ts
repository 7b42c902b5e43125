import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import type { CommandContext } from "../../../src/cli/context.ts";
import { runProgram } from "../../../src/cli/program.ts";
import { SecretValue } from "../../../src/core/secretValue.ts";
import { createMetrics } from "../../../src/daemon/metrics.ts";
import { type DaemonServer, startServer } from "../../../src/daemon/server.ts";
import { CANARY, canary } from "../../support/canary.ts";
import { realClock } from "../../support/clock.ts";
import { viewOf } from "../../support/daemonView.ts";
import { waitUntil } from "../../support/process.ts";
import { recordingLog } from "../../support/silence.ts";

const dir = mkdtempSync(join(tmpdir(), "hw-status-"));
const token = canary("status");
const tokenFile = join(dir, "token");
writeFileSync(tokenFile, `${token}\n`);
const daemons: DaemonServer[] = [];
const others: Server[] = [];

afterEach(async () => {
  await Promise.all(daemons.splice(0).map((daemon) => daemon.close()));
  for (const other of others.splice(0)) other.close();
});

afterAll(() => rmSync(dir, { recursive: true }));

/** The screen after all that was written: each redraw goes up as many lines as the last one had. */
function screen(out: string): string {
  const lines = [""];
  for (const part of out.replaceAll("\r\u001B[", "\n<up>").split("\n")) {
    const [, up, rest] = /^<up>(\d+)A(.*)$/s.exec(part) ?? [];
    if (up !== undefined) lines.splice(lines.length - 1 - Number(up));
    lines.push(stripVTControlCharacters(rest ?? part));
  }
  return lines.join("\n");
}

async function until(what: string, shown: () => boolean): Promise<void> {
  await waitUntil(what, async () => shown(), { processes: [], timeoutMs: 20_000 });
}

async function statusToken(): Promise<SecretValue> {
  return SecretValue.fromText(token);
}

async function startDaemon(port = 0, open = true): Promise<DaemonServer> {
  const callers = { statusToken: open ? statusToken : undefined, hooks: new Map() };
  const deps = { clock: realClock, log: recordingLog() };
  const started = await startServer(
    { address: "127.0.0.1", port },
    viewOf(),
    await createMetrics("1"),
    () => callers,
    deps,
  );
  daemons.push(started);
  return started;
}

function config(port: number, text = `token: { fromFile: ${tokenFile} }`): string {
  const path = join(dir, `config-${port}.yaml`);
  writeFileSync(
    path,
    `apiVersion: helmwarden.dev/v1alpha1\nkind: HelmwardenConfig\nspec: { http: { port: ${port}, ${text} } }\n`,
  );
  return path;
}

function start(argv: readonly string[], rows?: number) {
  const stopping = new AbortController();
  const seen = { out: "", err: "" };
  const context: CommandContext = {
    signal: stopping.signal,
    surroundings: { environment: {}, cacheFolder: dir, namespace: "helmwarden" },
    terminal: {
      out: (text) => (seen.out += text),
      err: (text) => (seen.err += text),
      color: false,
      interactive: false,
      columns: 80,
      rows,
    },
  };
  return { seen, stop: () => stopping.abort(), code: runProgram(["status", ...argv], context) };
}

async function run(...argv: readonly string[]) {
  const { seen, code } = start(argv);
  return { code: await code, ...seen };
}

test("prints the daemon's page, as a table and as JSON", async () => {
  const { port } = await startDaemon();
  const text = await run("-c", config(port));
  expect(text).toMatchObject({ code: 0, err: "" });
  expect(text.out).toContain("release berlin web/wordpress  held: statefulCredential    3");
  const json = await run("-c", config(port), "-o", "json");
  expect(JSON.parse(json.out)).toEqual({ command: "status", ...viewOf().status() });
});

test("--url and --token-file name another daemon than the configuration's", async () => {
  const { port } = await startDaemon();
  const argv = ["-c", config(1, ""), "--url", `http://127.0.0.1:${port}/`, "--token-file", tokenFile];
  expect(await run(...argv)).toMatchObject({ code: 0, err: "" });
});

describe("says what to do where", () => {
  test("there is no daemon", async () => {
    const { code, err, out } = await run("-c", config(1));
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toBe(
      "helmwarden: No daemon answers. Start it with `helmwarden run`, say where it is with --url, or make it reachable " +
        "from here: kubectl port-forward deploy/helmwarden 8080. (http://127.0.0.1:1)\n",
    );
  });

  test("the token is another one", async () => {
    const { port } = await startDaemon();
    const other = join(dir, "other");
    writeFileSync(other, canary("other"));
    const { code, err } = await run("-c", config(port), "--token-file", other);
    expect(code).toBe(1);
    expect(err).toContain("takes another token");
    expect(err).not.toContain(CANARY);
  });

  test("the daemon's status is closed", async () => {
    const { port } = await startDaemon(0, false);
    const { code, err } = await run("-c", config(port));
    expect(code).toBe(1);
    expect(err).toContain("set `http.token`");
  });

  test("there is no token, or an URL that is none", async () => {
    expect(await run("-c", config(1, ""))).toMatchObject({ code: 64 });
    for (const url of ["127.0.0.1:8080", "ftp://x", `http://user:${canary("url")}@x`]) {
      const { code, err } = await run("-c", config(1), "--url", url);
      expect(code).toBe(64);
      expect(err).not.toContain(CANARY);
    }
  });

  test.each([
    ["a page of something else", 200, `<html>${CANARY}</html>`],
    ["JSON of something else", 200, JSON.stringify({ version: CANARY })],
    ["a redirect, which is not followed", 302, ""],
    ["an error of something else", 500, CANARY],
  ])("what answers is %s", async (_, status, body) => {
    const asked: string[] = [];
    const other = createServer((request, response) => {
      asked.push(request.url ?? "");
      response.writeHead(status, { location: "/elsewhere" }).end(body);
    });
    others.push(other.listen(0, "127.0.0.1"));
    await new Promise((resolve) => other.once("listening", resolve));
    const { code, err } = await run("-c", config((other.address() as AddressInfo).port));
    expect(code).toBe(1);
    expect(err).toMatch(/^helmwarden: (What answers is no helmwarden daemon|No daemon answers)/);
    expect(err).not.toContain(CANARY);
    expect(asked).toEqual(["/v1/status"]);
  });
});

describe("-w", () => {
  test("draws in place, tells when the daemon is away and when it is back, and ends in peace", async () => {
    const first = await startDaemon();
    const { seen, stop, code } = start(["-w", "-c", config(first.port)], 24);
    await until("a second drawing", () => seen.out.split("helmwarden 1.2.3").length > 2);
    await first.close();
    await until("the loss", () => screen(seen.out).includes("without an answer. No daemon answers."));
    await startDaemon(first.port);
    await until("the return", () => !screen(seen.out).includes("without an answer"));
    stop();
    expect(await code).toBe(0);
    expect(screen(seen.out).match(/helmwarden 1\.2\.3/g)).toHaveLength(1);
    expect(screen(seen.out).split("\n").length).toBeLessThanOrEqual(24);
    expect(seen.err).toBe("");
    expect(seen.out).not.toContain(CANARY);
  });

  test("in JSON is an object a line", async () => {
    const { port } = await startDaemon();
    const { seen, stop, code } = start(["-w", "-o", "json", "-c", config(port)]);
    await until("two lines", () => seen.out.split("\n").length > 2);
    stop();
    expect(await code).toBe(0);
    for (const line of seen.out.trimEnd().split("\n")) expect(JSON.parse(line)).toMatchObject({ command: "status" });
  });

  test("without a daemon it does not begin", async () => {
    expect(await run("-w", "-c", config(1))).toMatchObject({ code: 1, out: "" });
  });
});
