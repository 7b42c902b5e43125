import { isJsonObject } from "../core/json.ts";
import { overlaps, parseValuePath } from "../core/valuePath.ts";
import { chartJobFault } from "./chartJobCheck.ts";
import { DEFAULT_CLUSTER } from "./fields.ts";
import { nearest } from "./knownFields.ts";
import { formatField, type Problem } from "./problem.ts";
import { isRotation, rotationReferences, rotationStores, writtenSecrets } from "./rotationReferences.ts";
import { type FieldPath, textAt, valueAt, type YamlDocument } from "./yamlText.ts";

/**
 * What no schema can see: documents against each other, and fields against each other. It looks at the documents as
 * they are written, those that their schema refuses included, so that all errors come at once.
 */
export function crossCheck(documents: readonly YamlDocument[]): Problem[] {
  const stores = documents.filter((yaml) => textAt(yaml, ["kind"]) === "SecretStore");
  return [
    ...repeated(documents),
    ...documents.flatMap(longReleaseName),
    ...documents.flatMap((yaml) => [
      ...conflicts(yaml, "values", "path", readPath, overlaps),
      ...conflicts(yaml, "data", "key", String, (left, right) => left === right),
    ]),
    ...documents.flatMap((yaml) => references(yaml).flatMap((at) => badReference(yaml, at, stores))),
    ...documents.flatMap((yaml) => rotationStores(yaml).flatMap(({ at, kind }) => badKind(yaml, at, kind, stores))),
    ...documents.flatMap((yaml) => badChartJob(yaml, documents)),
  ];
}

interface Identity {
  readonly id: readonly (string | undefined)[];
  readonly path: FieldPath;
  readonly rule: string;
}

function repeated(documents: readonly YamlDocument[]): Problem[] {
  const seen = new Map<string, YamlDocument>();
  return documents.flatMap((yaml) => {
    const known = identities(yaml).flatMap(({ id, path, rule }) => {
      const key = JSON.stringify(id);
      const first = seen.get(key);
      if (first === undefined) seen.set(key, yaml);
      return first === undefined ? [] : [problem(yaml, path, `${rule} ${placeOf(first)}`)];
    });
    return known.slice(0, 1);
  });
}

/** What no other document may be, or be about. */
function identities(yaml: YamlDocument): readonly Identity[] {
  const kind = textAt(yaml, ["kind"]);
  const [name, namespace] = [textAt(yaml, ["metadata", "name"]), textAt(yaml, ["metadata", "namespace"])];
  if (kind === "HelmwardenConfig") return [{ id: [kind], path: ["kind"], rule: "may occur once; the first is at" }];
  if (name === undefined) return [];
  const path = ["metadata", "name"];
  const named = { id: [kind, namespace, name], path, rule: "is the name of another document of this kind, at" };
  if (isRotation(yaml)) {
    const rule = "is written by another RotationPolicy, at";
    return [named, ...writtenSecrets(yaml).map(({ at, id }) => ({ id: ["secret", ...id], path: at, rule }))];
  }
  if (kind !== "ReleaseSync" && kind !== "SecretSync") return [named];
  const field = kind === "ReleaseSync" ? "release" : "secret";
  const target = textAt(yaml, ["spec", field]);
  const cluster = textAt(yaml, ["spec", "cluster"]) ?? DEFAULT_CLUSTER;
  return [
    named,
    {
      id: [field, cluster, namespace, target ?? name],
      path: target === undefined ? path : ["spec", field],
      rule: `is the ${field} of another ${kind}, at`,
    },
  ];
}

function longReleaseName(yaml: YamlDocument): Problem[] {
  if (textAt(yaml, ["kind"]) !== "ReleaseSync" || textAt(yaml, ["spec", "release"]) !== undefined) return [];
  if ((textAt(yaml, ["metadata", "name"]) ?? "").length <= 53) return [];
  return [
    problem(yaml, ["metadata", "name"], "is longer than the 53 characters of a release's name: set spec.release"),
  ];
}

function readPath(written: string) {
  const path = parseValuePath(written);
  return "error" in path ? undefined : path;
}

/** Entries of a list that are about the same place as an earlier one. */
function conflicts<T>(
  yaml: YamlDocument,
  list: string,
  field: string,
  read: (written: string) => T | undefined,
  conflict: (left: T, right: T) => boolean,
): Problem[] {
  const targets = entriesOf(yaml, list).map((_, index) => {
    const written = textAt(yaml, ["spec", list, index, field]);
    return written === undefined ? undefined : read(written);
  });
  return targets.flatMap((target, index) => {
    if (target === undefined) return [];
    const clashes = (earlier: T | undefined) => earlier !== undefined && conflict(earlier, target);
    const first = targets.slice(0, index).findIndex(clashes);
    if (first === -1) return [];
    const other = ["spec", list, first, field];
    const where = `${formatField(other)} at line ${yaml.positionOf(other).line}`;
    return [problem(yaml, ["spec", list, index, field], `is mapped already, in whole or in part, by ${where}`)];
  });
}

/** Where the secret refs of a document stand. */
function references(yaml: YamlDocument): readonly FieldPath[] {
  if (isRotation(yaml)) return rotationReferences(yaml);
  return ["values", "data"].flatMap((list) =>
    entriesOf(yaml, list).flatMap((entry, index) => {
      const at = ["spec", list, index, "from"];
      const from = isJsonObject(entry) ? entry["from"] : undefined;
      if (!isJsonObject(from)) return [];
      return typeof from["store"] === "string" ? [at] : Object.keys(from).map((name) => [...at, name]);
    }),
  );
}

function badReference(yaml: YamlDocument, at: FieldPath, stores: readonly YamlDocument[]): Problem[] {
  const name = textAt(yaml, [...at, "store"]);
  if (name === undefined) return [];
  const store = stores.find((candidate) => nameOf(candidate) === name);
  if (store === undefined) return [problem(yaml, [...at, "store"], unknownStore(name, stores))];
  if (valueAt(store.content, ["spec", "vault"]) !== undefined && /^\/|\/$/.test(textAt(yaml, [...at, "path"]) ?? "")) {
    return [problem(yaml, [...at, "path"], "must not begin or end with a slash in Vault")];
  }
  if (valueAt(store.content, ["spec", "infisical"]) !== undefined && /[:/]/.test(textAt(yaml, [...at, "key"]) ?? "")) {
    return [problem(yaml, [...at, "key"], "must not hold : or / in Infisical")];
  }
  return [];
}

function badKind(
  yaml: YamlDocument,
  at: FieldPath,
  kind: "vault" | "infisical",
  stores: readonly YamlDocument[],
): Problem[] {
  const name = textAt(yaml, at);
  const store = stores.find((candidate) => nameOf(candidate) === name);
  if (name === undefined) return [];
  if (store === undefined) return [problem(yaml, at, unknownStore(name, stores))];
  if (valueAt(store.content, ["spec", kind]) !== undefined) return [];
  return [problem(yaml, at, `must be a store of the kind ${kind}`)];
}

function badChartJob(yaml: YamlDocument, documents: readonly YamlDocument[]): Problem[] {
  const fault = isRotation(yaml) ? chartJobFault(yaml, documents) : undefined;
  return fault === undefined ? [] : [problem(yaml, fault.at, fault.text)];
}

function unknownStore(name: string, stores: readonly YamlDocument[]): string {
  if (stores.length === 0) return "names a SecretStore, but there is none in this configuration";
  const close = nearest(name, stores.map(nameOf));
  const meant = stores.find((store) => nameOf(store) === close);
  if (meant !== undefined) return `names no SecretStore; did you mean the one at ${placeOf(meant)}?`;
  return `names no SecretStore; there are those at ${stores.slice(0, 5).map(placeOf).join(", ")}`;
}

function nameOf(yaml: YamlDocument): string {
  return textAt(yaml, ["metadata", "name"]) ?? "";
}

function entriesOf(yaml: YamlDocument, list: string): readonly unknown[] {
  const entries = valueAt(yaml.content, ["spec", list]);
  return Array.isArray(entries) ? entries : [];
}

function placeOf(yaml: YamlDocument): string {
  return `${yaml.file}:${yaml.positionOf([]).line}`;
}

function problem(yaml: YamlDocument, path: FieldPath, message: string): Problem {
  return { file: yaml.file, ...yaml.positionOf(path), field: formatField(path), text: message };
}
