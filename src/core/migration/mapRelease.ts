import type { StoredRelease } from "../release.ts";
import { SecretValue } from "../secretValue.ts";
import { formatValuePath } from "../valuePath.ts";
import { writtenValue } from "../wanted.ts";
import { type Leaf, type Place, SHORTEST } from "./findPlaces.ts";
import type { ImportPath, ProposedMapping, ProposedRelease } from "./proposal.ts";
import type { RawSecret } from "./rawSecret.ts";
import { keyOfValuePath } from "./storePath.ts";

/** Where one key of one Secret was found in one release. */
export interface Match {
  readonly release: StoredRelease;
  readonly secret: RawSecret;
  /** Of the Secret, in the store. */
  readonly path: string;
  readonly key: string;
  readonly places: readonly Place[];
}

interface Chosen {
  readonly mapping: ProposedMapping;
  /** A value that is no key of a Secret goes into the store as it is, so that no literal around it has to be written down. */
  readonly own?: SecretValue;
}

/**
 * One mapping for each value path that has to do with a secret. Taken whole: a value that only holds a secret, or is
 * only a part of one, becomes a key of its own at `RELEASE-values`, as a template would put what is around it into a file.
 */
export function mapRelease(
  release: StoredRelease,
  leaves: readonly Leaf[],
  matches: readonly Match[],
  pathOf: (namespace: string, name: string) => string,
): { proposed: ProposedRelease; imports: ImportPath | undefined } {
  const { key } = release;
  const { chart, revision } = release.base ?? release.last;
  const own = matches.filter((match) => match.release === release && match.places.length > 0);
  const valuesPath = pathOf(key.namespace, `${key.name}-values`);
  const warnings: string[] = [];
  const chosen = leaves.flatMap((leaf): Chosen[] => {
    const one = choose(leaf, own, valuesPath);
    if (one === undefined) return [];
    const name = formatValuePath(leaf.path);
    const written = writtenValue(name, SecretValue.fromText(leaf.text), leaf.type, false);
    if (written.kind === "json") return [one];
    warnings.push(`${name} is left out: ${written.hold.message}`);
    return [];
  });
  const keys = new Map(
    chosen.flatMap(({ mapping, own: value }) => (value === undefined ? [] : [[mapping.from.key, value]])),
  );
  return {
    proposed: {
      namespace: key.namespace,
      name: key.name,
      chart: { name: chart.name, version: chart.version },
      revision,
      mappings: chosen.map(({ mapping }) => mapping),
      warnings,
    },
    imports: keys.size === 0 ? undefined : { path: valuesPath, origin: `values of ${key.namespace}/${key.name}`, keys },
  };
}

function choose(leaf: Leaf, matches: readonly Match[], valuesPath: string): Chosen | undefined {
  const path = formatValuePath(leaf.path);
  const here = matches.flatMap((match) => {
    const place = match.places.find((one) => formatValuePath(one.path) === path);
    return place === undefined ? [] : [{ ...match, form: place.form }];
  });
  const whole = here.find(({ form }) => form === "same") ?? here.find(({ form }) => form === "base64");
  if (whole !== undefined) {
    const { form, key, path: from } = whole;
    if (leaf.type === "boolean" || (isShort(whole) && isAmbiguous(whole))) return undefined;
    return { mapping: { path, type: leaf.type, form: form === "base64" ? form : "same", from: { path: from, key } } };
  }
  const [part] = here;
  if (part === undefined) return undefined;
  const note =
    part.form === "holds"
      ? `holds ${part.key} of Secret ${part.secret.name}: change both together`
      : `is a part of ${part.key} of Secret ${part.secret.name}`;
  return {
    mapping: { path, type: leaf.type, form: "same", from: { path: valuesPath, key: keyOfValuePath(path) }, note },
    own: SecretValue.fromText(leaf.text),
  };
}

function isShort({ secret, key }: Match): boolean {
  return (secret.data.get(key)?.byteLength ?? 0) < SHORTEST;
}

function isAmbiguous({ places }: Match): boolean {
  return places.filter(({ form }) => form === "same" || form === "base64").length > 1;
}
