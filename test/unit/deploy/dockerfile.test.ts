// What a linter and a build would find in the Dockerfile, as far as it can be known without an engine.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { nodeVersion, repository } from "../../../scripts/artifacts.mjs";
import { VERSION } from "../../../src/version.ts";

const read = (path: string): string => readFileSync(join(repository, path), "utf8");
const dockerfile = read("Dockerfile");

interface Instruction {
  readonly word: string;
  readonly rest: string;
}

/** Continued lines joined, comments left out. */
const instructions = dockerfile
  .replaceAll(/^#.*\n/gm, "")
  .replaceAll(/\\\n\s*/g, " ")
  .split("\n")
  .filter((line) => line.trim() !== "")
  .map((line): Instruction => ({ word: line.split(" ")[0] ?? "", rest: line.slice(line.indexOf(" ") + 1).trim() }));
const all = (word: string): string[] => instructions.filter((one) => one.word === word).map(({ rest }) => rest);
const last = (word: string): string => all(word).at(-1) ?? "";
const final = instructions.slice(instructions.findLastIndex(({ word }) => word === "FROM"));

test("it holds known instructions only, a pinned syntax first, and stages that are used", () => {
  expect(dockerfile).toMatch(/^# syntax=docker\/dockerfile:\d+\.\d+\n/);
  const known = "ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL STOPSIGNAL USER VOLUME WORKDIR".split(" ");
  expect(instructions.filter(({ word }) => !known.includes(word))).toEqual([]);
  const stages = all("FROM").flatMap((from) => / AS (\w+)$/.exec(from)?.[1] ?? []);
  const used = all("COPY").flatMap((copy) => /--from=(\w+)/.exec(copy)?.[1] ?? []);
  expect(new Set(used)).toEqual(new Set(stages));
  for (const word of ["USER", "CMD", "ENTRYPOINT", "HEALTHCHECK"])
    expect([word, final.filter((one) => one.word === word).length]).toEqual([word, 1]);
});

test("its base is the Node that the tests run with, of a named distribution; its version is ours", () => {
  expect(all("ARG")).toContain(`NODE_IMAGE=node:${nodeVersion}-bookworm-slim`);
  expect(all("ARG")).toContain(`VERSION=${VERSION}`);
  expect(dockerfile).toContain(`docker build -t helmwarden:${VERSION} .`);
  expect(all("FROM").filter((from) => /:latest|^[a-z]+$/.test(from) && from !== "scratch AS content")).toEqual([]);
  const labels = [...last("LABEL").matchAll(/org\.opencontainers\.image\.(\w+)="([^"]+)"/g)].map(([, name]) => name);
  expect(labels).toEqual(["title", "description", "licenses", "version", "revision", "created", "source"]);
  const { license } = JSON.parse(read("package.json")) as { license: string };
  expect(last("LABEL")).toContain(`image.licenses="${license}"`);
});

test("variables are declared in the stage that uses them, and no secret is among them", () => {
  const before = instructions.slice(
    0,
    instructions.findIndex(({ word }) => word === "FROM"),
  );
  const global = new Set(before.map(({ rest }) => rest.split("=")[0] ?? ""));
  let declared = new Set<string>();
  for (const { word, rest } of instructions) {
    const used = [...rest.matchAll(/\$\{?(\w+)\}?/g)].map(([, name = ""]) => name);
    expect(used.filter((name) => !(word === "FROM" ? global : declared).has(name))).toEqual([]);
    if (word === "FROM") declared = new Set();
    if (word === "ARG") declared.add(rest.split("=")[0] ?? "");
  }
  const names = [...all("ARG"), ...all("ENV")].join(" ").match(/\b[A-Z_]+(?==)/g) ?? [];
  expect(names.filter((name) => /TOKEN|SECRET|PASSWORD|KEY/.test(name))).toEqual([]);
});

test("user, port, paths and command are those of the chart", () => {
  const deployment = read("deploy/chart/templates/deployment.yaml");
  const [user, group] = last("USER").split(":");
  expect(deployment).toContain(`runAsUser: ${user}\n`);
  expect(deployment).toContain(`runAsGroup: ${group}\n`);
  expect(Number(user)).toBeGreaterThan(0);
  expect(deployment).toContain(`.port | default ${last("EXPOSE")}`);
  expect(JSON.parse(last("CMD"))).toEqual(["run", "--config", "/etc/helmwarden/config"]);
  expect(deployment).toContain("args: [run, --config, /etc/helmwarden/config]");
  for (const path of ["/etc/helmwarden/config", last("VOLUME"), last("WORKDIR")])
    expect(deployment).toContain(`mountPath: ${path}`);
  expect(last("STOPSIGNAL")).toBe("SIGTERM");
  expect(all("COPY").filter((copy) => !/ \/\S*$/.test(copy))).toEqual([]);
});

describe("health checks by node", () => {
  const image = (JSON.parse(last("HEALTHCHECK").replace(/^.*? CMD /, "")) as string[]).slice(1);
  const compose = parse(read("docker-compose.yml")) as {
    services: Record<string, { healthcheck: { test: string[] } }>;
  };
  const services = Object.entries(compose.services)
    .filter(([, { healthcheck }]) => healthcheck.test.includes("-e"))
    .map(([name, { healthcheck }]) => [name, healthcheck.test.slice(2)] as const);
  const checks = [["image", image] as const, ...services];

  test("there are some", () => expect(checks.length).toBe(3));

  test.each(checks)(
    "of %s: 0 where it is well, 1 where it is not or nobody answers",
    async (_, [flag, script = ""]) => {
      let status = 200;
      const server = createServer((_request, reply) => void reply.writeHead(status).end());
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const own = script.replace("127.0.0.1:8080", `127.0.0.1:${port}`);
      expect([flag, own === script]).toEqual(["-e", false]);
      const exitCode = (): Promise<number> =>
        new Promise((exit) => runInNewContext(own, { fetch, process: { exit } }, { timeout: 5_000 }));
      expect(await exitCode()).toBe(0);
      status = 503;
      expect(await exitCode()).toBe(1);
      server.close();
      server.closeAllConnections();
      expect(await exitCode()).toBe(1);
    },
  );
});
