import type { App } from "../app.ts";
import { loadMapping, type MigrationMapping } from "../config/migrationMapping.ts";
import type { SecretStore } from "../core/spec.ts";
import { HelmwardenError } from "../errors.ts";
import type { Scope } from "../operations/migrate/takeInventory.ts";

/** Options that the migrate commands share, as commander hands them over. */
export interface MigrateOptions {
  readonly config: string;
  readonly output: "text" | "json" | "yaml";
  readonly verbose: boolean;
  readonly namespace?: readonly string[];
  readonly allNamespaces: boolean;
  readonly selector?: string;
  readonly cluster: string;
  readonly to?: string;
  readonly path: string;
  readonly mapping?: string;
}

export interface Chosen {
  readonly scope: Scope;
  readonly store: SecretStore | undefined;
  readonly mapping: MigrationMapping;
}

/** What the options mean. UsageInvalid where they do not say which namespaces, or name a store that is not there. */
export async function chosenBy(secrets: readonly string[], options: MigrateOptions, app: App): Promise<Chosen> {
  const namespaces = options.namespace ?? [...new Set(secrets.map((name) => name.split("/")[0] ?? ""))];
  if (namespaces.length === 0 && !options.allNamespaces) {
    throw new HelmwardenError("UsageInvalid", "Say what to migrate: -n NAMESPACE, -A, or Secrets as NAMESPACE/NAME.");
  }
  const store = chosenStore(options.to, app);
  const mapping = await loadMapping(options.mapping);
  const rule = store?.provider.kind ?? "vault";
  const { selector, path, allNamespaces } = options;
  const scope: Scope = {
    namespaces: allNamespaces ? [] : namespaces,
    labelSelector: selector,
    secrets,
    template: path,
    rule,
    paths: mapping.paths,
  };
  return { scope, store, mapping };
}

function chosenStore(named: string | undefined, { config }: App): SecretStore | undefined {
  const name = named?.replace(/^store:/, "");
  if (name === undefined) return config.stores.size === 1 ? [...config.stores.values()][0] : undefined;
  const store = config.stores.get(name);
  if (store !== undefined) return store;
  throw new HelmwardenError(
    "UsageInvalid",
    `There is no SecretStore named ${JSON.stringify(name)} in the configuration.`,
  );
}
