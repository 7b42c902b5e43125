import { HelmwardenError } from "../../errors.ts";
import type { Store } from "../../ports.ts";

const ALL_BELOW = /(?:^|\/)\*\*$/;

/**
 * The paths that were named, and for each that ends with `**` all those below it: `apps/**`, or `**` for the whole store.
 * UsageInvalid where the store cannot be listed, or there is nothing.
 */
export async function expandPaths(
  store: Store,
  named: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const one of named) {
    if (!ALL_BELOW.test(one)) {
      paths.push(one);
      continue;
    }
    if (store.listPaths === undefined) {
      throw new HelmwardenError("UsageInvalid", `The store ${store.name} cannot be listed. Name its paths.`);
    }
    const below = one.replace(ALL_BELOW, "");
    const found = await store.listPaths(below, signal);
    if (found.length === 0) {
      const where = below === "" ? "its root" : below;
      throw new HelmwardenError("UsageInvalid", `${store.name} has nothing below ${where}. Correct --store-path.`);
    }
    paths.push(...found);
  }
  return paths;
}
