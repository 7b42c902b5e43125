import type { JsonObject } from "../json.ts";
import { mapAt, textAt } from "../objects.ts";
import type { StoredRelease } from "../release.ts";
import type { SecretValue } from "../secretValue.ts";
import { findPlaces, leavesOf, type Place, SHORTEST } from "./findPlaces.ts";
import { formatValuePath } from "../valuePath.ts";
import { mapRelease, type Match } from "./mapRelease.ts";
import type { ImportPath, ProposedKey, ProposedRelease, ProposedSecret, Proposal } from "./proposal.ts";
import { type RawSecret, releaseNameOf, skipReason } from "./rawSecret.ts";
import { referencesOf } from "./references.ts";

export interface ProposeInput {
  readonly secrets: readonly RawSecret[];
  /** Workloads, pods, Ingresses and ServiceAccounts, as the API gives them. */
  readonly referrers: readonly JsonObject[];
  readonly releases: readonly StoredRelease[];
  readonly notSeen: readonly string[];
  /** The path in the store, by namespace and name of a Secret. */
  readonly pathOf: (namespace: string, name: string) => string;
}

/** What to move where: names and sizes in `proposal`, the values in `imports`. Pure. */
export function propose(input: ProposeInput): { proposal: Proposal; imports: readonly ImportPath[] } {
  const judged = input.secrets.map((secret) => ({ secret, why: skipReason(secret) }));
  const wanted = judged.flatMap(({ secret, why }) => (why === undefined ? [secret] : []));
  const readers = readersOf(input.referrers);
  const values = input.releases.map((release) => ({
    release,
    leaves: leavesOf((release.base ?? release.last).config.open()),
  }));
  const matches: Match[] = [];
  const secrets = wanted.map((secret): ProposedSecret => {
    const path = input.pathOf(secret.namespace, secret.name);
    const owner = releaseNameOf(secret);
    const near = values.filter(({ release }) => isNear(secret, release));
    const keys = [...secret.data].map(([key, value]): ProposedKey => {
      const found = near.flatMap(({ release, leaves }) => {
        const places = findPlaces(value, leaves);
        matches.push({ release, secret, path, key, places });
        return places.map((place) => placeName(release, place));
      });
      return { key, bytes: value.byteLength, content: contentOf(value), places: found };
    });
    return {
      namespace: secret.namespace,
      name: secret.name,
      type: secret.type,
      release: owner === undefined ? undefined : `${owner.namespace}/${owner.name}`,
      path,
      keys,
      readers: readers(secret),
      warnings: warningsOf(owner !== undefined, keys),
    };
  });
  const mapped = values.map(({ release, leaves }) => mapRelease(release, leaves, matches, input.pathOf));
  const skipped = judged.flatMap(({ secret: { namespace, name }, why }) =>
    why === undefined ? [] : [{ namespace, name, why }],
  );
  const releases = mapped.map(({ proposed }): ProposedRelease => proposed);
  const fromSecrets = wanted.map((secret, index): ImportPath => ({
    path: secrets[index]?.path ?? "",
    origin: `secret ${secret.namespace}/${secret.name}`,
    keys: secret.data,
  }));
  const fromValues = mapped.flatMap(({ imports }) => (imports === undefined ? [] : [imports]));
  return {
    proposal: { secrets, skipped, releases, notSeen: input.notSeen },
    imports: [...fromSecrets, ...fromValues],
  };
}

function isNear(secret: RawSecret, { key }: StoredRelease): boolean {
  const owner = releaseNameOf(secret);
  return secret.namespace === key.namespace || (owner?.namespace === key.namespace && owner.name === key.name);
}

function placeName(release: StoredRelease, place: Place): ProposedKey["places"][number] {
  return {
    release: `${release.key.namespace}/${release.key.name}`,
    path: formatValuePath(place.path),
    form: place.form,
  };
}

function contentOf(value: SecretValue): ProposedKey["content"] {
  if (!value.isText) return "binary";
  return value.reveal().trim() === "" ? "empty" : "text";
}

function warningsOf(isOfRelease: boolean, keys: readonly ProposedKey[]): string[] {
  return keys.flatMap(({ key, bytes, places }) => {
    const same = places.filter(({ form }) => form === "same" || form === "base64");
    if (same.length > 1) return [`${key} stands at ${same.length} value paths: changed together, or not by one secret`];
    if (bytes > 0 && bytes < SHORTEST && same.length > 0) return [`${key} is too short to be told apart by its value`];
    if (isOfRelease && bytes > 0 && places.length === 0) {
      return [`${key} is in no value of the release: its chart makes it`];
    }
    return [];
  });
}

/** Who names a Secret, by namespace and name. */
function readersOf(referrers: readonly JsonObject[]): (secret: RawSecret) => ProposedSecret["readers"] {
  const byName = new Map<string, { object: string; by: Set<ProposedSecret["readers"][number]["by"][number]> }[]>();
  for (const object of referrers) {
    const metadata = mapAt(object, "metadata");
    const name = `${textAt(object, "kind") ?? "?"}/${textAt(metadata, "name") ?? "?"}`;
    for (const { secret, by } of referencesOf(object)) {
      const id = `${textAt(metadata, "namespace") ?? ""}/${secret}`;
      const list = byName.get(id) ?? [];
      byName.set(id, list);
      const known = list.find((one) => one.object === name);
      if (known === undefined) list.push({ object: name, by: new Set([by]) });
      else known.by.add(by);
    }
  }
  return ({ namespace, name }) =>
    (byName.get(`${namespace}/${name}`) ?? []).map(({ object, by }) => ({ object, by: [...by] }));
}
