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
  readonly from?: string;
  readonly storePath?: readonly string[];
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

/** From store to store it is the configuration that says what. UsageInvalid where Secrets are named as well. */
export function requireNoScope(
  secrets: readonly string[],
  {
    namespace,
    allNamespaces,
    selector,
    mapping,
  }: Pick<MigrateOptions, "namespace" | "allNamespaces" | "selector" | "mapping">,
): void {
  if (secrets.length === 0 && !allNamespaces && [namespace, selector, mapping].every((one) => one === undefined))
    return;
  throw new HelmwardenError(
    "UsageInvalid",
    "With --from goes what the configuration reads from that store, and --store-path PATH: name no Secrets or namespaces.",
  );
}

/** `store:NAME` or `NAME`; undefined: the only one there is. UsageInvalid for one that is not there. */
export function chosenStore(named: string | undefined, { config }: App): SecretStore | undefined {
  const name = named?.replace(/^store:/, "");
  if (name === undefined) return config.stores.size === 1 ? [...config.stores.values()][0] : undefined;
  const store = config.stores.get(name);
  if (store !== undefined) return store;
  throw new HelmwardenError(
    "UsageInvalid",
    `There is no SecretStore named ${JSON.stringify(name)} in the configuration.`,
  );
}
