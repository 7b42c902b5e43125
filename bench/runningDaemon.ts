// The built daemon as a child process: what it uses, and when it is done.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { call } from "../test/support/http.ts";
import { waitUntil } from "../test/support/process.ts";
import type { StatusPage } from "../src/daemon/statusPage.ts";
import type { World } from "./world.ts";

export interface RunningDaemon {
  /** CPU seconds since its start. */
  cpu(): number;
  /** Resident memory, MiB. */
  memory(): number;
  status(): Promise<StatusPage>;
  /** Has this path read at once. */
  push(path: string): Promise<void>;
  stop(): Promise<void>;
}

/** Credentials of the benchmark, which protect nothing. */
const TOKENS = { PUSH_TOKEN: "bench-push", STATUS_TOKEN: "bench-status", DIGEST_KEY: "a-digest-key-of-the-bench" };

/** What a daemon's configuration has besides; see World.writeConfig. */
export function daemonSettings(refreshInterval: string, program: object = {}): { store: object; program: object } {
  return {
    store: { refreshInterval, push: { token: { fromEnv: "PUSH_TOKEN" } } },
    program: {
      http: { address: "127.0.0.1", port: 0, token: { fromEnv: "STATUS_TOKEN" } },
      rollout: { canary: 0, maxUnavailable: "100%" },
      digestKey: { fromEnv: "DIGEST_KEY" },
      ...program,
    },
  };
}

export async function startDaemon(
  world: World,
  config: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<RunningDaemon> {
  const env = { ...world.environment, ...TOKENS, ...environment };
  const child = spawn(process.execPath, [world.main, "run", "-c", config], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = new Promise((resolve) => child.once("exit", resolve));
  const kill = (): boolean => child.kill("SIGKILL");
  world.signal.addEventListener("abort", kill, { once: true });
  let log = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    if (!log.includes("helmwarden runs")) log += text;
  });
  const port = (): string | undefined => /"port":(\d+)/.exec(log)?.[1];
  await until("the daemon listens", async () => port() !== undefined, world.signal);
  const url = `http://127.0.0.1:${port()}`;
  const stat = (): string[] => readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return {
    cpu: () => (Number(stat()[11]) + Number(stat()[12])) / 100,
    memory: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]) / 1024,
    async status() {
      const headers = { authorization: `Bearer ${TOKENS.STATUS_TOKEN}` };
      return (await call(`${url}/v1/status`, { headers })).body as StatusPage;
    },
    async push(path) {
      const headers = { authorization: `Bearer ${TOKENS.PUSH_TOKEN}` };
      const { status } = await call(`${url}/v1/hooks/vault`, { method: "POST", headers, body: { path } });
      if (status !== 202) throw new Error(`the hook answers ${status}`);
    },
    async stop() {
      world.signal.removeEventListener("abort", kill);
      child.kill("SIGTERM");
      await exit;
    },
  };
}

export function until(what: string, ready: () => Promise<boolean>, signal: AbortSignal, everyMs = 50): Promise<void> {
  return waitUntil(what, ready, { processes: [], timeoutMs: 600_000, everyMs, signal });
}
