// Releases and wanted values as the pure core takes them, made by hand.
import type { DigestKey } from "../../src/core/digest.ts";
import type { JsonObject } from "../../src/core/json.ts";
import type { WantedValue } from "../../src/core/plan.ts";
import { chooseRevisions, type ReleaseStatus, type Revision, type StoredRelease } from "../../src/core/release.ts";
import { Sealed, SecretValue } from "../../src/core/secretValue.ts";
import { parseValuePath, type ValuePath } from "../../src/core/valuePath.ts";

export const DIGEST_KEY = Buffer.alloc(32, 7) as Uint8Array as DigestKey;

export interface RevisionOptions {
  readonly revision?: number;
  readonly status?: ReleaseStatus;
  readonly config?: JsonObject;
  readonly defaults?: JsonObject;
  readonly objects?: readonly JsonObject[];
  readonly chart?: string;
}

export function revisionOf(options: RevisionOptions = {}): Revision {
  const { revision = 1, status = "deployed", config = {}, defaults = {}, objects = [], chart = "demo" } = options;
  return {
    revision,
    status,
    resourceVersion: String(revision),
    labels: {},
    chart: { name: chart, version: "1.0.0" },
    config: new Sealed(config),
    defaults: new Sealed(defaults),
    manifest: SecretValue.fromText(JSON.stringify(objects)),
    objects: () => new Sealed(objects),
    description: SecretValue.fromText(""),
    changedAt: undefined,
  };
}

/** The release that has these revisions, chosen from as Helm does. */
export function releaseOf(...revisions: readonly Revision[]): StoredRelease {
  const chosen = chooseRevisions(revisions);
  if (chosen === undefined) throw new Error("a release has at least one revision");
  return { key: { cluster: "default", namespace: "apps", name: "demo" }, ...chosen };
}

export function pathOf(text: string): ValuePath {
  const path = parseValuePath(text);
  if ("error" in path) throw new Error(`${text}: ${path.error}`);
  return path;
}

export function wantedValue(
  path: string,
  text: string,
  options: Partial<Pick<WantedValue, "type" | "kind">> = {},
): WantedValue {
  return {
    path: pathOf(path),
    type: options.type ?? "string",
    kind: options.kind ?? "credential",
    value: { kind: "value", value: SecretValue.fromText(text) },
    sources: [`vault:apps/demo#${path}@1`],
  };
}
