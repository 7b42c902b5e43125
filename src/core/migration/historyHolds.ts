import { type Digest, type DigestKey, digestOf } from "../digest.ts";
import { mapAt, textAt } from "../objects.ts";
import type { Revision } from "../release.ts";
import { SecretValue } from "../secretValue.ts";
import { leavesOf, SHORTEST } from "./findPlaces.ts";

/**
 * Does a stored revision hold one of these values: given by the user, left in the chart's, or in a rendered Secret?
 * Short ones are not looked for, as they are found anywhere.
 */
export function revisionHolds(key: DigestKey, revision: Revision, digests: ReadonlySet<Digest>): boolean {
  const leaves = [revision.config, revision.defaults].flatMap((values) => leavesOf(values.open()));
  const given = leaves.flatMap(({ text }) => [SecretValue.fromText(text), SecretValue.fromBase64(text)]);
  return [...given, ...renderedIn(revision)].some(
    (value) => value.byteLength >= SHORTEST && digests.has(digestOf(key, value)),
  );
}

function* renderedIn(revision: Revision): Generator<SecretValue> {
  for (const object of revision.objects().open()) {
    if (textAt(object, "kind") !== "Secret") continue;
    for (const encoded of Object.values(mapAt(object, "data") ?? {})) {
      if (typeof encoded === "string") yield SecretValue.fromBase64(encoded);
    }
    for (const text of Object.values(mapAt(object, "stringData") ?? {})) {
      if (typeof text === "string") yield SecretValue.fromText(text);
    }
  }
}
