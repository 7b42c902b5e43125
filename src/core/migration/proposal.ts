import type { ChartIdentity } from "../release.ts";
import type { SecretValue } from "../secretValue.ts";
import type { PlaceForm } from "./findPlaces.ts";
import type { ReferredBy } from "./references.ts";

/** What a migration would do, in names and sizes: printed whole. */
export interface Proposal {
  readonly secrets: readonly ProposedSecret[];
  readonly skipped: readonly { readonly namespace: string; readonly name: string; readonly why: string }[];
  readonly releases: readonly ProposedRelease[];
  /** What could not be looked at, in words for a person. */
  readonly notSeen: readonly string[];
}

export interface ProposedSecret {
  readonly namespace: string;
  readonly name: string;
  readonly type: string;
  /** The release that applies it, as NAMESPACE/NAME. */
  readonly release: string | undefined;
  /** In the store. */
  readonly path: string;
  readonly keys: readonly ProposedKey[];
  readonly readers: readonly { readonly object: string; readonly by: readonly ReferredBy[] }[];
  readonly warnings: readonly string[];
}

export interface ProposedKey {
  readonly key: string;
  readonly bytes: number;
  readonly content: "text" | "binary" | "empty";
  readonly places: readonly { readonly release: string; readonly path: string; readonly form: PlaceForm }[];
}

/** What a ReleaseSync of this release would map. */
export interface ProposedRelease {
  readonly namespace: string;
  readonly name: string;
  readonly chart: ChartIdentity;
  readonly revision: number;
  readonly mappings: readonly ProposedMapping[];
  readonly warnings: readonly string[];
}

export interface ProposedMapping {
  readonly path: string;
  readonly type: "string" | "number" | "boolean";
  /** The value is the secret, or its base64. */
  readonly form: "same" | "base64";
  readonly from: { readonly path: string; readonly key: string };
  /** What the value is made of, in words for a person. */
  readonly note?: string;
}

/** Everything that goes to one path of the store. */
export interface ImportPath {
  readonly path: string;
  /** `secret web/shop` or `values of web/shop`. */
  readonly origin: string;
  readonly keys: ReadonlyMap<string, SecretValue>;
}
