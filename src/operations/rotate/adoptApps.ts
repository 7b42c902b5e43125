import { adoptionOf } from "../../core/rotation/adoption.ts";
import { retireChanges } from "../../core/rotation/changes.ts";
import { userKeyOf } from "../../core/rotation/policy.ts";
import type { RotationOutcome } from "../../core/rotation/outcome.ts";
import type { RotationAttempt } from "../../core/rotation/state.ts";
import type { SecretValue } from "../../core/secretValue.ts";
import { audited } from "./audited.ts";
import { type Begun, contended, keep, RACES, type Rotating } from "./attempts.ts";
import { type Carried, type CarriedKey, carriedKeys } from "./carriedKeys.ts";
import { changeOf } from "./teachTarget.ts";

/** The old value goes only when nobody uses it any more: counted, not hoped for. `told` goes into the message. */
export async function adoptApps(rotating: Rotating, begun: Begun, told: string): Promise<RotationOutcome> {
  const { ports, policy, signal } = rotating;
  const carried = await carriedKeys(ports, policy, signal);
  const live = await readLive(rotating, carried.keys);
  const wrong = await loginObstacle(rotating, begun.attempt, carried.keys, live);
  if (wrong !== undefined) return { ...wrong, message: `${wrong.message}${told}` };
  const marked = await markAdoption(rotating, begun, live);
  const waits = await whoWaits(rotating, marked.attempt, carried);
  if (waits !== undefined) return { kind: "waiting", message: `${waits}${told}` };
  await retire(rotating, marked);
  return { kind: "rotated", message: `The new value is in use everywhere, and the old one is gone.${told}` };
}

/** What the cluster says of each key's object; `data` of Secrets only. */
type LiveKeys = ReadonlyMap<
  CarriedKey,
  { readonly data?: ReadonlyMap<string, SecretValue>; readonly writtenAt: Date | undefined } | undefined
>;

async function readLive({ ports, signal }: Rotating, keys: readonly CarriedKey[]): Promise<LiveKeys> {
  const objects = Map.groupBy(keys, ({ cluster, kind, namespace, name }) =>
    JSON.stringify([cluster, kind, namespace, name]),
  );
  const found = await Promise.all(
    [...objects.values()].map(async (own) => {
      const [{ cluster: at, kind, namespace, name }] = own as [CarriedKey];
      const { cluster } = await ports.portsOf(at);
      const live =
        kind === "Secret"
          ? await cluster.secrets.get(namespace, name, signal)
          : { writtenAt: await cluster.configMapWrittenAt(namespace, name, signal) };
      return own.map((key) => [key, live] as const);
    }),
  );
  return new Map(found.flat());
}

/** Logs in with what the apps' own Secrets hold, not with what we know. */
async function loginObstacle(
  { ports, signal }: Rotating,
  { next }: RotationAttempt,
  keys: readonly CarriedKey[],
  live: LiveKeys,
): Promise<Extract<RotationOutcome, { kind: "waiting" | "unfinished" }> | undefined> {
  const user = keys.flatMap((key) => (key.holds === "user" ? (live.get(key)?.data?.get(key.key) ?? []) : []))[0];
  for (const key of keys.filter(({ holds, kind }) => holds === "value" && kind === "Secret")) {
    const value = live.get(key)?.data?.get(key.key);
    const at = `key ${key.key} of the Secret ${key.namespace}/${key.name}`;
    if (value === undefined || !value.equals(next.value))
      return { kind: "waiting", message: `The ${at} does not hold the new value yet.` };
    const credential = { ...next, value, user: user?.reveal() ?? next.user };
    if (ports.target !== undefined && (await ports.target.test(credential, signal)) === "refused")
      return {
        kind: "unfinished",
        message: `The target does not let the app in with the ${at}. The old value stays.`,
      };
  }
  return undefined;
}

/**
 * From when on started pods run with the new value: kept, as the Secrets may be written again for other reasons. Where
 * an object does not say when it was written, that was not after now.
 */
async function markAdoption(rotating: Rotating, begun: Begun, live: LiveKeys): Promise<Begun> {
  if (begun.attempt.adoptFrom !== undefined || live.size === 0) return begun;
  const now = rotating.ports.clock.now();
  const times = [...live.values()].map((object) => (object?.writtenAt ?? now).getTime());
  return await keep(rotating, begun.secret, { ...begun.attempt, adoptFrom: new Date(Math.max(...times)) });
}

/** Who may still use the old value; undefined: nobody. */
async function whoWaits(
  { ports, policy, signal }: Rotating,
  { adoptFrom, finishedAt, old, next }: RotationAttempt,
  { keys, literals }: Carried,
): Promise<string | undefined> {
  const now = ports.clock.now();
  const renewal = { old: old.value, next: next.value };
  for (const cluster of new Set([...keys, ...literals].map((place) => place.cluster))) {
    const { workloads } = (await ports.portsOf(cluster)).cluster;
    const own = {
      keys: keys.filter((key) => key.cluster === cluster),
      literals: literals.filter((literal) => literal.cluster === cluster),
    };
    const namespaces = [...new Set([...own.keys, ...own.literals].map(({ namespace }) => namespace))];
    const pods = (await Promise.all(namespaces.map((namespace) => workloads.pods(namespace, signal)))).flat();
    const { readers, old: left } = adoptionOf(pods, own, renewal, adoptFrom ?? now, now);
    if (left.length > 0) {
      const shown = left.slice(0, 3).join(", ") + (left.length > 3 ? ", …" : "");
      return `${readers - left.length} of ${readers} pods run with the new value; the old one stays for ${shown}.`;
    }
  }
  const sessions = old.user === next.user ? 0 : ((await ports.target?.sessionsOf?.(old, signal)) ?? 0);
  if (sessions > 0) return `${sessions} sessions of the user ${old.user ?? ""} are open; the old value stays.`;
  const until = (finishedAt ?? now).getTime() + (policy.overlap?.forMs ?? 0);
  if (now.getTime() < until)
    return `The old value stays published in ${policy.overlap?.key ?? ""} until ${new Date(until).toISOString()}.`;
  return undefined;
}

async function retire(rotating: Rotating, { secret, attempt }: Begun): Promise<void> {
  const { ports, policy, writer, read, signal } = rotating;
  ports.onStep("retire", "ends the old value");
  const { target } = ports;
  await audited(ports, policy, "rotation.retire", attempt, async () => {
    // A person changed the password of the one user meanwhile: its old one went with that.
    const isReplaced = userKeyOf(policy) !== undefined && attempt.old.user === attempt.next.user;
    if (!isReplaced) await target?.retire(changeOf(attempt), signal);
    let present = secret;
    for (let race = 0; race < RACES; race += 1) {
      const changes = retireChanges(policy, present.present, attempt);
      if ((await writer.replace(policy.secret.path, changes, signal)) === "written") return;
      present = await read();
    }
    throw contended();
  });
}
