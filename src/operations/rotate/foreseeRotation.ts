import type { RotationPolicy } from "../../core/rotation/policy.ts";
import { foresee, type Foreseen } from "./foresee.ts";
import type { RotatePorts } from "./rotatePorts.ts";
import { currentOf, nextOf } from "./rotate.ts";
import { readRotated, storeOf } from "./rotatedSecret.ts";

/** What a rotation would meet if it began now. Writes nothing. */
export async function foreseeRotation(
  ports: RotatePorts,
  policy: RotationPolicy,
  signal: AbortSignal,
): Promise<{ readonly refused: string | undefined; readonly dependents: readonly Foreseen[] }> {
  const store = storeOf(ports, policy);
  if (store?.writer === undefined) return { refused: `The store ${policy.secret.store} is only read.`, dependents: [] };
  const secret = await readRotated(store, policy, signal);
  if ("refused" in secret) return { refused: secret.refused, dependents: [] };
  const takes = await ports.target?.test(currentOf(secret), signal);
  const refused = takes === "refused" ? "The target does not take the value that the store holds now." : undefined;
  const next = await nextOf(ports, policy, secret);
  return { refused, dependents: await foresee(ports, policy, next, signal) };
}
