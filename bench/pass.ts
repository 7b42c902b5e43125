// The program inside of this process, as the daemon runs it: opened once, then pass after pass.
import { createApp } from "../src/app.ts";
import { storesOf } from "../src/cli/select.ts";
import { loadConfig } from "../src/config/load.ts";
import { createLog } from "../src/log.ts";
import { type Result, runPass } from "../src/operations/pass.ts";
import { LANES, type World } from "./world.ts";

export interface OpenProgram {
  /** One pass over everything that is configured. Throws unless each comes out as `wanted`. */
  pass(wanted: Result["outcome"]["kind"]): Promise<void>;
  close(): Promise<void>;
}

/** Loads, connects and logs in; no pass yet. */
export async function openProgram(world: World, configPath: string, helm: string): Promise<OpenProgram> {
  const { signal } = world;
  const config = await loadConfig(configPath, signal);
  const environment = { ...world.environment, HELM_BIN: helm };
  const surroundings = { environment, namespace: "helmwarden", cacheFolder: `${world.dir}/cache` };
  const app = createApp(config, "sync", surroundings, createLog("error", process.stderr), signal);
  const stores = await app.stores(storesOf(config));
  await app.portsOf("default");
  return {
    async pass(wanted) {
      const { releases, secrets } = config;
      const input = { mode: "sync", releases, secrets, concurrency: LANES, stores, portsOf: app.portsOf } as const;
      const results = await runPass(input, () => undefined, signal);
      const other = results.find(({ outcome }) => outcome.kind !== wanted);
      if (other !== undefined) throw new Error(`expected ${wanted}, got ${JSON.stringify(other)}`);
      if (results.length !== releases.length) throw new Error(`${results.length} results for ${releases.length}`);
    },
    close: () => app.close(),
  };
}
