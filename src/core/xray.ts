import type { JsonObject } from "./json.ts";
import { mapAt, objectName, podTemplateOf, textAt } from "./objects.ts";
import { type Position, type PositionKind, positionsOf } from "./positions.ts";
import { type DataKey, type Reader, readsOf, remembersValues } from "./readers.ts";
import { sameAround, type TraceForm, traceIn } from "./trace.ts";

/** One place that a mapped value gets to. */
export interface Reach {
  readonly object: string;
  /** Data key of a Secret or ConfigMap, else the field's path. */
  readonly field: string;
  readonly kind: PositionKind;
  readonly form: TraceForm;
  readonly readers: readonly Reader[];
}

/** What one mapped path reaches. */
export interface PathXray {
  readonly path: string;
  readonly reaches: readonly Reach[];
  /** Its values are of a type that cannot be followed (a boolean). */
  readonly untraced: boolean;
  /** The chart takes the value only where no live Secret has one: the live key must be set beside the upgrade. */
  readonly liveOnly: boolean;
}

/**
 * What a chart does with the mapped paths of one release. Holds names only, so that it can be kept in the cluster.
 * `reusable`: the next change needs no dry run as long as `cacheKey` is the same.
 */
export interface Xray {
  readonly cacheKey: string;
  readonly reusable: boolean;
  readonly paths: readonly PathXray[];
  /** Data that follows the mapped values in a form that hides them (a hash, an htpasswd line). */
  readonly derived: readonly string[];
  /** Data that would change though no mapped value explains it: random, looked up, or of a changed chart. */
  readonly unexplained: readonly string[];
}

/** Three renders of one chart over one release, and the manifest that is deployed. */
export interface Renders {
  readonly deployed: readonly JsonObject[];
  readonly wanted: readonly JsonObject[];
  readonly canary: readonly JsonObject[];
  /** A second render with the wanted values; needed only where `needsSecondRender` says so. */
  readonly again?: readonly JsonObject[];
}

/** A mapped path and the texts to look for in the canary render. */
export interface Traced {
  readonly path: string;
  readonly needles: readonly string[];
}

/**
 * Is there data that differs between wanted and canary render in more than the canaries? Then only a second render
 * of the wanted values can tell what is derived from them from what is random.
 */
export function needsSecondRender(renders: Renders, traced: readonly Traced[], namespace: string): boolean {
  const wanted = positionsOf(renders.wanted, namespace);
  const needles = traced.flatMap((one) => one.needles);
  return [...positionsOf(renders.canary, namespace)].some(([id, position]) => {
    const text = wanted.get(id)?.text;
    return isData(position) && text !== position.text && !sameAround(position.text, needles, text ?? "");
  });
}

/** Follows the canaries, and compares what the upgrade would send with what is deployed. */
export function xrayOf(
  renders: Renders,
  traced: readonly Traced[],
  namespace: string,
): Omit<Xray, "cacheKey" | "reusable"> {
  const canary = positionsOf(renders.canary, namespace);
  const workloads = workloadsOf(renders, traced, namespace);
  const paths = traced.map(({ path, needles }) => ({
    path,
    untraced: needles.length === 0,
    liveOnly: false,
    reaches: [...canary.values()].flatMap((position) => {
      const form = strongestForm(position.text, needles);
      return form === undefined ? [] : [reachOf(position, form, workloads)];
    }),
  }));
  return { paths, ...changesBeside(renders, traced, namespace) };
}

/** Is this path one that the chart does not take, as far as the canaries can tell? */
export function isIgnored(xray: Pick<Xray, "derived">, path: PathXray): boolean {
  return !path.untraced && path.reaches.length === 0 && xray.derived.length === 0;
}

/**
 * The same X-ray with the ignored paths followed through a canary render in which the chart saw no live objects:
 * the Secret keys found there are the ones that win over the value.
 */
export function withLiveKeys<T extends Pick<Xray, "paths" | "derived">>(
  xray: T,
  blind: readonly JsonObject[],
  traced: readonly Traced[],
  namespace: string,
): T {
  const found = xrayOf({ deployed: blind, wanted: blind, canary: blind }, traced, namespace).paths;
  const paths = xray.paths.map((path) => {
    if (!isIgnored(xray, path)) return path;
    const seen = found.find((one) => one.path === path.path)?.reaches ?? [];
    const reaches = seen.filter(({ kind, form }) => kind === "secret" && form === "whole");
    return { ...path, reaches, liveOnly: reaches.length > 0 };
  });
  return { ...xray, paths };
}

function reachOf(position: Position, form: TraceForm, workloads: readonly RenderedWorkload[]): Reach {
  const { object, field, kind } = position;
  return { object, field, kind, form, readers: readersOf(position, workloads) };
}

/** Data that the wanted render changes against what is deployed, and that the canaries in it do not explain. */
function changesBeside(
  renders: Renders,
  traced: readonly Traced[],
  namespace: string,
): Pick<Xray, "derived" | "unexplained"> {
  const deployed = positionsOf(renders.deployed, namespace);
  const canary = positionsOf(renders.canary, namespace);
  const again = positionsOf(renders.again ?? renders.wanted, namespace);
  const needles = traced.flatMap((one) => one.needles);
  const derived: string[] = [];
  const unexplained: string[] = [];
  for (const [id, position] of positionsOf(renders.wanted, namespace)) {
    if (!isData(position)) continue;
    const inCanary = canary.get(id)?.text;
    const stable = again.get(id)?.text === position.text;
    const reached = inCanary !== undefined && holdsAny(inCanary, needles);
    if (stable && reached) continue;
    if (stable && inCanary !== position.text) derived.push(id);
    else if (deployed.get(id)?.text !== position.text) unexplained.push(id);
  }
  // A hook is made anew at each upgrade: helm takes none away that is not rendered any more.
  const hooks = new Set(renders.deployed.filter(isHook).map((object) => objectName(object, namespace)));
  const gone = [...deployed]
    .filter(([id, { kind, object }]) => kind === "secret" && !hooks.has(object) && !canary.has(id))
    .map(([id]) => id);
  return { derived, unexplained: [...unexplained, ...gone] };
}

function isHook(object: JsonObject): boolean {
  return textAt(mapAt(mapAt(object, "metadata"), "annotations"), "helm.sh/hook") !== undefined;
}

interface RenderedWorkload {
  readonly object: JsonObject;
  readonly name: string;
  readonly template: JsonObject;
  readonly rolledByChart: boolean;
}

function workloadsOf(renders: Renders, traced: readonly Traced[], namespace: string): RenderedWorkload[] {
  const wanted = new Map(renders.wanted.map((object) => [objectName(object, namespace), object]));
  return renders.canary.flatMap((object) => {
    const template = podTemplateOf(object);
    if (template === undefined) return [];
    const name = objectName(object, namespace);
    const before = podTemplateOf(wanted.get(name) ?? {});
    const rolledByChart = JSON.stringify(before) !== JSON.stringify(template) && traced.length > 0;
    return [{ object, name, template, rolledByChart }];
  });
}

function readersOf(position: Position, workloads: readonly RenderedWorkload[]): Reader[] {
  if (position.kind === "pod") {
    const own = workloads.filter(({ name }) => name === position.object);
    return own.map(({ name, object }) => ({
      workload: name,
      by: ["env"],
      rolledByChart: true,
      remembers: remembersValues(object),
    }));
  }
  const source = dataKeyOf(position);
  if (source === undefined) return [];
  return workloads.flatMap((workload) => {
    const by = readsOf(workload.template, source);
    if (by.length === 0) return [];
    const { name, rolledByChart, object } = workload;
    return [{ workload: name, by, rolledByChart, remembers: remembersValues(object) }];
  });
}

/** The Secret or ConfigMap key that a position is, if it is one in the release's own namespace. */
export function dataKeyOf(position: Pick<Reach, "object" | "field" | "kind">): DataKey | undefined {
  const [kind, name, further] = position.object.split("/");
  if (name === undefined || further !== undefined) return undefined;
  if (position.kind === "secret") return { kind: "Secret", name, key: position.field };
  return position.kind === "config" && kind === "ConfigMap"
    ? { kind: "ConfigMap", name, key: position.field }
    : undefined;
}

function isData(position: Position): boolean {
  return position.kind !== "other";
}

function holdsAny(text: string, needles: readonly string[]): boolean {
  return needles.some((needle) => traceIn(text, needle) !== undefined);
}

function strongestForm(text: string, needles: readonly string[]): TraceForm | undefined {
  const forms = needles.map((needle) => traceIn(text, needle)).filter((form) => form !== undefined);
  return forms.includes("whole") ? "whole" : forms[0];
}
