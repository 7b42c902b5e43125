import { canaryFor, canaryNeedles } from "../core/canaryValue.ts";
import { digestOf } from "../core/digest.ts";
import { guardHolds, ownerHolds } from "../core/guards.ts";
import { type Hold, hold } from "../core/hold.ts";
import type { Json, JsonObject } from "../core/json.ts";
import { planOverlay } from "../core/overlay.ts";
import type { Upgrade, WantedValue } from "../core/plan.ts";
import { Sealed, SecretValue } from "../core/secretValue.ts";
import type { ReleaseSync } from "../core/spec.ts";
import type { StatusRecord } from "../core/statusRecord.ts";
import { formatValuePath, getAt } from "../core/valuePath.ts";
import { withoutPaths } from "../core/values.ts";
import { isIgnored, needsSecondRender, type Traced, withLiveKeys, type Xray, xrayOf } from "../core/xray.ts";
import { HelmwardenError } from "../errors.ts";
import type { LocalChart } from "../ports.ts";
import type { ReleasePorts } from "./releasePorts.ts";
import { type HeldValue, withoutProven } from "./withoutProven.ts";

/** What the preflight found out, before anything is written. */
export interface Preflight {
  readonly chart: LocalChart;
  readonly xray: Xray;
  readonly holds: readonly Hold[];
}

/**
 * Looks at the change before it is made: whose release it is, whether the chart is the deployed one, what each value
 * reaches, and what else would change. Two dry runs side by side, a third where they differ in more than the values,
 * none where the X-ray of the last change still holds.
 */
export async function preflight(
  ports: ReleasePorts,
  spec: ReleaseSync,
  values: readonly WantedValue[],
  upgrade: Upgrade,
  record: StatusRecord | undefined,
  signal: AbortSignal,
): Promise<Preflight> {
  const { base } = upgrade;
  const chart = await ports.helm.chart(spec.chart, base.chart, signal);
  const foreign = [...chartHolds(spec, chart, upgrade), ...ownerHolds(base.manifest.reveal())];
  const cacheKey = await cacheKeyOf(ports, chart, values, upgrade, signal);
  const known = record?.xray?.cacheKey === cacheKey && record.xray.reusable ? record.xray : ports.xrays?.get(cacheKey);
  if (foreign.length > 0) return { chart, xray: known ?? emptyXray(cacheKey), holds: foreign };
  const xray = known ?? (await takeXray(ports, spec, values, upgrade, chart, cacheKey, signal));
  if (xray.reusable) ports.xrays?.set(cacheKey, xray);
  const holds = guardHolds(xray, upgrade.changed, spec.guards);
  const valueAt = (at: string): HeldValue | undefined => {
    const source = spec.values.find(({ path }) => formatValuePath(path) === at)?.source;
    const value = values.find(({ path }) => formatValuePath(path) === at)?.value;
    return source && { source, wanted: value?.kind === "value" ? value.value : undefined };
  };
  return { chart, xray, holds: await withoutProven(ports, valueAt, holds, signal) };
}

type Render = (overlay: Sealed<JsonObject>, lookups: "live" | "empty") => Promise<readonly JsonObject[]>;

/** Renders the release in memory and follows a canary from each mapped path. Writes nothing. */
export async function takeXray(
  ports: ReleasePorts,
  spec: ReleaseSync,
  values: readonly WantedValue[],
  upgrade: Pick<Upgrade, "base" | "overlay" | "expected">,
  chart: LocalChart,
  cacheKey: string,
  signal: AbortSignal,
): Promise<Xray> {
  const render: Render = async (overlay, lookups) =>
    (await ports.helm.render({ key: spec.key, chart, overlay }, lookups, signal)).open();
  const [wanted, canary] = await Promise.all([
    render(upgrade.overlay, "live"),
    renderCanary(ports, values, upgrade, render),
  ]);
  const { namespace } = spec.key;
  const pure = chart.impure.length === 0 && !holdsTemplates(upgrade.base);
  const renders = { deployed: upgrade.base.objects().open(), wanted, canary: canary.objects };
  const second = needsSecondRender(renders, canary.traced, namespace);
  const again = second ? { again: await render(upgrade.overlay, "live") } : {};
  const found = xrayOf({ ...renders, ...again }, canary.traced, namespace);
  const reusable = pure && found.unexplained.length === 0 && values.every(({ type }) => type === "string");
  const xray = { cacheKey, reusable, ...found };
  if (spec.whenIgnored === "hold" || !xray.paths.some((path) => isIgnored(xray, path))) return xray;
  return withLiveKeys(xray, await render(canary.overlay, "empty"), canary.traced, namespace);
}

interface CanaryRender {
  readonly overlay: Sealed<JsonObject>;
  readonly objects: readonly JsonObject[];
  readonly traced: readonly Traced[];
}

/** A short value's longer stand-in may be refused by a schema: then one of the same shape is tried. */
async function renderCanary(
  ports: ReleasePorts,
  values: readonly WantedValue[],
  { base, expected }: Pick<Upgrade, "base" | "expected">,
  render: Render,
): Promise<CanaryRender> {
  const attempt = async (sameShape: boolean): Promise<CanaryRender> => {
    const wishes = values.map(({ path }) => {
      const wanted: Json = getAt(expected.open(), path) ?? "";
      return { path, json: canaryFor(wanted, ports.random, sameShape) };
    });
    const overlay = new Sealed(planOverlay(base.config.open(), base.defaults.open(), wishes).overlay);
    const traced = wishes.map(({ path, json }) => ({ path: formatValuePath(path), needles: canaryNeedles(json) }));
    return { overlay, objects: await render(overlay, "live"), traced };
  };
  try {
    return await attempt(false);
  } catch (caught) {
    if (caught instanceof HelmwardenError && caught.code === "ChartRejected") return await attempt(true);
    throw caught;
  }
}

/**
 * What an X-ray depends on: chart, helm, mapped paths, and everything in the values but what is at those paths.
 * Keyed, as it covers values.
 */
async function cacheKeyOf(
  ports: ReleasePorts,
  chart: LocalChart,
  values: readonly WantedValue[],
  { base }: Upgrade,
  signal: AbortSignal,
): Promise<string> {
  const paths = values.map(({ path }) => path);
  const rest = [base.config, base.defaults].map((part) => withoutPaths(part.open(), paths));
  const parts = [chart.digest, await ports.platform(signal), paths, rest];
  return digestOf(ports.digestKey, SecretValue.fromText(JSON.stringify(parts)));
}

/** A value that is itself a template may call anything. */
function holdsTemplates({ config, defaults }: Upgrade["base"]): boolean {
  return JSON.stringify([config.open(), defaults.open()]).includes("{{");
}

function emptyXray(cacheKey: string): Xray {
  return { cacheKey, reusable: false, paths: [], derived: [], unexplained: [] };
}

function chartHolds(spec: ReleaseSync, chart: LocalChart, { base }: Upgrade): Hold[] {
  const deployed = `${base.chart.name} ${base.chart.version}`;
  const pinned = spec.chart.kind === "path" ? undefined : spec.chart.version;
  const found = `${chart.name} ${pinned ?? chart.version}`;
  if (found === deployed) return [];
  return [
    hold(
      "chartMoved",
      found,
      `${deployed} is deployed. A sync never changes the chart: upgrade it with helm (\`--reset-then-reuse-values\` keeps every user value), then set \`chart\` to the same version.`,
    ),
  ];
}
