import { isJsonObject } from "../core/json.ts";
import { writtenKeys } from "./rotationFaults.ts";
import { type FieldPath, textAt, valueAt, type YamlDocument } from "./yamlText.ts";

export function isRotation(yaml: YamlDocument): boolean {
  return textAt(yaml, ["kind"]) === "RotationPolicy";
}

/** Where the secret refs of a policy stand: its own, and each `fromStore`. */
export function rotationReferences(yaml: YamlDocument): readonly FieldPath[] {
  return [["spec", "secret"], ...fromStores(valueAt(yaml.content, ["spec"]), ["spec"])];
}

function fromStores(value: unknown, at: FieldPath): FieldPath[] {
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const path = [...at, key];
    return key === "fromStore" && isJsonObject(inner) ? [path] : fromStores(inner, path);
  });
}

/** Stores that a policy's target works in, and of which kind they must be. */
export function rotationStores(
  yaml: YamlDocument,
): readonly { readonly at: FieldPath; readonly kind: "vault" | "infisical" }[] {
  if (!isRotation(yaml)) return [];
  return [
    { at: ["spec", "target", "vaultSecretId", "store"], kind: "vault" },
    { at: ["spec", "target", "infisicalClientSecret", "store"], kind: "infisical" },
  ];
}

/** The secrets that a policy writes, each but once; slashes at the ends of a path do not count. */
export function writtenSecrets(
  yaml: YamlDocument,
): readonly { readonly at: FieldPath; readonly id: readonly string[] }[] {
  const [store, path, key] = ["store", "path", "key"].map((field) => textAt(yaml, ["spec", "secret", field]));
  if (store === undefined || path === undefined || key === undefined) return [];
  const mapAt = (field: string): object => {
    const value = valueAt(yaml.content, ["spec", field]);
    return isJsonObject(value) ? value : {};
  };
  const overlap = textAt(yaml, ["spec", "overlap", "key"]);
  const written = writtenKeys({
    secret: { key },
    generate: mapAt("generate"),
    target: mapAt("target"),
    overlap: overlap === undefined ? undefined : { key: overlap, for: 0 },
  });
  const byKey = new Map([...written].toReversed().map(([at, one]) => [one, at]));
  return [...byKey].map(([one, at]) => ({
    at: at.length === 0 ? ["spec", "secret", "key"] : ["spec", ...at],
    id: [store, path.replaceAll(/^\/|\/$/g, ""), one],
  }));
}
