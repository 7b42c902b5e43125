import { apiResourceOf } from "./apiResource.ts";
import type { JsonObject } from "./json.ts";
import { mapAt, textAt } from "./objects.ts";
import type { Need } from "./permission.ts";

/** What runs to an end and is waited for, so that helm watches it as a hook. */
const WATCHED_HOOKS = new Set(["jobs", "pods"]);

/**
 * What helm 3 and 4 do with the objects of a deployed release when it is upgraded at the same chart: each is read and
 * patched, by name. A hook is deleted and made again, and a Job among them is watched. By namespace; undefined for
 * objects of the whole cluster. `creates`: also what lets helm make objects of the same kinds that are not there yet, and
 * take away those that they replace; their names nobody knows before.
 */
export function manifestPermissions(
  objects: readonly JsonObject[],
  releaseNamespace: string,
  of: string,
  creates = false,
): readonly Need[] {
  return objects.flatMap((object) => {
    const target = apiResourceOf(object);
    const metadata = mapAt(object, "metadata");
    const name = textAt(metadata, "name");
    if (target === undefined || name === undefined) return [];
    const { group, resource, clusterScoped } = target;
    const namespace = clusterScoped ? undefined : (textAt(metadata, "namespace") ?? releaseNamespace);
    const at = { namespace, group, resource };
    const isHook = textAt(mapAt(metadata, "annotations"), "helm.sh/hook") !== undefined;
    if (!isHook && creates)
      return [{ ...at, verbs: ["get", "patch", "create", "delete"], reason: `objects of ${of}, new ones too` }];
    if (!isHook) return [{ ...at, verbs: ["get", "patch"], names: [name], reason: `objects of ${of}` }];
    const unnamed = ["create", ...(WATCHED_HOOKS.has(resource) ? ["list", "watch"] : [])];
    return [
      { ...at, verbs: unnamed, reason: `hooks of ${of}; these verbs cannot be narrowed` },
      { ...at, verbs: ["get", "delete", "patch"], names: [name], reason: `hooks of ${of}` },
    ];
  });
}
