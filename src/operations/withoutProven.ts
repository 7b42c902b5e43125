import { type Hold, hold } from "../core/hold.ts";
import { refsOf, type ValueSource } from "../core/spec.ts";
import type { ReleasePorts } from "./releasePorts.ts";

/** Where the value comes from that a hold is about. */
export type SourceAt = (where: string) => ValueSource | undefined;

/**
 * What a database may remember is no danger where the database itself was asked: a RotationPolicy says which one it
 * is, and a login with the new value works there already.
 */
export async function withoutProven(
  ports: Pick<ReleasePorts, "provenAtTarget">,
  sourceAt: SourceAt,
  holds: readonly Hold[],
  signal: AbortSignal,
): Promise<readonly Hold[]> {
  const left = await Promise.all(
    holds.map(async (one) =>
      one.reason === "statefulCredential" ? await judge(ports, sourceAt(one.where), one, signal) : [one],
    ),
  );
  return left.flat();
}

async function judge(
  { provenAtTarget }: Pick<ReleasePorts, "provenAtTarget">,
  source: ValueSource | undefined,
  held: Hold,
  signal: AbortSignal,
): Promise<readonly Hold[]> {
  if (provenAtTarget === undefined || source === undefined) return [held];
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
  return proofs.some(({ kind }) => kind === "accepted") ? [] : [held];
}
