import type { App } from "./app.ts";
import { openPolicyTarget } from "./openRotation.ts";
import type { ProvenAtTarget } from "./operations/releasePorts.ts";
import { currentOf } from "./operations/rotate/rotate.ts";
import { hasTarget } from "./core/rotation/policy.ts";
import { isRotated, ownsRef } from "./core/rotation/dependents.ts";
import { readRotated } from "./operations/rotate/rotatedSecret.ts";

/** Asks the system behind a secret, as the RotationPolicy that owns it says, whether it takes what the store holds. */
export function createProof(
  app: Pick<App, "config" | "stores" | "credential" | "portsOf">,
): ProvenAtTarget | undefined {
  const policies = app.config.rotations.filter(hasTarget);
  if (policies.length === 0) return undefined;
  return async (ref, signal) => {
    const policy = policies.find((one) => ownsRef(one, ref));
    const store = policy === undefined ? undefined : (await app.stores([ref.store])).get(ref.store);
    if (policy === undefined || store === undefined) return { kind: "unowned" };
    const secret = await readRotated(store, policy, signal);
    if ("refused" in secret) return { kind: "refused", policy: policy.name };
    const target = await openPolicyTarget(app, policy, signal);
    try {
      const answer = await target?.test(currentOf(secret), signal);
      if (answer === "refused") return { kind: "refused", policy: policy.name };
      return isRotated(policy, ref) ? { kind: "accepted", value: secret.value } : { kind: "accepted" };
    } finally {
      await target?.close();
    }
  };
}
