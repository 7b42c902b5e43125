// One pass of the program put together as main.ts does, in this process; with its ports in somebody else's hands if wanted.
import { withApp } from "../../src/cli/openApp.ts";
import { select, storesOf } from "../../src/cli/select.ts";
import { runPass } from "../../src/operations/pass.ts";
import type { Outcome } from "../../src/core/outcome.ts";
import type { ReleasePorts } from "../../src/operations/releasePorts.ts";
import type { Store } from "../../src/ports.ts";

export interface PassOptions {
  readonly mode: "plan" | "sync";
  readonly config: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cacheFolder: string;
  readonly signal?: AbortSignal;
  /** Sees each port before the pass gets it. */
  readonly watch?: <T extends object>(port: string, target: T) => T;
}

/** Outcomes in the order in which they came. */
export async function passOnce(options: PassOptions): Promise<readonly Outcome[]> {
  const { mode, config, environment, cacheFolder, watch = (_port, target) => target } = options;
  const signal = options.signal ?? new AbortController().signal;
  const terminal = { out: () => {}, err: () => {}, color: false, interactive: false, columns: 80, rows: undefined };
  const surroundings = { environment, namespace: "helmwarden", cacheFolder };
  const context = { terminal, surroundings, signal };
  return await withApp(mode, { config, output: "json", verbose: false }, context, async (app) => {
    const selection = select(app.config, []);
    const opened = await app.stores(storesOf(selection));
    const stores = new Map([...opened].map(([name, store]): [string, Store] => [name, watch("store", store)]));
    const portsOf = async (cluster: string): Promise<ReleasePorts> => {
      const { cluster: at, ...ports } = await app.portsOf(cluster);
      return {
        ...ports,
        releases: watch("releases", ports.releases),
        helm: watch("helm", ports.helm),
        audit: watch("audit", ports.audit),
        cluster: {
          ...at,
          secrets: watch("secrets", at.secrets),
          workloads: watch("workloads", at.workloads),
          statuses: watch("statuses", at.statuses),
          events: watch("events", at.events),
          ...watch("leases", { withLease: at.withLease }),
        },
      };
    };
    const results = await runPass({ mode, ...selection, concurrency: 1, stores, portsOf }, () => {}, signal);
    return results.map(({ outcome }) => outcome);
  });
}
