import type { AuditRecord } from "../../core/auditRecord.ts";
import { digestOf } from "../../core/digest.ts";
import type { RotationPolicy } from "../../core/rotation/policy.ts";
import type { RotationAttempt } from "../../core/rotation/state.ts";
import { formatRef } from "../../core/secretRef.ts";
import { toHelmwardenError } from "../../errors.ts";
import type { RotatePorts } from "./rotatePorts.ts";

/** One effect of a rotation, with its record before and after. No record, no effect. */
export async function audited<T>(
  ports: RotatePorts,
  policy: RotationPolicy,
  action: AuditRecord["action"],
  attempt: RotationAttempt,
  effect: () => Promise<T>,
): Promise<T> {
  const record = {
    action,
    run: ports.run,
    subject: `rotation ${policy.cluster}/${policy.namespace}/${policy.name}`,
    base: attempt.rotation,
    changes: [
      {
        path: policy.secret.key,
        from: digestOf(ports.digestKey, attempt.old.value),
        to: digestOf(ports.digestKey, attempt.next.value),
        sources: [formatRef(policy.secret)],
      },
    ],
  };
  await ports.audit.append({ kind: "intent", ...record, reason: attempt.reason });
  try {
    const result = await effect();
    await ports.audit.append({ kind: "result", ...record, outcome: typeof result === "string" ? result : "done" });
    return result;
  } catch (caught) {
    await ports.audit.append({ kind: "result", ...record, outcome: toHelmwardenError(caught).code });
    throw caught;
  }
}
