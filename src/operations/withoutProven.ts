import { type Hold, hold } from "../core/hold.ts";
import { refsOf, type ReleaseSync } from "../core/spec.ts";
import { formatValuePath } from "../core/valuePath.ts";
import type { ReleasePorts } from "./releasePorts.ts";

/**
 * What a database may remember is no danger where the database itself was asked: a RotationPolicy says which one it
 * is, and a login with the new value works there already.
 */
export async function withoutProven(
  ports: Pick<ReleasePorts, "provenAtTarget">,
  spec: ReleaseSync,
  holds: readonly Hold[],
  signal: AbortSignal,
): Promise<readonly Hold[]> {
  const left = await Promise.all(
    holds.map(async (one) => (one.reason === "statefulCredential" ? await judge(ports, spec, one, signal) : [one])),
  );
  return left.flat();
}

async function judge(
  { provenAtTarget }: Pick<ReleasePorts, "provenAtTarget">,
  spec: ReleaseSync,
  held: Hold,
  signal: AbortSignal,
): Promise<readonly Hold[]> {
  const mapping = spec.values.find(({ path }) => formatValuePath(path) === held.where);
  if (provenAtTarget === undefined || mapping === undefined) return [held];
  const proofs = await Promise.all(refsOf(mapping.source).map((ref) => provenAtTarget(ref, signal)));
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
