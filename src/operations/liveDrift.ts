import type { AuditRecord } from "../core/auditRecord.ts";
import { digestOf } from "../core/digest.ts";
import type { Outcome } from "../core/outcome.ts";
import { afterPutBack, fightHold } from "../core/fights.ts";
import { objectName } from "../core/objects.ts";
import { dataOf } from "../core/positions.ts";
import type { DataKey } from "../core/readers.ts";
import { formatKey, type Revision } from "../core/release.ts";
import { SecretValue } from "../core/secretValue.ts";
import type { ReleaseSync } from "../core/spec.ts";
import { dataKeyOf, type Xray } from "../core/xray.ts";
import type { LiveSecret } from "../ports.ts";
import type { StatusRecord } from "../core/statusRecord.ts";
import { failureText } from "./failureText.ts";
import type { ReleasePorts } from "./releasePorts.ts";
import { putStatus } from "./record.ts";
import { changedSince, formatWorkload, restartReaders } from "./restart.ts";

/** A traced key of a live Secret, and what the deployed manifest has there. */
export interface PatchedKey extends DataKey {
  readonly value: SecretValue;
}

/**
 * Compares the live Secret keys that the mapped values reach with the deployed manifest, and puts back what somebody
 * changed (`kubectl patch secret`), or only says so. Undefined: nothing has drifted. No helm runs.
 */
export async function reconcileLiveKeys(
  ports: ReleasePorts,
  spec: ReleaseSync,
  base: Revision,
  known: StatusRecord & { readonly xray: Xray },
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  const { namespace } = spec.key;
  const drifted = await patchedKeys(ports, spec, { base, xray: known.xray }, signal);
  if (drifted.length === 0) return undefined;
  const where = drifted.map(({ name, key }) => `Secret/${name} key ${key}`);
  if (spec.drift === "report") return { kind: "drifted", where };
  const fight = fightHold(known.putBacks, ports.clock.now(), where.join(", "));
  if (fight !== undefined) return { kind: "held", holds: [fight], changes: [] };
  const before = await ports.cluster.workloads.list(namespace, signal);
  const record = auditRecordOf(ports, spec, base, drifted);
  await ports.audit.append({ ...record, kind: "intent" });
  try {
    await putBackKeys(ports, namespace, drifted, signal);
  } catch (caught) {
    await ports.audit.append({ ...record, kind: "result", outcome: "failed", reason: failureText(caught) });
    throw caught;
  }
  const token = `corrected-${ports.run}-${ports.clock.now().toISOString()}`;
  const after = await ports.cluster.workloads.list(namespace, signal);
  const { restarted } = await restartReaders(
    ports,
    { keys: drifted, isRolled: changedSince(before), after, token, mode: spec.restart },
    signal,
  );
  await ports.audit.append({ ...record, kind: "result", outcome: "corrected" });
  const { noted: _, run: __, at: ___, ...done } = known;
  const putBacks = afterPutBack(known.putBacks, ports.clock.now());
  await putStatus(ports, spec, { ...done, revision: base.revision, putBacks }, signal);
  return { kind: "corrected", where, restarted: restarted.map(formatWorkload) };
}

/**
 * The traced keys that somebody patched. They are to be put back before an upgrade: Helm 4 would end in a conflict
 * over them, and leave a failed revision.
 */
export async function patchedKeys(
  ports: ReleasePorts,
  { key: { namespace } }: ReleaseSync,
  { base, xray }: { readonly base: Revision; readonly xray: Xray },
  signal: AbortSignal,
): Promise<readonly PatchedKey[]> {
  const expected = expectedKeys(base, xray, namespace);
  const live = new Map<string, LiveSecret | undefined>();
  for (const name of new Set(expected.map((one) => one.name)))
    live.set(name, await ports.cluster.secrets.get(namespace, name, signal));
  // A Secret that is gone as a whole is Helm's to make again: an upgrade does.
  return expected.filter(({ name, key, value }) => {
    const secret = live.get(name);
    return secret !== undefined && secret.data.get(key)?.equals(value) !== true;
  });
}

export async function putBackKeys(
  ports: ReleasePorts,
  namespace: string,
  drifted: readonly PatchedKey[],
  signal: AbortSignal,
): Promise<void> {
  for (const [name, keys] of Map.groupBy(drifted, (one) => one.name)) {
    signal.throwIfAborted();
    const data = new Map(keys.map(({ key, value }) => [key, value]));
    await ports.cluster.secrets.putBack(namespace, name, data, signal);
  }
}

function expectedKeys(base: Revision, xray: Xray, namespace: string): PatchedKey[] {
  const rendered = new Map(
    base
      .objects()
      .open()
      .map((object) => [objectName(object, namespace), dataOf(object)]),
  );
  return xray.paths
    .flatMap(({ reaches }) => reaches)
    .flatMap((reach) => {
      const source = dataKeyOf(reach);
      const text = rendered.get(reach.object)?.get(reach.field);
      return source?.kind !== "Secret" || text === undefined ? [] : [{ ...source, value: SecretValue.fromText(text) }];
    });
}

function auditRecordOf(
  ports: ReleasePorts,
  spec: ReleaseSync,
  base: Revision,
  drifted: readonly PatchedKey[],
): Omit<AuditRecord, "kind"> {
  return {
    action: "correct",
    run: ports.run,
    subject: `release ${formatKey(spec.key)}`,
    base: String(base.revision),
    changes: drifted.map(({ name, key, value }) => ({
      path: `Secret/${name} key ${key}`,
      to: digestOf(ports.digestKey, value),
      sources: [`revision ${base.revision}`],
    })),
  };
}
