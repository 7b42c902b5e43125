// Issue 6, "Figures": raw Secrets into Vault by `migrate run`, against a plain loop of kubectl and vault, and its memory.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inLanes } from "../src/operations/lanes.ts";
import { kubectlBinary } from "../test/support/binaries.ts";
import { sharedServers } from "../test/support/servers.ts";
import { type Figure, timed } from "./figures.ts";
import { openApi } from "./records.ts";
import type { World } from "./world.ts";

const SECRETS = 1_000;
const SAMPLE = 50;
const TIMES = 10;
const MIB = 200;
export const NAMESPACE = "bench-raw";

/** The loop first: the machine's files are warm for both. */
export async function* migrate(world: World): AsyncGenerator<Figure> {
  const count = world.isSmall ? 100 : SECRETS;
  const sample = world.isSmall ? 5 : SAMPLE;
  const names = await makeSecrets(world, count);
  const loop = (await timed(() => plainLoop(world, names.slice(0, sample)))) * (count / sample);
  const config = world.writeConfig("migrate", []);
  const dir = join(world.dir, "migration");
  const args = ["migrate", "run", "-c", config, "-n", NAMESPACE, "--dir", dir, "--new-key", join(world.dir, "key")];
  let peak = 0;
  const own = await timed(async () => {
    peak = await peakOf(world, [world.main, ...args, "--yes"]);
  });
  const times = loop / own;
  yield {
    name: `${count} Secrets of 3 keys and 2.3 kB into Vault, proven`,
    value: `${(own / 1000).toFixed(1)} s, ${times.toFixed(1)} times faster than \`kubectl get\` and curl to Vault (${(loop / 1000).toFixed(0)} s, scaled from ${sample})`,
    goal: `at least ${TIMES} times faster`,
    met: times >= TIMES,
  };
  yield {
    name: "the most memory of that run",
    value: `${peak.toFixed(0)} MiB`,
    goal: `less than ${MIB} MiB`,
    met: peak < MIB,
  };
}

export async function makeSecrets(world: World, count: number): Promise<readonly string[]> {
  const api = openApi(world.kubeconfig);
  await api.post("/api/v1/namespaces", { metadata: { name: NAMESPACE } });
  const names = Array.from({ length: count }, (_, index) => `raw-${index}`);
  await inLanes(names, 8, async (name) => {
    const stringData = {
      password: randomBytes(16).toString("hex"),
      "tls.crt": `-----BEGIN CERTIFICATE-----\n${randomBytes(1_500).toString("base64")}\n-----END CERTIFICATE-----\n`,
      "config.json": JSON.stringify({ url: `postgres://app:${randomBytes(16).toString("hex")}@db/app` }),
    };
    await api.post(`/api/v1/namespaces/${NAMESPACE}/secrets`, { metadata: { name }, stringData });
  });
  await api.close();
  return names;
}

/**
 * What a shell script does, with the values on standard input. Vault's command line cannot be had as a package: curl
 * makes the call that `vault kv put` makes.
 */
async function plainLoop(world: World, names: readonly string[]): Promise<void> {
  const { vaultAddress, vaultToken } = sharedServers();
  for (const name of names) {
    const got = await world.run(kubectlBinary(), ["get", "secret", name, "-n", NAMESPACE, "-o", "json"]);
    const { data } = JSON.parse(got) as { data: Record<string, string> };
    const decoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")]);
    const url = `${vaultAddress}/v1/secret/data/loop/${name}`;
    const put = ["-sSf", "-H", `X-Vault-Token: ${vaultToken}`, "--data-binary", "@-", url];
    await world.run("curl", put, JSON.stringify({ data: Object.fromEntries(decoded) }));
  }
}

/** Runs it; the peak of its resident memory, MiB, as the kernel counts it. */
async function peakOf(world: World, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [...args], { env: world.environment, stdio: ["ignore", "ignore", "pipe"] });
  const kill = (): boolean => child.kill("SIGKILL");
  world.signal.addEventListener("abort", kill, { once: true });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  let peak = 0;
  const timer = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
    } catch {
      // It has just ended.
    }
  }, 25);
  try {
    const code = await new Promise((resolve, reject) => child.once("close", resolve).once("error", reject));
    if (code !== 0) throw new Error(`migrate run ended with ${String(code)}: ${complaint}`);
    return peak;
  } finally {
    clearInterval(timer);
    world.signal.removeEventListener("abort", kill);
  }
}
