import { isJsonObject } from "../core/json.ts";
import { overlaps, parseValuePath } from "../core/valuePath.ts";
import { type FieldPath, textAt, valueAt, type YamlDocument } from "./yamlText.ts";

const AT = ["spec", "target", "chartJob"];
const WHOLE = "as a string, whole: `from: { store, path, key }`";
const USUAL_SWITCH = "passwordUpdateJob.enabled";

/** What is wrong between a policy with a `chartJob` and the release whose chart is to run it. */
export function chartJobFault(
  yaml: YamlDocument,
  documents: readonly YamlDocument[],
): { readonly at: FieldPath; readonly text: string } | undefined {
  if (!isJsonObject(valueAt(yaml.content, AT))) return undefined;
  const named = textAt(yaml, [...AT, "release"]);
  const near = documents.filter(
    (one) =>
      textAt(one, ["kind"]) === "ReleaseSync" &&
      textAt(one, ["metadata", "namespace"]) === textAt(yaml, ["metadata", "namespace"]),
  );
  const mapping = near.filter((one) => mappedPaths(one, yaml).length > 0);
  const at = named === undefined ? AT : [...AT, "release"];
  if (named === undefined) {
    if (mapping.length === 0)
      return { at, text: `needs a ReleaseSync in this namespace that maps the secret ${WHOLE}` };
    if (mapping.length > 1) return { at, text: "needs `release`: several ReleaseSyncs here map the secret" };
  } else if (!near.some((one) => nameOf(one) === named)) {
    return { at, text: "names no ReleaseSync in this namespace" };
  }
  const release = mapping.find((one) => named === undefined || nameOf(one) === named);
  if (release === undefined) return { at, text: `names a ReleaseSync that does not map the secret ${WHOLE}` };
  return switchFault(yaml, release);
}

function switchFault(yaml: YamlDocument, release: YamlDocument): ReturnType<typeof chartJobFault> {
  const given = textAt(yaml, [...AT, "switch"]);
  const path = parseValuePath(given ?? USUAL_SWITCH);
  if ("error" in path) return undefined;
  const clash = entriesOf(release).findIndex((_, index) => {
    const mapped = parseValuePath(textAt(release, ["spec", "values", index, "path"]) ?? "");
    return !("error" in mapped) && overlaps(mapped, path);
  });
  if (clash === -1) return undefined;
  const { line } = release.positionOf(["spec", "values", clash, "path"]);
  const at = given === undefined ? AT : [...AT, "switch"];
  return { at, text: `has a switch that overlaps a mapped path, at ${release.file}:${line}` };
}

/** Indexes of the mappings that bring the policy's secret, and nothing else, to a path. */
function mappedPaths(release: YamlDocument, policy: YamlDocument): number[] {
  const wanted = refAt(policy, ["spec", "secret"]);
  return entriesOf(release).flatMap((_, index) => {
    const at = ["spec", "values", index];
    const isString = (textAt(release, [...at, "type"]) ?? "string") === "string";
    return isString && refAt(release, [...at, "from"]) === wanted ? [index] : [];
  });
}

/** Slashes at the ends of a path do not count. */
function refAt(yaml: YamlDocument, at: FieldPath): string {
  const [store, path, key] = ["store", "path", "key"].map((field) => textAt(yaml, [...at, field]));
  return JSON.stringify([store, path?.replaceAll(/^\/|\/$/g, ""), key]);
}

function entriesOf(release: YamlDocument): readonly unknown[] {
  const entries = valueAt(release.content, ["spec", "values"]);
  return Array.isArray(entries) ? entries : [];
}

function nameOf(yaml: YamlDocument): string | undefined {
  return textAt(yaml, ["metadata", "name"]);
}
