import { whyNotRotated } from "../../core/notRotatable.ts";
import type { PresentKeys } from "../../core/rotation/changes.ts";
import { type RotationPolicy, userKeyOf } from "../../core/rotation/policy.ts";
import { NEVER_ROTATED, parseState, type RotationState, stateKeyOf } from "../../core/rotation/state.ts";
import { formatRef } from "../../core/secretRef.ts";
import type { SecretValue } from "../../core/secretValue.ts";
import type { PathReading, Store, StoredSecret } from "../../ports.ts";
import type { RotatePorts } from "./rotatePorts.ts";

/** A rotated secret and all that lies beside it, at one moment. */
export interface RotatedSecret {
  readonly value: SecretValue;
  readonly user: string | undefined;
  readonly state: RotationState;
  readonly present: PresentKeys;
  /** When the store last changed the path, where it says so. */
  readonly updatedAt: Date | undefined;
}

/** The secret as the store holds it now, or why it cannot be rotated. Throws where the store cannot be read. */
export async function readRotated(
  store: Pick<Store, "readPath">,
  policy: RotationPolicy,
  signal: AbortSignal,
): Promise<RotatedSecret | { readonly refused: string }> {
  return rotatedIn(policy, await store.readPath(policy.secret.path, signal));
}

/** The same of a path that has been read. */
export function rotatedIn(policy: RotationPolicy, reading: PathReading): RotatedSecret | { readonly refused: string } {
  const shown = formatRef(policy.secret);
  if (reading.kind === "suspicious") return refuse(`${shown}: ${reading.why}`);
  if (reading.kind === "missing")
    return refuse(`${shown}: the store has nothing at this path. Put the present value there first.`);
  const secret = reading.secrets.get(policy.secret.key);
  if (secret === undefined) return refuse(`${shown}: the store has no such key. Put the present value there first.`);
  if (secret.kind === "hidden") return refuse(`${shown}: the store hides the value from us. Allow us to read it.`);
  if (secret.kind === "notText" || !secret.value.isText)
    return refuse(`${shown} is not text in the store. Write the present value there as a string.`);
  const managedBy = secret.managedBy ?? noteOf(reading.notes, policy.secret.key);
  if (managedBy !== undefined)
    return refuse(
      `${shown} is made by ${managedBy}, which rotates it itself: helmwarden only brings it to the releases. Remove the RotationPolicy, and set the interval there.`,
    );
  const why = whyNotRotated(policy.secret.key);
  if (why !== undefined) return refuse(`${shown} ${why} Then remove the RotationPolicy.`);
  const textOf = (key: string): SecretValue | undefined => {
    const one = reading.secrets.get(key);
    return one?.kind === "value" ? one.value : undefined;
  };
  const written = textOf(stateKeyOf(policy.secret.key));
  const state = written === undefined ? NEVER_ROTATED : parseState(written);
  if (state === undefined)
    return refuse(
      `${shown}: the key ${stateKeyOf(policy.secret.key)} beside it is not what this version of helmwarden writes. Update helmwarden, or move that key away.`,
    );
  const userKey = userKeyOf(policy);
  const user = userKey === undefined ? singleUserOf(policy) : textOf(userKey)?.reveal();
  if (userKey !== undefined && user === undefined)
    return refuse(`${shown}: the key ${userKey} beside it, which names the user in use, is missing. Put it there.`);
  const { value, updatedAt } = secret;
  // A path may hold many secrets, of which a decision needs none.
  return {
    value,
    user,
    state,
    updatedAt,
    get present() {
      return presentIn(reading.secrets);
    },
  };
}

function presentIn(secrets: ReadonlyMap<string, StoredSecret>): PresentKeys {
  return new Map([...secrets].flatMap(([key, one]) => (one.kind === "value" ? [[key, one.value] as const] : [])));
}

/** What people wrote beside it where no store can tell: of one key, or of the whole path. */
function noteOf(notes: ReadonlyMap<string, string> | undefined, key: string): string | undefined {
  return notes?.get(`${key}.managedBy`) ?? notes?.get("managedBy");
}

function singleUserOf({ target }: RotationPolicy): string | undefined {
  if ("strategy" in target && target.strategy.kind !== "alternating") return target.strategy.user;
  if (target.kind === "chartJob") return target.login?.user;
  return target.kind === "redis" ? target.user : undefined;
}

function refuse(refused: string): { readonly refused: string } {
  return { refused };
}

/** The store of the policy's secret. */
export function storeOf({ stores }: Pick<RotatePorts, "stores">, { secret }: RotationPolicy): Store | undefined {
  return stores.get(secret.store);
}
