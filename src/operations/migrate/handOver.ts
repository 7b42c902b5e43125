import type { AuditRecord } from "../../core/auditRecord.ts";
import { type DigestKey, digestOf } from "../../core/digest.ts";
import { isThere, type MigrationState } from "../../core/migration/journal.ts";
import type { SecretValue } from "../../core/secretValue.ts";
import type { SecretSync } from "../../core/spec.ts";
import { toHelmwardenError } from "../../errors.ts";
import type { AuditLog, Cluster } from "../../ports.ts";
import { failureText } from "../failureText.ts";

export interface HandOverPorts {
  readonly cluster: Pick<Cluster, "secrets" | "name">;
  readonly audit: AuditLog;
  readonly digestKey: DigestKey;
  readonly run: string;
}

export interface HandedOver {
  readonly namespace: string;
  readonly name: string;
  /** `ours`: our field manager had the keys already. */
  readonly result: "taken" | "ours" | "left";
  readonly why?: string;
}

/**
 * Makes our field manager an owner of the keys that a SecretSync is about, by applying the bytes that they have: no
 * byte changes, and nothing is restarted. Whoever wrote them before goes on as an owner beside us until the first
 * change, which server-side apply forces. A key that is not what was migrated leaves its whole Secret as it is.
 */
export async function handOver(
  ports: HandOverPorts,
  state: MigrationState,
  syncs: readonly SecretSync[],
  dryRun: boolean,
  signal: AbortSignal,
): Promise<readonly HandedOver[]> {
  const results: HandedOver[] = [];
  for (const sync of syncs) {
    const { namespace, secret: name } = sync;
    try {
      signal.throwIfAborted();
      results.push({ namespace, name, ...(await handOverOne(ports, state, sync, dryRun, signal)) });
    } catch (caught) {
      signal.throwIfAborted();
      results.push({ namespace, name, result: "left", why: toHelmwardenError(caught).message });
    }
  }
  return results;
}

async function handOverOne(
  { cluster, audit, digestKey, run }: HandOverPorts,
  state: MigrationState,
  { namespace, secret, data }: SecretSync,
  dryRun: boolean,
  signal: AbortSignal,
): Promise<Pick<HandedOver, "result" | "why">> {
  const live = await cluster.secrets.get(namespace, secret, signal);
  if (live === undefined) return { result: "left", why: "there is no such Secret" };
  const keys = new Map<string, SecretValue>();
  for (const { key, source } of data) {
    const value = live.data.get(key);
    const path = source.kind === "ref" ? source.ref.path.replace(/^\//, "") : undefined;
    const from = source.kind === "ref" ? source.ref.key : "";
    const digest = path === undefined ? undefined : state.items.get(path)?.keys.get(from);
    const isMigrated = path !== undefined && isThere(state.results.get(path)?.get(from));
    if (value === undefined || !isMigrated || digestOf(digestKey, value) !== digest) {
      return { result: "left", why: `${key} is not what this migration brought into the store` };
    }
    keys.set(key, value);
  }
  if ([...keys.keys()].every((key) => live.ownedKeys.has(key))) return { result: "ours" };
  if (dryRun) return { result: "taken" };
  const subject = `secret ${cluster.name}/${namespace}/${secret}`;
  const record: AuditRecord = {
    kind: "intent",
    action: "handOver",
    run,
    subject,
    base: live.resourceVersion,
    changes: [],
  };
  await audit.append(record);
  try {
    await cluster.secrets.apply(namespace, secret, keys, signal);
  } catch (caught) {
    await audit.append({ ...record, kind: "result", outcome: "failed", reason: failureText(caught) });
    throw caught;
  }
  await audit.append({ ...record, kind: "result", outcome: "handedOver" });
  return { result: "taken" };
}
