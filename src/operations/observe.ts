import type { WantedValue } from "../core/plan.ts";
import type { WantedKey } from "../core/secretPlan.ts";
import type { ReleaseSync, SecretSync } from "../core/spec.ts";
import { formatValuePath } from "../core/valuePath.ts";
import type { StorePass } from "./storePass.ts";

/** What the stores want of a release, mapping by mapping. */
export async function wantedValues(spec: ReleaseSync, stores: StorePass): Promise<WantedValue[]> {
  const allowEmpty = spec.guards.empty === "allow";
  return await Promise.all(
    spec.values.map(async ({ path, type, kind, source }) => ({
      path,
      type,
      kind,
      ...(await stores.resolve(formatValuePath(path), source, allowEmpty)),
    })),
  );
}

/** What the stores want of a Secret, key by key. */
export async function wantedKeys(spec: SecretSync, stores: StorePass): Promise<WantedKey[]> {
  const allowEmpty = spec.guards.empty === "allow";
  return await Promise.all(
    spec.data.map(async ({ key, kind, source }) => ({ key, kind, ...(await stores.resolve(key, source, allowEmpty)) })),
  );
}
