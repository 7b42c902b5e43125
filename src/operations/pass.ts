import type { Outcome } from "../core/outcome.ts";
import { formatKey } from "../core/release.ts";
import type { ReleaseSync, SecretSync } from "../core/spec.ts";
import type { StatusRecord } from "../core/statusRecord.ts";
import { toHelmwardenError } from "../errors.ts";
import type { ReleaseReading, Store, Subject } from "../ports.ts";
import { emitOutcome } from "./emitOutcome.ts";
import { inLanes } from "./lanes.ts";
import { wantedKeys, wantedValues } from "./observe.ts";
import { type ObservedRelease, outcomeWithoutWrite, reconcileRelease } from "./reconcileRelease.ts";
import { reconcileSecret, secretSubject, settleSecret, type WrittenSecret } from "./reconcileSecret.ts";
import { releaseSubject } from "./record.ts";
import type { ReleasePorts } from "./releasePorts.ts";
import { createStorePass, type StorePass } from "./storePass.ts";
import { underLease } from "./underLease.ts";

/** What one pass goes over. */
export interface PassInput {
  readonly mode: "plan" | "sync";
  readonly releases: readonly ReleaseSync[];
  readonly secrets: readonly SecretSync[];
  readonly concurrency: number;
  readonly stores: ReadonlyMap<string, Store>;
  /** The ports of a cluster, by its context name. Rejects where the cluster cannot be had. */
  readonly portsOf: (cluster: string) => Promise<ReleasePorts>;
}

export interface Result {
  readonly subject: Subject;
  readonly cluster: string;
  readonly outcome: Outcome;
}

/** Called as soon as each release or Secret is done. */
export type OnResult = (result: Result) => void;

/**
 * One pass: Secrets first, as releases may read them, then releases, then the restarts that the Secrets need, so
 * that a workload is restarted once however many of its Secrets changed. What fails never stops the others.
 */
export async function runPass(input: PassInput, onResult: OnResult, signal: AbortSignal): Promise<readonly Result[]> {
  const results: Result[] = [];
  const done = (subject: Subject, cluster: string, outcome: Outcome): void => {
    const result = { subject, cluster, outcome };
    results.push(result);
    onResult(result);
  };
  const stores = createStorePass(input.stores, signal);
  const seen = preload(input, signal);
  const leaving: Promise<unknown>[] = [];

  const written: WrittenSecret[] = [];
  await inLanes(input.secrets, input.concurrency, async (spec) => {
    const outcome = await outcomeOf(signal, async () => await passSecret(input, stores, seen, spec, signal));
    if ("kind" in outcome) done(secretSubject(spec), spec.cluster, outcome);
    else written.push(outcome);
  });
  await inLanes(input.releases, input.concurrency, async (spec) => {
    const outcome = await outcomeOf(signal, async () => await passRelease(input, stores, seen, spec, leaving, signal));
    done(releaseSubject(spec), spec.key.cluster, outcome);
  });
  for (const one of written) {
    const [subject, { cluster }] = [secretSubject(one.spec), one.spec];
    const outcome = await outcomeOf(signal, async () => {
      const ports = await input.portsOf(cluster);
      return await underLease(ports, subject, async (held) => await settleSecret(ports, one, written, held), signal);
    });
    done(subject, cluster, outcome);
  }
  if (input.mode === "sync") await emitOutcomes(input, results, signal);
  await Promise.all(leaving);
  return results;
}

async function passRelease(
  input: PassInput,
  stores: StorePass,
  preloaded: Preloaded,
  spec: ReleaseSync,
  leaving: Promise<unknown>[],
  signal: AbortSignal,
): Promise<Outcome> {
  if (spec.suspend) return { kind: "suspended" };
  const ports = await input.portsOf(spec.key.cluster);
  const [observed, values] = await Promise.all([preloaded(spec.key.cluster), wantedValues(spec, stores)]);
  const { readings, records } = observed;
  // A release that the list left out (a denied namespace, say) gives its own reason when it is read alone.
  const reading = readings.get(formatKey(spec.key)) ?? (await ports.releases.read(spec.key, signal));
  const subject = releaseSubject(spec);
  const seen = { reading, values, record: records.get(subjectId(subject)) };
  if (input.mode === "plan") return await reconcileRelease(ports, spec, seen, "plan", signal);
  const idle = await outcomeWithoutWrite(ports, spec, seen, signal);
  if (idle !== undefined) return idle;
  const work = async (held: AbortSignal, waited: boolean): Promise<Outcome> => {
    const isNew = !waited && ports.clock.monotonic() - observed.at < NEW_MS;
    return await reconcileRelease(ports, spec, isNew ? seen : await seeAgain(ports, spec, values, held), "sync", held);
  };
  return await underLease(ports, subject, work, signal, leaving);
}

async function seeAgain(
  { releases, cluster }: ReleasePorts,
  spec: ReleaseSync,
  values: ObservedRelease["values"],
  signal: AbortSignal,
): Promise<ObservedRelease> {
  const [reading, record] = await Promise.all([
    releases.read(spec.key, signal),
    cluster.statuses.get(releaseSubject(spec), signal),
  ]);
  return { reading, values, record };
}

async function passSecret(
  input: PassInput,
  stores: StorePass,
  seen: Preloaded,
  spec: SecretSync,
  signal: AbortSignal,
): Promise<Outcome | WrittenSecret> {
  const ports = await input.portsOf(spec.cluster);
  const [{ records }, keys] = await Promise.all([seen(spec.cluster), wantedKeys(spec, stores)]);
  const subject = secretSubject(spec);
  const foreseen = await reconcileSecret(ports, spec, keys, records.get(subjectId(subject)), "plan", signal);
  if (input.mode === "plan" || !("kind" in foreseen) || foreseen.kind !== "pending") return foreseen;
  return await underLease(
    ports,
    subject,
    async (held) =>
      await reconcileSecret(ports, spec, keys, await ports.cluster.statuses.get(subject, held), "sync", held),
    signal,
  );
}

/** What was seen longer ago than this is read once more under the Lease. An upgrade looks again in any case. */
const NEW_MS = 5_000;

interface Observed {
  /** When the lists were asked for, by the monotonic clock. */
  readonly at: number;
  readonly readings: ReadonlyMap<string, ReleaseReading>;
  readonly records: ReadonlyMap<string, StatusRecord>;
}

/** What one cluster holds of this pass; rejects for every subject of a cluster that cannot be read. */
type Preloaded = (cluster: string) => Promise<Observed>;

/** Reads all releases and all our records of each cluster by as few lists as possible, while the stores are read. */
function preload(input: PassInput, signal: AbortSignal): Preloaded {
  const clusters = new Set([
    ...input.releases.filter(({ suspend }) => !suspend).map(({ key }) => key.cluster),
    ...input.secrets.map(({ cluster }) => cluster),
  ]);
  const observed = new Map([...clusters].map((cluster) => [cluster, observe(input, cluster, signal)]));
  for (const cluster of observed.values()) cluster.catch(() => undefined);
  return async (cluster) => (await observed.get(cluster)) ?? { at: -Infinity, readings: new Map(), records: new Map() };
}

async function observe(input: PassInput, cluster: string, signal: AbortSignal): Promise<Observed> {
  const ports = await input.portsOf(cluster);
  const at = ports.clock.monotonic();
  const keys = input.releases.filter(({ key, suspend }) => key.cluster === cluster && !suspend).map(({ key }) => key);
  const secrets = input.secrets.filter((spec) => spec.cluster === cluster);
  const namespaces = [
    ...new Set([...keys.map(({ namespace }) => namespace), ...secrets.map(({ namespace }) => namespace)]),
  ];
  const [readings, records] = await Promise.all([
    keys.length === 0 ? new Map<string, ReleaseReading>() : ports.releases.readAll(keys, signal),
    ports.cluster.statuses.list(namespaces, signal),
  ]);
  return { at, readings, records };
}

/** Faults become outcomes, so that one release never stops another; what is not ours keeps only its class name. */
async function outcomeOf<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T | Outcome> {
  try {
    signal.throwIfAborted();
    return await work();
  } catch (caught) {
    const { code, message } = toHelmwardenError(caught);
    return { kind: "failed", code, message };
  }
}

function subjectId({ kind, namespace, name }: Subject): string {
  return `${kind}/${namespace}/${name}`;
}

async function emitOutcomes(input: PassInput, results: readonly Result[], signal: AbortSignal): Promise<void> {
  await inLanes(results, input.concurrency, async ({ cluster, subject, outcome }) => {
    const ports = await input.portsOf(cluster).catch(() => undefined);
    if (ports !== undefined) await emitOutcome(ports, subject, outcome, signal);
  });
}
