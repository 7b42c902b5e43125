import { canaryNeedles } from "../core/canaryValue.ts";
import { jsonEquals } from "../core/json.ts";
import type { ChangedPath } from "../core/guards.ts";
import type { Upgrade } from "../core/plan.ts";
import type { StoredRelease } from "../core/release.ts";
import type { SecretValue } from "../core/secretValue.ts";
import type { ReleaseSync } from "../core/spec.ts";
import { traceIn } from "../core/trace.ts";
import { getAt, parseValuePath } from "../core/valuePath.ts";
import { dataKeyOf, type Reach, type Xray } from "../core/xray.ts";
import { HelmwardenError } from "../errors.ts";
import type { LiveSecret } from "../ports.ts";
import { isOurs, readAgain, type Write } from "./apply.ts";
import type { ReleasePorts } from "./releasePorts.ts";

/**
 * Reads the release back from Helm's storage and compares: our revision, deployed, the same chart, and user values
 * that are the base's with the overlay merged in, and nothing else. VerifyFailed otherwise, and ReleaseConflict where
 * another helm was faster.
 */
export async function verifyStored(
  ports: ReleasePorts,
  spec: ReleaseSync,
  write: Pick<Write, "lastRevision">,
  { base, expected }: Pick<Upgrade, "base" | "expected">,
  signal: AbortSignal,
): Promise<StoredRelease> {
  const release = await readAgain(ports, spec, signal);
  const { last } = release;
  const revision = write.lastRevision + 1;
  if (!isOurs(ports, write, last)) {
    throw new HelmwardenError(
      "ReleaseConflict",
      `Revision ${last.revision} is the newest and not ours: another helm came in between. The next pass reads the release and plans again.`,
    );
  }
  if (last.status !== "deployed") throw failed(`revision ${revision} is ${last.status}`);
  if (last.chart.name !== base.chart.name || last.chart.version !== base.chart.version) {
    throw failed(`revision ${revision} has another chart than revision ${base.revision}`);
  }
  if (!jsonEquals(last.config.open(), expected.open())) {
    throw failed(`the values of revision ${revision} differ from the planned ones beside the mapped paths`);
  }
  return release;
}

/** Changed paths, what they must hold, and where the X-ray saw them go. */
interface Traced {
  readonly changed: readonly ChangedPath[];
  readonly expected: Upgrade["expected"];
  readonly xray: Xray;
}

/**
 * Looks whether the live Secrets took the changed values, at the keys that the X-ray traced. Gives the keys that did
 * not: some charts ignore a value once their Secret exists.
 */
export async function missedKeys(
  ports: ReleasePorts,
  spec: ReleaseSync,
  settling: Traced,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const live = new Map<string, LiveSecret | undefined>();
  const missed: string[] = [];
  for (const { path, reach } of changedReaches(settling)) {
    const source = dataKeyOf(reach);
    if (source?.kind !== "Secret") continue;
    if (!live.has(source.name))
      live.set(source.name, await ports.cluster.secrets.get(spec.key.namespace, source.name, signal));
    const needles = neededTexts(settling.expected, path);
    if (!holds(live.get(source.name)?.data.get(source.key), needles, reach))
      missed.push(`${reach.object} key ${source.key}`);
  }
  return missed;
}

/** The places that the changed paths reach. */
export function changedReaches({
  xray,
  changed,
}: Pick<Traced, "xray" | "changed">): { path: string; reach: Reach; liveOnly: boolean }[] {
  const paths = new Set(changed.map(({ path }) => path));
  return xray.paths
    .filter(({ path }) => paths.has(path))
    .flatMap(({ path, reaches, liveOnly }) => reaches.map((reach) => ({ path, reach, liveOnly })));
}

/** The texts that stand for a mapped path in rendered objects, once the upgrade is done. */
export function neededTexts(expected: Upgrade["expected"], path: string): string[] {
  const parsed = parseValuePath(path);
  if ("error" in parsed) return [];
  return canaryNeedles(getAt(expected.open(), parsed) ?? null);
}

function holds(value: SecretValue | undefined, needles: readonly string[], reach: Reach): boolean {
  if (value === undefined) return false;
  const text = value.reveal();
  const forms = needles.map((needle) => traceIn(text, needle)).filter((form) => form !== undefined);
  return reach.form === "whole" ? forms.includes("whole") : forms.length > 0;
}

function failed(what: string): HelmwardenError {
  return new HelmwardenError(
    "VerifyFailed",
    `The upgrade could not be proven: ${what}. See \`helm history\`; nothing else was changed.`,
  );
}
