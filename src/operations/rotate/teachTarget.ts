import type { RotationOutcome } from "../../core/rotation/outcome.ts";
import type { Credential, RotationAttempt } from "../../core/rotation/state.ts";
import { HelmwardenError, type ErrorCode } from "../../errors.ts";
import type { RotationTarget, TargetChange } from "../../ports.ts";
import { audited } from "./audited.ts";
import { type Begun, dropAttempt, keep, type Rotating } from "./attempts.ts";

/**
 * The target takes the new value, as a login with it proves. A value that it refused is dropped, and the old one made
 * sure of; one that it may have taken is asked for again, and never replaced.
 */
export async function teachTarget(rotating: Rotating, begun: Begun): Promise<Begun | RotationOutcome> {
  const { ports, policy, signal } = rotating;
  const { target } = ports;
  if (target === undefined) return begun;
  const { attempt } = begun;
  const change = changeOf(attempt);
  if ((await target.test(change.next, signal)) === "accepted" && !(await target.leftUndone?.(change, signal)))
    return begun;
  ports.onStep("set", "teaches the target the new value");
  try {
    await audited(ports, policy, "rotation.set", attempt, () => target.set(change, signal));
  } catch (caught) {
    if (!(caught instanceof HelmwardenError) || caught.code !== "TargetRefused") throw caught;
    // It says that nothing has changed; a login tells better.
    if ((await target.test(change.next, signal)) === "accepted") return begun;
    await dropAttempt(rotating, begun);
    return failed(caught.code, `${caught.message} The old value stays.`);
  }
  ports.onStep("test", "logs in with the new value");
  if ((await target.test(change.next, signal)) === "accepted") return begun;
  await undo(rotating, target, attempt);
  await dropAttempt(rotating, begun);
  return failed("TargetRefused", "The target took the new value, but no login with it works. The old value is back.");
}

/**
 * Somebody wrote another value into the store meanwhile: theirs wins. The target learns it instead of ours; where it
 * refuses it, or makes its values itself, the old one stays valid there.
 */
export async function followPerson(rotating: Rotating, begun: Begun): Promise<Begun | RotationOutcome> {
  const { ports, policy, signal } = rotating;
  const { target } = ports;
  const { secret, attempt } = begun;
  const theirs: Credential = { ...attempt.old, value: secret.value };
  const next: RotationAttempt = { ...attempt, next: theirs };
  if (target === undefined) return await keep(rotating, secret, next);
  if (target.create !== undefined) {
    await undo(rotating, target, attempt);
    await dropAttempt(rotating, begun);
    return failed(
      "TargetRefused",
      "Somebody changed the secret in the store meanwhile: theirs stays, ours is revoked.",
    );
  }
  // Of two users, the idle one has learnt our value already.
  if (attempt.old.user !== attempt.next.user) await undo(rotating, target, attempt);
  const kept = await keep(rotating, secret, next);
  try {
    if ((await target.test(theirs, signal)) === "accepted") return kept;
    await audited(ports, policy, "rotation.set", next, () => target.set(changeOf(next), signal));
    if ((await target.test(theirs, signal)) === "accepted") return kept;
  } catch (caught) {
    if (!(caught instanceof HelmwardenError) || caught.code !== "TargetRefused") throw caught;
  }
  await undo(rotating, target, next);
  await dropAttempt(rotating, kept);
  return failed(
    "TargetRefused",
    "Somebody changed the secret in the store meanwhile, and the target does not take their value: it keeps the old one. Put a value into the store that it takes, or rotate again.",
  );
}

async function undo({ ports, policy, signal }: Rotating, target: RotationTarget, attempt: RotationAttempt) {
  ports.onStep("undo", "puts the old value back at the target");
  await audited(ports, policy, "rotation.undo", attempt, () => target.undo(changeOf(attempt), signal));
}

/** The rotation as its target sees it. */
export function changeOf({ rotation, old, next }: RotationAttempt): TargetChange {
  return { rotation, current: old, next };
}

function failed(code: ErrorCode, message: string): RotationOutcome {
  return { kind: "failed", code, message };
}
