import type { ChangedPath } from "../core/guards.ts";
import type { Upgrade } from "../core/plan.ts";
import type { DataKey } from "../core/readers.ts";
import { SecretValue } from "../core/secretValue.ts";
import type { ReleaseSync } from "../core/spec.ts";
import { dataKeyOf, type Xray } from "../core/xray.ts";
import type { Workload } from "../ports.ts";
import type { ReleasePorts } from "./releasePorts.ts";
import { changedSince, formatWorkload, restartReaders, waitUntilReady } from "./restart.ts";
import { changedReaches, missedKeys, neededTexts } from "./verify.ts";

/** A deployed revision whose effect is still to be proven. */
export interface Settling {
  /** Rejects where the revision is not what was planned: nothing is patched or restarted then. */
  readonly verified?: Promise<unknown>;
  readonly changed: readonly ChangedPath[];
  readonly expected: Upgrade["expected"];
  readonly xray: Xray;
  /** Marks the workloads that are restarted for it, so that none is twice. */
  readonly token: string;
  /** The namespace's workloads before the upgrade; unknown to who finishes what another pass began. */
  readonly before: readonly Workload[] | "unknown";
}

export type Settled =
  | { readonly kind: "settled"; readonly restarted: readonly string[] }
  | { readonly kind: "ineffective"; readonly reason: string }
  | { readonly kind: "notReady"; readonly reason: string };

/** What follows a deployed revision: live keys that win over values, proof of effect, restarts, readiness. */
export async function settle(
  ports: ReleasePorts,
  spec: ReleaseSync,
  settling: Settling,
  signal: AbortSignal,
): Promise<Settled> {
  const { token } = settling;
  const looked = ports.cluster.workloads.list(spec.key.namespace, signal);
  looked.catch(() => undefined);
  await settling.verified;
  await patchLiveKeys(ports, spec, settling, signal);
  const [missed, after] = await Promise.all([missedKeys(ports, spec, settling, signal), looked]);
  if (missed.length > 0) {
    const reason = `The release holds the new value and ${missed.join(", ")} does not: the chart keeps its live Secret. Use \`whenIgnored: patchSecret\`, or its existingSecret with a SecretSync`;
    return { kind: "ineffective", reason };
  }
  const keys = dataKeysOf(settling);
  const { restarted, rolling } = await restartReaders(
    ports,
    { keys, isRolled: rolledSince(settling), after, token, mode: spec.restart },
    signal,
  );
  const unready = await waitUntilReady(ports, rolling, spec.upgrade.readyMs, signal);
  if (unready.length === 0) return { kind: "settled", restarted: restarted.map(formatWorkload) };
  const names = unready.map(formatWorkload).join(", ");
  return { kind: "notReady", reason: `${names} did not become ready within ${spec.upgrade.readyMs / 1000} s` };
}

/** Has the upgrade rolled a workload itself? Seen by its pod template; else by what the X-ray saw the chart do. */
function rolledSince(settling: Settling): (workload: Workload) => boolean {
  const { before } = settling;
  if (before !== "unknown") return changedSince(before);
  const readers = changedReaches(settling).flatMap(({ reach }) => reach.readers);
  const rolled = new Set(readers.filter(({ rolledByChart }) => rolledByChart).map(({ workload }) => workload));
  return ({ ref }) => rolled.has(formatWorkload(ref));
}

/** `whenIgnored: patchSecret`: the chart keeps its live Secret, so the traced key of it is set as well. */
async function patchLiveKeys(
  ports: ReleasePorts,
  spec: ReleaseSync,
  settling: Settling,
  signal: AbortSignal,
): Promise<void> {
  const data = new Map<string, Map<string, SecretValue>>();
  for (const { path, reach, liveOnly } of changedReaches(settling)) {
    const source = dataKeyOf(reach);
    const [text] = neededTexts(settling.expected, path);
    if (!liveOnly || source === undefined || text === undefined) continue;
    const keys = data.get(source.name) ?? new Map<string, SecretValue>();
    data.set(source.name, keys.set(source.key, SecretValue.fromText(text)));
  }
  for (const [name, keys] of data) await ports.cluster.secrets.apply(spec.key.namespace, name, keys, signal);
}

function dataKeysOf(settling: Settling): DataKey[] {
  return changedReaches(settling).flatMap(({ reach }) => dataKeyOf(reach) ?? []);
}
