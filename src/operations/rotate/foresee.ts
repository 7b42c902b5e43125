import type { Hold } from "../../core/hold.ts";
import type { Outcome } from "../../core/outcome.ts";
import { type RotationPolicy, userKeyOf } from "../../core/rotation/policy.ts";
import { ownsRef } from "../../core/rotation/dependents.ts";
import type { Credential } from "../../core/rotation/state.ts";
import type { ReleaseSync, SecretSync } from "../../core/spec.ts";
import { SecretValue } from "../../core/secretValue.ts";
import type { PathReading, Store, StoredSecret } from "../../ports.ts";
import { runPass } from "../pass.ts";
import type { ReleasePorts } from "../releasePorts.ts";
import type { RotatePorts } from "./rotatePorts.ts";

/** What a pass over one dependent would do, or would not. */
export interface Foreseen {
  /** `Release namespace/name` */
  readonly subject: string;
  readonly outcome: Outcome;
}

const FORESEEN_AT_ONCE = 2;

/**
 * Plans every dependent. With `next`, as if the store held that already and the target took it: what a guard would
 * hold afterwards is seen before anything is changed.
 */
export async function foresee(
  ports: RotatePorts,
  policy: RotationPolicy,
  next: Credential | undefined,
  signal: AbortSignal,
): Promise<readonly Foreseen[]> {
  const stores = next === undefined ? ports.stores : new Map([...ports.stores].map(withNext(policy, next)));
  const portsOf = async (cluster: string): Promise<ReleasePorts> => {
    const own = await ports.portsOf(cluster);
    if (next === undefined) return own;
    const { provenAtTarget } = own;
    return {
      ...own,
      provenAtTarget: async (ref, within) => {
        if (ownsRef(policy, ref)) return { kind: "accepted" };
        return (await provenAtTarget?.(ref, within)) ?? { kind: "unowned" };
      },
    };
  };
  const results = await runPass(
    {
      mode: "plan",
      releases: ports.dependents.flatMap((one): ReleaseSync[] => (one.kind === "Release" ? [one.spec] : [])),
      secrets: ports.dependents.flatMap((one): SecretSync[] => (one.kind === "Secret" ? [one.spec] : [])),
      concurrency: FORESEEN_AT_ONCE,
      stores,
      portsOf,
    },
    () => undefined,
    signal,
  );
  return results.map(({ subject, outcome }) => ({
    subject: `${subject.kind} ${subject.namespace}/${subject.name}`,
    outcome,
  }));
}

/** Of what must not be rotated, with what to do instead: no plan shows that before. */
function heldText({ reason, where, message }: Hold): string {
  return reason === "notRotatable" ? `${where}: ${message}` : `${reason} at ${where}`;
}

/** Why a dependent would not take the new value; undefined: it would. */
export function obstacleIn({ subject, outcome }: Foreseen): string | undefined {
  switch (outcome.kind) {
    case "inSync":
    case "pending":
    case "adopted":
    case "changed":
    case "corrected":
      return undefined;
    case "suspended":
      return `${subject} is suspended`;
    case "held":
      return `${subject} is held (${outcome.holds.map(heldText).join("; ")})`;
    case "drifted":
      return `${subject} was changed by somebody else, and \`drift: report\` leaves it so`;
    case "restored":
    case "ineffective":
      return `${subject}: ${outcome.reason}`;
    case "failed":
      return `${subject}: ${outcome.message}`;
  }
}

/** A store as if it held that already. */
export function withNext(policy: RotationPolicy, next: Credential): (entry: [string, Store]) => [string, Store] {
  return ([name, store]) => {
    if (name !== policy.secret.store) return [name, store];
    const readPath: Store["readPath"] = async (path, signal) => {
      const reading = await store.readPath(path, signal);
      return path === policy.secret.path ? readingWith(policy, reading, next) : reading;
    };
    return [name, { name, readPath, check: (signal) => store.check(signal), close: () => Promise.resolve() }];
  };
}

function readingWith(policy: RotationPolicy, reading: PathReading, next: Credential): PathReading {
  if (reading.kind !== "found") return reading;
  const secrets = new Map(reading.secrets);
  const userKey = userKeyOf(policy);
  const put = (key: string, value: SecretValue): void => {
    const version = (secrets.get(key)?.version ?? 0) + 1;
    const secret: StoredSecret = { kind: "value", value, version, updatedAt: undefined };
    secrets.set(key, secret);
  };
  put(policy.secret.key, next.value);
  for (const [key, value] of next.beside) put(key, value);
  if (userKey !== undefined && next.user !== undefined) put(userKey, SecretValue.fromText(next.user));
  return { kind: "found", secrets };
}
