import { rollBackChanges } from "../../core/rotation/changes.ts";
import type { RotationOutcome } from "../../core/rotation/outcome.ts";
import { adoptApps } from "./adoptApps.ts";
import { audited } from "./audited.ts";
import { type Begun, contended, RACES, type Rotating } from "./attempts.ts";
import { foresee, type Foreseen, obstacleIn } from "./foresee.ts";
import { reconcileDependents } from "./reconcileDependents.ts";
import { changeOf } from "./teachTarget.ts";

/**
 * The value is current: every dependent gets it, and once all run with it, the old one goes. `since` (monotonic
 * milliseconds): this very call made it current; otherwise it goes on after a crash or a wait.
 */
export async function bringToApps(
  rotating: Rotating,
  begun: Begun,
  since: number | undefined,
): Promise<RotationOutcome> {
  const { ports, policy, asked, signal } = rotating;
  const { target } = ports;
  const losesOld = target !== undefined && !target.keepsOld;
  if (since === undefined && target !== undefined) await teachAgain(rotating, begun);

  // Who keeps the old one working may leave failed dependents to their own retries.
  const isOurs = since !== undefined || asked || losesOld;
  const seen = isOurs ? await reconcileDependents(ports, signal) : await foresee(ports, policy, undefined, signal);
  const obstacles = seen.flatMap((one) => obstacleIn(one) ?? pendingIn(one));
  if (obstacles.length > 0) {
    if (isOurs && losesOld && obstacles.length === seen.length) return await rollBack(rotating, begun, obstacles);
    const stays = losesOld ? "" : " The old value still works.";
    return { kind: "unfinished", message: `Not all have the new value: ${obstacles.join("; ")}.${stays}` };
  }
  const gap = losesOld && since !== undefined ? gapText(ports.clock.monotonic() - since) : "";
  return await adoptApps(rotating, begun, gap);
}

/** A crash in the middle of a roll-back: the target has the old value again, and the store the new one. */
async function teachAgain({ ports, policy, signal }: Rotating, { attempt }: Begun): Promise<void> {
  const { target } = ports;
  if (target === undefined || (await target.test(attempt.next, signal)) === "accepted") return;
  ports.onStep("set", "teaches the target the new value again");
  await audited(ports, policy, "rotation.set", attempt, () => target.set(changeOf(attempt), signal));
}

/** No dependent took it, and the old value works nowhere: the old one comes back, at the target first. */
async function rollBack(rotating: Rotating, begun: Begun, obstacles: readonly string[]): Promise<RotationOutcome> {
  const { ports, policy, writer, read, signal } = rotating;
  const { target } = ports;
  const { attempt } = begun;
  ports.onStep("undo", "no dependent took the new value: puts the old one back");
  if (target !== undefined)
    await audited(ports, policy, "rotation.undo", attempt, () => target.undo(changeOf(attempt), signal));
  let { secret } = begun;
  for (let race = 0; ; race += 1) {
    if (race === RACES) throw contended();
    const changes = rollBackChanges(policy, secret.present, attempt, { ...secret.state, attempt: undefined });
    const written = await audited(ports, policy, "rotation.rollBack", attempt, () =>
      writer.replace(policy.secret.path, changes, signal),
    );
    if (written === "written") break;
    secret = await read();
  }
  const left = (await reconcileDependents(ports, signal)).flatMap((one) => obstacleIn(one) ?? []);
  const rest = left.length === 0 ? "" : ` Still wrong: ${left.join("; ")}.`;
  return { kind: "rolledBack", message: `The old value is back: ${obstacles.join("; ")}.${rest}` };
}

/** Foreseen only: what still has to be done there. */
function pendingIn({ subject, outcome }: Foreseen): string[] {
  return outcome.kind === "pending" ? [`${subject} has not been brought up to date yet`] : [];
}

function gapText(ms: number): string {
  return ` Logins with the old value failed for at most ${(ms / 1000).toFixed(1)} s.`;
}
