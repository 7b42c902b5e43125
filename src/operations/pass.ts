import type { Outcome } from "../core/outcome.ts";
import { formatKey } from "../core/release.ts";
import type { ReleaseSync, SecretSync } from "../core/spec.ts";
import type { StatusRecord } from "../core/statusRecord.ts";
import { toHelmwardenError } from "../errors.ts";
import type { ReleaseReading, Store, Subject } from "../ports.ts";
import { emitOutcome } from "./emitOutcome.ts";
import { inLanes } from "./lanes.ts";
import { wantedKeys, wantedValues } from "./observe.ts";
import { reconcileRelease } from "./reconcileRelease.ts";
import { reconcileSecret, secretSubject, settleSecret, type WrittenSecret } from "./reconcileSecret.ts";
import { releaseSubject } from "./record.ts";
import type { ReleasePorts } from "./releasePorts.ts";
import { createStorePass, type StorePass } from "./storePass.ts";

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

  const written: WrittenSecret[] = [];
  await inLanes(input.secrets, input.concurrency, async (spec) => {
    const outcome = await outcomeOf(signal, async () => await passSecret(input, stores, seen, spec, signal));
    if ("kind" in outcome) done(secretSubject(spec), spec.cluster, outcome);
    else written.push(outcome);
  });
  await inLanes(input.releases, input.concurrency, async (spec) => {
    const outcome = await outcomeOf(signal, async () => await passRelease(input, stores, seen, spec, signal));
    done(releaseSubject(spec), spec.key.cluster, outcome);
  });
  for (const one of written) {
    const { cluster } = one.spec;
    done(
      secretSubject(one.spec),
      cluster,
      await outcomeOf(signal, async () => await settleSecret(await input.portsOf(cluster), one, signal)),
    );
  }
  if (input.mode === "sync") await emitOutcomes(input, results, signal);
  return results;
}

async function passRelease(
  input: PassInput,
  stores: StorePass,
  seen: Preloaded,
  spec: ReleaseSync,
  signal: AbortSignal,
): Promise<Outcome> {
  if (spec.suspend) return { kind: "suspended" };
  const ports = await input.portsOf(spec.key.cluster);
  const [{ readings, records }, values] = await Promise.all([seen(spec.key.cluster), wantedValues(spec, stores)]);
  // A release that the list left out (a denied namespace, say) gives its own reason when it is read alone.
  const reading = readings.get(formatKey(spec.key)) ?? (await ports.releases.read(spec.key, signal));
  return await reconcileRelease(
    ports,
    spec,
    { reading, values, record: records.get(subjectId(releaseSubject(spec))) },
    input.mode,
    signal,
  );
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
  return await reconcileSecret(ports, spec, keys, records.get(subjectId(secretSubject(spec))), input.mode, signal);
}

interface Observed {
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
  return async (cluster) => (await observed.get(cluster)) ?? { readings: new Map(), records: new Map() };
}

async function observe(input: PassInput, cluster: string, signal: AbortSignal): Promise<Observed> {
  const ports = await input.portsOf(cluster);
  const keys = input.releases.filter(({ key, suspend }) => key.cluster === cluster && !suspend).map(({ key }) => key);
  const secrets = input.secrets.filter((spec) => spec.cluster === cluster);
  const namespaces = [
    ...new Set([...keys.map(({ namespace }) => namespace), ...secrets.map(({ namespace }) => namespace)]),
  ];
  const [readings, records] = await Promise.all([
    keys.length === 0 ? new Map<string, ReleaseReading>() : ports.releases.readAll(keys, signal),
    ports.cluster.statuses.list(namespaces, signal),
  ]);
  return { readings, records };
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
