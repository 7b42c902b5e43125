import { type Hold, hold } from "./hold.ts";
import { ENCRYPTS_DATA, whyNotRotated } from "./notRotatable.ts";
import type { ChartIdentity } from "./release.ts";
import type { Guards, ValueMapping } from "./spec.ts";
import { type Reader, readersOf, type LiveWorkload } from "./readers.ts";
import { isIgnored, type Reach, type Xray } from "./xray.ts";

/** A mapped path whose value would change, as the guards see it. */
export interface ChangedPath {
  readonly path: string;
  readonly kind: ValueMapping["kind"];
  /** Is there a value now that data may depend on? */
  readonly replaces: boolean;
}

/** Every reason of the X-ray's not to make this change. None: it may be made. */
export function guardHolds(xray: Xray, changed: readonly ChangedPath[], guards: Guards): Hold[] {
  return [
    ...(guards.regeneration === "hold" ? regenerationHolds(xray) : []),
    ...changed.flatMap((path) => ignoredHolds(xray, path)),
    ...(guards.statefulCredential === "hold" ? changed.flatMap((path) => statefulHolds(xray, path)) : []),
  ];
}

function regenerationHolds(xray: Xray): Hold[] {
  return xray.unexplained.map((position) =>
    hold(
      "regeneration",
      position,
      "The upgrade would change this, and no mapped value explains it: the chart draws it at random, looks it up, or was edited. Put the value that is live now into the store and map it, so that the chart draws none; or set `guards.regeneration: allow`.",
    ),
  );
}

function ignoredHolds(xray: Xray, changed: ChangedPath): Hold[] {
  const traced = xray.paths.find((one) => one.path === changed.path);
  if (traced === undefined || !isIgnored(xray, traced)) return [];
  return [
    hold(
      "ignored",
      changed.path,
      "The chart does not take this value: it reaches no object. Either the path is not one of the chart's: correct it. Or the live Secret wins over the value: use the chart's existingSecret with a SecretSync, or set `whenIgnored: patchSecret`.",
    ),
  ];
}

function statefulHolds(xray: Xray, changed: ChangedPath): Hold[] {
  if (!isRemembered(changed)) return [];
  const reaches = xray.paths.find((one) => one.path === changed.path)?.reaches ?? [];
  return reaches.flatMap((reach) => rememberedHolds(changed, reach)).slice(0, 1);
}

/**
 * Holds the keys of a Secret whose old value a volume of who reads them may remember: the workloads of its namespace
 * as they live, where a release has its X-ray.
 */
export function statefulKeyHolds(
  secret: string,
  changed: readonly ChangedPath[],
  workloads: readonly LiveWorkload[],
): Hold[] {
  return changed.filter(isRemembered).flatMap((one) => {
    const readers = readersOf(workloads, { kind: "Secret", name: secret, key: one.path });
    return rememberedHolds(one, { object: `Secret/${secret}`, field: one.path, readers });
  });
}

/** Is there an old value, and could something persistent remember it? */
export function isRemembered({ replaces, kind }: ChangedPath): boolean {
  return replaces && kind !== "token";
}

type Seen = Pick<Reach, "object" | "field"> & {
  readonly readers: readonly Pick<Reader, "workload" | "by" | "remembers">[];
};

/** What pulls images is asked for by a registry, and no volume remembers it. */
function rememberedHolds(changed: ChangedPath, { object, field, readers }: Seen): Hold[] {
  const reader = readers.find(({ remembers, by }) => remembers && by.some((way) => way !== "imagePull"));
  if (reader === undefined) return [];
  return [
    hold(
      "statefulCredential",
      changed.path,
      `${reader.workload} reads this from ${object} key ${field} and keeps its data on a volume, which may remember the old value. Give the secret a RotationPolicy with that database as its target, or change it there yourself and let this through with \`guards.statefulCredential: allow\`. If nothing there remembers it, set \`kind: token\` in the mapping.`,
    ),
  ];
}

/**
 * Holds the paths, or the keys of a Secret, whose old value encrypts data or is read once only: known by mapping, by
 * chart, or by name. `kind` says otherwise.
 */
export function notRotatableHolds(chart: ChartIdentity | undefined, changed: readonly ChangedPath[]): Hold[] {
  return changed.flatMap(({ path, kind, replaces }) => {
    const why = replaces ? whyOf(path, kind, chart) : undefined;
    if (why === undefined) return [];
    const rest =
      "Until then the old value belongs into the store. If nothing depends on it, set `kind: token` in the mapping.";
    return [hold("notRotatable", path, `This ${why} ${rest}`)];
  });
}

function whyOf(path: string, kind: ValueMapping["kind"], chart: ChartIdentity | undefined): string | undefined {
  if (kind === "token") return undefined;
  return whyNotRotated(path, chart) ?? (kind === "encryptionKey" ? ENCRYPTS_DATA : undefined);
}

const OWNERS: readonly { mark: RegExp; owner: string; advice: string }[] = [
  {
    mark: /helm\.toolkit\.fluxcd\.io\/name["']?:/,
    owner: "Flux",
    advice: "Flux would upgrade it back. Sync the Secret of its `valuesFrom` with a SecretSync.",
  },
  {
    mark: /argocd\.argoproj\.io\/(instance|tracking-id)["']?:/,
    owner: "Argo CD",
    advice: "Argo CD would set it back. Let the chart read an existingSecret and sync that with a SecretSync.",
  },
  {
    mark: /objectset\.rio\.cattle\.io\/owner-gvk["']?:.*HelmChart/,
    owner: "the k3s Helm controller",
    advice: "Sync the Secret of its `valuesSecrets` with a SecretSync.",
  },
];

/** Somebody else who applies this release, by the marks that they leave in its manifest. */
export function ownerHolds(manifest: string): Hold[] {
  const found = OWNERS.find(({ mark }) => mark.test(manifest));
  if (found === undefined) return [];
  return [
    hold(
      "owner",
      found.owner,
      `This release is applied by ${found.owner}; two writers fight for ever. ${found.advice}`,
    ),
  ];
}
