import type { Digest } from "../core/digest.ts";
import { jsonEquals } from "../core/json.ts";
import { mapAt, textAt } from "../core/objects.ts";
import { type DataKey, isReadAtStart, readsOf } from "../core/readers.ts";
import { isReady } from "../core/rollout.ts";
import { HelmwardenError } from "../errors.ts";
import type { Clock, Cluster, Workload, WorkloadRef } from "../ports.ts";

/** The annotation that `kubectl rollout restart` sets as well. */
const RESTARTED_AT = "kubectl.kubernetes.io/restartedAt";
/** Which changes a workload was restarted for, so that a pass that died is not repeated. */
const RESTARTED_FOR = "helmwarden.dev/restarted-for";

/** Names one change: the wanted values and what it was made on, as the same values may be brought back after a drift. */
export function restartToken(wanted: Digest, madeOn: string | number): string {
  return `${wanted}-${madeOn}`;
}

const FIRST_LOOK_MS = 50;
const LAST_LOOK_MS = 1_000;

type RestartPorts = { readonly cluster: Pick<Cluster, "workloads">; readonly clock: Clock };

export interface Restarts {
  readonly keys: readonly DataKey[];
  /** The namespace's workloads after the change. */
  readonly after: readonly Workload[];
  /** Has the change rolled this one already? */
  readonly isRolled: (workload: Workload) => boolean;
  /** Identity of the change; a workload that was restarted for it already is left alone. */
  readonly token: string;
  readonly mode: "auto" | "never";
  /** Other changes that are in place: who is restarted now need not be restarted for them again. */
  readonly covers?: readonly { readonly keys: readonly DataKey[]; readonly token: string }[];
}

/**
 * Restarts, once each, the workloads that read a changed key only at start and have not been rolled already. Gives
 * those that it restarted, and all that roll because of the change, those that a pass which died had restarted too.
 */
export async function restartReaders(
  ports: RestartPorts,
  { keys, after, isRolled, token, mode, covers = [] }: Restarts,
  signal: AbortSignal,
): Promise<{ readonly restarted: readonly WorkloadRef[]; readonly rolling: readonly WorkloadRef[] }> {
  const restarted: WorkloadRef[] = [];
  const rolling: WorkloadRef[] = [];
  for (const workload of after) {
    if (isRolled(workload) || restartedFor(workload).has(token)) {
      rolling.push(workload.ref);
    } else if (mode === "auto" && readsAtStart(workload, keys)) {
      if (!(await ports.cluster.workloads.mayDisrupt(workload, signal))) throw blocked(workload.ref);
      const covered = covers.filter((one) => readsAtStart(workload, one.keys)).map((one) => one.token);
      const changes = [...new Set([token, ...covered])].join(" ");
      const annotations = { [RESTARTED_AT]: ports.clock.now().toISOString(), [RESTARTED_FOR]: changes };
      await ports.cluster.workloads.annotatePods(workload.ref, annotations, signal);
      restarted.push(workload.ref);
    }
  }
  return { restarted, rolling: [...rolling, ...restarted] };
}

/** Tells the workloads whose pod template has changed since then: those have been rolled. */
export function changedSince(before: readonly Workload[]): (workload: Workload) => boolean {
  return ({ ref, podTemplate }) => {
    const earlier = before.find((one) => sameWorkload(one.ref, ref));
    return earlier !== undefined && !jsonEquals(earlier.podTemplate.open(), podTemplate.open());
  };
}

/** Waits until all of them run the new template with every replica; the ones that do not by then are returned. */
export async function waitUntilReady(
  ports: RestartPorts,
  refs: readonly WorkloadRef[],
  withinMs: number,
  signal: AbortSignal,
): Promise<readonly WorkloadRef[]> {
  const deadline = ports.clock.monotonic() + withinMs;
  let waiting = [...refs];
  for (let pause = FIRST_LOOK_MS; waiting.length > 0; pause = Math.min(pause * 1.5, LAST_LOOK_MS)) {
    const looks = await Promise.all(waiting.map((ref) => ports.cluster.workloads.get(ref, signal)));
    waiting = waiting.filter((_, index) => !isReady(looks[index]?.rollout));
    if (ports.clock.monotonic() >= deadline) break;
    if (waiting.length > 0) await ports.clock.sleep(pause, signal);
  }
  return waiting;
}

/** The values are in place; the pass that comes back finds them there and goes on with the restarts. */
function blocked(ref: WorkloadRef): HelmwardenError {
  return new HelmwardenError(
    "RestartBlocked",
    `A PodDisruptionBudget allows no pod of ${formatWorkload(ref)} to go now. The new values are in place; the restart is tried again.`,
  );
}

export function formatWorkload({ kind, name }: WorkloadRef): string {
  return `${kind}/${name}`;
}

export function readsAtStart(workload: Workload, keys: readonly DataKey[]): boolean {
  const template = workload.podTemplate.open();
  return keys.some((key) => readsOf(template, key).some(isReadAtStart));
}

/** Tokens of the changes that it was last restarted for. */
function restartedFor(workload: Workload): ReadonlySet<string> {
  const text = textAt(mapAt(mapAt(workload.podTemplate.open(), "metadata"), "annotations"), RESTARTED_FOR);
  return new Set(text?.split(" "));
}

function sameWorkload(left: WorkloadRef, right: WorkloadRef): boolean {
  return left.kind === right.kind && left.name === right.name && left.namespace === right.namespace;
}
