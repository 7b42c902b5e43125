import type { RotationOutcome } from "../../core/rotation/outcome.ts";
import { finishChanges } from "../../core/rotation/changes.ts";
import type { RotationPolicy } from "../../core/rotation/policy.ts";
import type { Credential, RotationAttempt } from "../../core/rotation/state.ts";
import { HelmwardenError } from "../../errors.ts";
import { audited } from "./audited.ts";
import { type Begun, contended, keep, RACES, type Rotating } from "./attempts.ts";
import { bringToApps } from "./bringToApps.ts";
import { foresee, obstacleIn } from "./foresee.ts";
import type { RotatePorts } from "./rotatePorts.ts";
import { readRotated, type RotatedSecret, storeOf } from "./rotatedSecret.ts";
import { changeOf, followPerson, teachTarget } from "./teachTarget.ts";

/** One try to rotate one secret, or to go on with a rotation that was begun. */
export interface Ask {
  /** For the audit log: "due", or a person's reason. */
  readonly reason: string;
  /** A person waits for the result: what failed is tried at once. */
  readonly asked: boolean;
  /** Looked at again with what the store says now, as another worker may have been faster. */
  readonly isDue: (secret: RotatedSecret) => boolean;
}

const ID_BYTES = 16;

/**
 * Create, set, test, finish, retire: as far as it goes now. Whatever was begun lies in the store beside the secret, so
 * any process goes on from there after a crash: each step first asks the target and the store what is done already.
 * Exclusion (the policy's Lease) is the caller's matter. Throws HelmwardenError for faults that the next try may mend.
 */
export async function rotate(
  ports: RotatePorts,
  policy: RotationPolicy,
  ask: Ask,
  signal: AbortSignal,
): Promise<RotationOutcome> {
  const store = storeOf(ports, policy);
  const writer = store?.writer;
  if (store === undefined || writer === undefined)
    return { kind: "refused", message: `The store ${policy.secret.store} cannot be written by helmwarden.` };
  const first = await readRotated(store, policy, signal);
  if ("refused" in first) return { kind: "refused", message: first.refused };
  const read = async (): Promise<RotatedSecret> => {
    const again = await readRotated(store, policy, signal);
    if ("refused" in again) throw new HelmwardenError("StoreInvalid", again.refused);
    return again;
  };
  const rotating: Rotating = { ports, policy, writer, asked: ask.asked, read, signal };

  const found = first.state.attempt;
  if (found === undefined && !ask.isDue(first)) return { kind: "notDue" };
  const begun = found === undefined ? await create(rotating, first, ask.reason) : { secret: first, attempt: found };
  if ("kind" in begun) return begun;
  const since = ports.clock.monotonic();
  if (begun.attempt.step === "finished") return await bringToApps(rotating, begun, undefined);
  const taught = await teachTarget(rotating, begun);
  if ("kind" in taught) return taught;
  const finished = await finish(rotating, taught);
  if ("kind" in finished) return finished;
  return await bringToApps(rotating, finished, since);
}

/** Looks ahead, and puts the new value beside the old one. Nothing has changed where it is refused. */
async function create(rotating: Rotating, secret: RotatedSecret, reason: string): Promise<Begun | RotationOutcome> {
  const { ports, policy, signal } = rotating;
  const { target } = ports;
  const old = currentOf(secret);
  if (target !== undefined && (await target.test(old, signal)) === "refused") {
    return refused(
      "the target does not take the value that the store holds now. Put the value that it takes into the store first",
    );
  }
  const next = await nextOf(ports, policy, secret);
  const obstacles = (await foresee(ports, policy, next, signal)).flatMap((one) => obstacleIn(one) ?? []);
  if (obstacles.length > 0)
    return refused(`${obstacles.join("; ")}. Nothing was changed: see \`helmwarden plan\` and clear that first`);

  ports.onStep("create", target?.create === undefined ? "makes the new value" : "asks the target for the new value");
  const at = ports.clock.now();
  const attempt: RotationAttempt = {
    rotation: Buffer.from(ports.random(ID_BYTES)).toString("hex"),
    step: "pending",
    reason,
    startedAt: at,
    finishedAt: undefined,
    adoptFrom: undefined,
    old: { ...old, beside: besideOf(secret, next) },
    next,
  };
  return await audited(ports, policy, "rotation.create", attempt, async () => {
    const created = await target?.create?.(attempt.rotation, signal);
    if (created === undefined) return await keep(rotating, secret, attempt);
    return await keepCreated(rotating, secret, { ...attempt, next: { ...next, ...created } });
  });
}

/** What the target has made and the store does not take is ended there: nobody would ever find it again. */
async function keepCreated(rotating: Rotating, secret: RotatedSecret, attempt: RotationAttempt): Promise<Begun> {
  try {
    return await keep(rotating, secret, attempt);
  } catch (caught) {
    await rotating.ports.target?.undo(changeOf(attempt), rotating.signal).catch(() => undefined);
    throw caught;
  }
}

/** Makes the new value current, unless a person has put another one there: then theirs is the new value. */
async function finish(rotating: Rotating, begun: Begun): Promise<Begun | RotationOutcome> {
  const { ports, policy, writer, signal } = rotating;
  let { secret, attempt } = begun;
  ports.onStep("finish", "makes the new value current in the store");
  for (let race = 0; race < RACES; race += 1) {
    const isForeign = !secret.value.equals(attempt.old.value) && !secret.value.equals(attempt.next.value);
    if (isForeign) {
      const followed = await followPerson(rotating, { secret, attempt });
      if ("kind" in followed) return followed;
      ({ secret, attempt } = followed);
    }
    const finished: RotationAttempt = { ...attempt, step: "finished", finishedAt: ports.clock.now() };
    const state = { ...secret.state, attempt: finished };
    const changes = finishChanges(policy, secret.present, finished, state);
    const written = await audited(ports, policy, "rotation.finish", finished, () =>
      writer.replace(policy.secret.path, changes, signal),
    );
    secret = await rotating.read();
    if (written === "written") return { secret, attempt: finished };
  }
  throw contended();
}

/** A new value, and who is to have it. Where the target makes its values itself, one that looks the same. */
export async function nextOf(
  { generate }: Pick<RotatePorts, "generate">,
  policy: RotationPolicy,
  { user }: RotatedSecret,
): Promise<Credential> {
  const made = await generate(policy.generate, policy.secret.key);
  return { ...made, user: otherUser(policy, user), id: undefined };
}

export function currentOf({ value, user, state }: RotatedSecret): Credential {
  return { value, user, id: state.currentId, beside: new Map() };
}

function besideOf({ present }: RotatedSecret, next: Credential): Credential["beside"] {
  return new Map([...present].filter(([key]) => next.beside.has(key)));
}

function otherUser({ target }: RotationPolicy, user: string | undefined): string | undefined {
  if (!("strategy" in target) || target.strategy.kind !== "alternating") return user;
  const [one, other] = target.strategy.users;
  return user === one ? other : one;
}

function refused(why: string): RotationOutcome {
  return { kind: "refused", message: `${why.charAt(0).toUpperCase()}${why.slice(1)}.` };
}
