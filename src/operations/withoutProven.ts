import { type Hold, hold } from "../core/hold.ts";
import { refsOf, type ValueSource } from "../core/spec.ts";
import type { SecretValue } from "../core/secretValue.ts";
import type { ReleasePorts } from "./releasePorts.ts";

/** The value that a hold is about, and where it comes from. */
export interface HeldValue {
  readonly source: ValueSource;
  readonly wanted: SecretValue | undefined;
}

/**
 * What a database may remember is no danger where the database itself was asked: a RotationPolicy says which one it
 * is, and a login with the new value works there already.
 */
export async function withoutProven(
  ports: Pick<ReleasePorts, "provenAtTarget">,
  valueAt: (where: string) => HeldValue | undefined,
  holds: readonly Hold[],
  signal: AbortSignal,
): Promise<readonly Hold[]> {
  const left = await Promise.all(
    holds.map(async (one) =>
      one.reason === "statefulCredential" ? await judge(ports, valueAt(one.where), one, signal) : [one],
    ),
  );
  return left.flat();
}

async function judge(
  { provenAtTarget }: Pick<ReleasePorts, "provenAtTarget">,
  value: HeldValue | undefined,
  held: Hold,
  signal: AbortSignal,
): Promise<readonly Hold[]> {
  if (provenAtTarget === undefined || value === undefined) return [held];
  const { source, wanted } = value;
  const proofs = await Promise.all(refsOf(source).map((ref) => provenAtTarget(ref, signal)));
  const refused = proofs.find((proof) => proof.kind === "refused");
  if (refused !== undefined) {
    return [
      hold(
        "statefulCredential",
        held.where,
        `The system behind RotationPolicy ${refused.policy} does not take the value that the store holds now. Let helmwarden change both: put the old value back, then \`helmwarden rotate ${refused.policy} --now\`.`,
      ),
    ];
  }
  // What was read before a rotation ended is not what was tried.
  const isOld = source.kind === "ref" && proofs.some((proof) => "value" in proof && !wanted?.equals(proof.value));
  if (isOld)
    return [
      hold("statefulCredential", held.where, "The store has another value by now: the next pass reads it again."),
    ];
  return proofs.some(({ kind }) => kind === "accepted") ? [] : [held];
}
