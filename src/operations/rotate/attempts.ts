import { stateChanges } from "../../core/rotation/changes.ts";
import type { RotationPolicy } from "../../core/rotation/policy.ts";
import type { RotationAttempt } from "../../core/rotation/state.ts";
import { HelmwardenError } from "../../errors.ts";
import type { StoreWriter } from "../../ports.ts";
import type { RotatePorts } from "./rotatePorts.ts";
import type { RotatedSecret } from "./rotatedSecret.ts";

/** What every step works with. */
export interface Rotating {
  readonly ports: RotatePorts;
  readonly policy: RotationPolicy;
  readonly writer: StoreWriter;
  readonly asked: boolean;
  /** The secret and the keys beside it as they are now. Throws StoreInvalid where it cannot be rotated any more. */
  readonly read: () => Promise<RotatedSecret>;
  readonly signal: AbortSignal;
}

/** A rotation that lies in the store. */
export interface Begun {
  readonly secret: RotatedSecret;
  readonly attempt: RotationAttempt;
}

/** So many times somebody else may write at the same path while we do. */
export const RACES = 5;

/** Writes the attempt as it is now; what the store then holds is read again. */
export async function keep(rotating: Rotating, before: RotatedSecret, attempt: RotationAttempt): Promise<Begun> {
  const { policy, writer, read, signal } = rotating;
  let secret = before;
  for (let race = 0; race < RACES; race += 1) {
    const state = { ...secret.state, attempt };
    const changes = stateChanges(policy, secret.present, secret.value, state);
    if ((await writer.replace(policy.secret.path, changes, signal)) === "written")
      return { secret: await read(), attempt };
    secret = await read();
  }
  throw contended();
}

/** Forgets what was begun: nothing knows the new value any more. */
export async function dropAttempt({ policy, writer, read, signal }: Rotating, { secret }: Begun): Promise<void> {
  let present = secret;
  for (let race = 0; race < RACES; race += 1) {
    const state = { ...present.state, attempt: undefined };
    const changes = stateChanges(policy, present.present, present.value, state);
    if ((await writer.replace(policy.secret.path, changes, signal)) === "written") return;
    present = await read();
  }
  throw contended();
}

export function contended(): HelmwardenError {
  return new HelmwardenError(
    "StoreUnavailable",
    "Others keep writing at the path of the secret. The rotation goes on at the next try.",
  );
}
