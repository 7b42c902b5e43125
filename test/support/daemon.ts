// The daemon as it runs in a cluster: a child process that is asked over HTTP, and what must be true after it.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFailed, vi } from "vitest";
import { CHAIN_START, hashLine } from "../../src/core/auditChain.ts";
import type { StatusRecord } from "../../src/core/statusRecord.ts";
import type { StatusPage } from "../../src/daemon/statusPage.ts";
import { canary } from "./canary.ts";
import { call, type HttpAnswer } from "./http.ts";
import { findLeftovers } from "./leftovers.ts";
import { waitUntil } from "./process.ts";
import type { ProgramEnd, RunningProgram } from "./program.ts";
import { chartFixture, type Release } from "./release.ts";
import { openScenario, type Scenario, type ScenarioOptions } from "./scenario.ts";
import { sharedServers } from "./servers.ts";

// Ends come sooner where the machine is idle; what is waited for is a state, never a time.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface RunningDaemon extends Pick<RunningProgram, "pid" | "child" | "end" | "helm"> {
  readonly log: () => readonly LogLine[];
  readonly get: (path: string) => Promise<HttpAnswer>;
  /** `POST /v1/hooks/<store>`, with the token of `push` unless there are other headers. */
  readonly hook: (store: string, body?: unknown, headers?: Readonly<Record<string, string>>) => Promise<HttpAnswer>;
  readonly status: () => Promise<StatusPage>;
  /** SIGTERM; it must end with 0. */
  readonly stop: () => Promise<ProgramEnd>;
}

export interface DaemonScenario extends Scenario {
  /** Starts it and waits until it listens. Several at a time have an audit log each, named by `audit`. */
  readonly daemon: (options?: { env?: ScenarioOptions["env"]; audit?: string }) => Promise<RunningDaemon>;
  readonly record: (release: string) => Promise<StatusRecord | undefined>;
  /** Waits until each release is on record with this outcome. */
  readonly recorded: (releases: readonly Release[], outcome: string) => Promise<void>;
  readonly events: (reason: string) => Promise<readonly { message: string; count?: number }[]>;
}

export interface DaemonOptions extends ScenarioOptions {
  /** YAML of `queue`; in process unless told otherwise. */
  readonly queue?: string;
  /** Replaces the text of test/fixtures/daemon.yaml. */
  readonly settings?: (yaml: string) => string;
}

export async function openDaemonScenario(folder: string, options: DaemonOptions = {}): Promise<DaemonScenario> {
  const [push, token] = [canary("push"), canary("status")];
  const env = { PUSH_TOKEN: push, STATUS_TOKEN: token, DIGEST_KEY: canary("digest-key"), ...options.env };
  const scenario = await openScenario(folder, { ...options, env });
  const { settings = (yaml) => yaml, queue = "{ local: {} }" } = options;
  // All processes on one queue compare by the same digests.
  const text = readFileSync(join(chartFixture(""), "../daemon.yaml"), "utf8")
    .replace("__QUEUE__", queue)
    .replace("__DIR__", scenario.dir)
    .replace("__VAULT__", sharedServers().vaultAddress);
  writeFileSync(join(scenario.dir, "config/stores.yaml"), settings(text));
  const daemons: RunningDaemon[] = [];
  const record: DaemonScenario["record"] = async (release) => {
    const found = await scenario
      .object<{ data: { record: string } }>(`v1/configmaps/helmwarden-release-${release}`)
      .catch(() => undefined);
    return found === undefined ? undefined : (JSON.parse(found.data.record) as StatusRecord);
  };
  return {
    ...scenario,
    async daemon({ env: more = {}, audit } = {}) {
      const program = scenario.start("run", audit === undefined ? [] : ["-c", withAudit(scenario, audit)], {
        POD_NAMESPACE: scenario.namespace,
        ...more,
      });
      tellOnFailure(program);
      const daemon = await listening(program, push, token);
      daemons.push(daemon);
      return daemon;
    },
    record,
    recorded: (releases, outcome) =>
      until(
        `all are on record as ${outcome}`,
        async () => {
          const records = await Promise.all(releases.map(({ name }) => record(name)));
          return records.every((one) => one?.outcome === outcome && one.phase === "settled");
        },
        120_000,
      ),
    async events(reason) {
      const { items } = await scenario.object<{ items: readonly { reason: string; message: string }[] }>("v1/events");
      return items.filter((event) => event.reason === reason);
    },
    async close() {
      for (const { child, end } of daemons) {
        if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
        await end;
      }
      await scenario.close();
    },
  };
}

/** A test that fails elsewhere shows what the daemon said. */
function tellOnFailure(program: RunningProgram): void {
  onTestFailed(() => {
    const lines = program.stdout().trimEnd().split("\n").slice(-25);
    process.stderr.write(`the log of daemon ${program.pid}:\n${lines.join("\n")}\n`);
  });
}

/** A copy of the configuration with another audit log. */
function withAudit({ dir }: Scenario, audit: string): string {
  const [from, to] = [join(dir, "config"), join(dir, `config-${audit}`)];
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    const text = readFileSync(join(from, name), "utf8");
    writeFileSync(join(to, name), text.replace("/audit.jsonl", `/audit-${audit}.jsonl`));
  }
  return to;
}

async function listening(program: RunningProgram, push: string, token: string): Promise<RunningDaemon> {
  const { pid, child, end } = program;
  const log = (): LogLine[] =>
    program
      .stdout()
      .split("\n")
      .filter((line) => line.endsWith("}"))
      .map((line) => JSON.parse(line) as LogLine);
  const port = (): unknown => log().find(({ msg }) => msg === "helmwarden runs")?.["port"];
  await until("the daemon listens", async () => port() !== undefined || child.exitCode !== null);
  if (child.exitCode !== null) throw new Error(`the daemon ended: ${program.stdout()}${(await end).stderr}`);
  const url = `http://127.0.0.1:${String(port())}`;
  const get: RunningDaemon["get"] = (path) => call(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } });
  return {
    pid,
    child,
    end,
    helm: (argument) => program.helm(argument),
    log,
    get,
    hook: (store, body, headers = { authorization: `Bearer ${push}` }) =>
      call(`${url}/v1/hooks/${store}`, { method: "POST", body, headers }),
    status: async () => (await get("/v1/status")).body as StatusPage,
    async stop() {
      child.kill("SIGTERM");
      const ended = await end;
      expect({ code: ended.code, signal: ended.signal, stderr: ended.stderr }).toEqual({
        code: 0,
        signal: null,
        stderr: "",
      });
      return ended;
    },
  };
}

export function until(what: string, ready: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  return waitUntil(what, ready, { processes: [], timeoutMs });
}

/**
 * After all daemons have ended: every release at these values and this revision, each audit file a whole chain, no
 * lease held, no process left. What secrets there are to be seen is searched for by `close`.
 */
export async function expectWhole(
  scenario: DaemonScenario,
  releases: readonly { readonly release: Release; readonly values: object; readonly revision: number }[],
): Promise<void> {
  for (const { release, values, revision } of releases) {
    const seen = { name: release.name, values: await release.values(), revision: await release.revision() };
    expect(seen).toEqual({ name: release.name, values, revision });
  }
  for (const file of readdirSync(scenario.dir).filter((name) => name.startsWith("audit"))) {
    if (file.endsWith(".jsonl")) expectChain(readFileSync(join(scenario.dir, file), "utf8"));
  }
  expect(await heldLeases(scenario)).toEqual([]);
  expect(findLeftovers(scenario.dir)).toEqual([]);
}

/** Names of the leases that somebody holds: those of a process that was killed run out by themselves. */
export async function heldLeases(scenario: Scenario): Promise<string[]> {
  interface Leases {
    readonly items: readonly { metadata: { name: string }; spec: LeaseSpec }[];
  }
  const { items } = await scenario.object<Leases>("coordination.k8s.io/v1/leases");
  return items.filter(({ spec }) => isHeld(spec)).map(({ metadata }) => metadata.name);
}

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly renewTime?: string;
  readonly leaseDurationSeconds?: number;
}

function isHeld({ holderIdentity = "", renewTime = "", leaseDurationSeconds = 0 }: LeaseSpec): boolean {
  return holderIdentity !== "" && Date.parse(renewTime) + leaseDurationSeconds * 1000 > Date.now();
}

function expectChain(text: string): void {
  expect(text === "" || text.endsWith("\n")).toBe(true);
  let prev = CHAIN_START.hash;
  for (const [index, line] of text.split("\n").filter(Boolean).entries()) {
    expect(JSON.parse(line)).toMatchObject({ sequence: index + 1, prev });
    prev = hashLine(line);
  }
}
