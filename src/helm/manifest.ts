import type { Document } from "yaml";
import { z } from "zod";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import { HelmwardenError } from "../errors.ts";
import { parseGoYaml } from "./goYaml.ts";

/** The parts of Helm's release JSON that say what is applied. */
export const ReleaseObjects = z.object({
  manifest: z.string(),
  hooks: z
    .array(z.object({ manifest: z.string().default(""), events: z.array(z.string()).default([]) }))
    .nullish()
    .transform((hooks) => hooks ?? []),
});
export type ReleaseObjects = z.infer<typeof ReleaseObjects>;

/** One YAML text of all objects that an upgrade applies: the manifest and the hooks that run at an upgrade. */
export function appliedManifest({ manifest, hooks }: ReleaseObjects): string {
  const atUpgrade = hooks.filter(({ events }) => events.some((event) => event.endsWith("-upgrade")));
  return [manifest, ...atUpgrade.map((hook) => hook.manifest)].join("\n---\n");
}

/** The Kubernetes objects of a manifest; lists are opened, empty documents passed over. */
export function parseManifest(manifest: string): JsonObject[] {
  return parseGoYaml(manifest).flatMap((document) => {
    const object = document.errors.length > 0 ? NOT_YAML : readDocument(document);
    if (object === NOT_YAML) {
      throw new HelmwardenError(
        "ChartRejected",
        "The chart renders something that is not YAML. Run `helm template` to see it.",
      );
    }
    if (!isJsonObject(object)) return [];
    const items = object["items"];
    return object["kind"] === "List" && Array.isArray(items) ? items.filter(isJsonObject) : [object];
  });
}

const NOT_YAML = Symbol("not YAML");

/** Aliases that multiply without end, and those of nothing, are seen only here. */
function readDocument(document: Document.Parsed): unknown {
  try {
    return document.toJS({ maxAliasCount: 1000 });
  } catch {
    return NOT_YAML;
  }
}
