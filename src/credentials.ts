import { readFile } from "node:fs/promises";
import { SecretValue } from "./core/secretValue.ts";
import type { CredentialRef } from "./core/spec.ts";
import { HelmwardenError } from "./errors.ts";
import type { SecretObjects } from "./ports.ts";

/** Reads a credential anew at each call, so that one that was rotated is picked up. Rejects with ConfigInvalid. */
export type ReadCredential = (ref: CredentialRef) => () => Promise<SecretValue>;

/** Credentials come from the environment, from files, or from Secrets of the cluster we run in. */
export function createReadCredential(
  environment: Readonly<Record<string, string | undefined>>,
  secrets: () => Promise<Pick<SecretObjects, "get">>,
  signal: AbortSignal,
): ReadCredential {
  return (ref) => async () => {
    if ("fromEnv" in ref)
      return fromText(environment[ref.fromEnv], `the environment variable ${ref.fromEnv}`, "is not set");
    if ("fromFile" in ref) {
      const text = await readFile(ref.fromFile, "utf8").catch(() => undefined);
      return fromText(text, `the file ${ref.fromFile}`, "cannot be read");
    }
    const { namespace, name, key } = ref.fromSecret;
    const secret = await (await secrets()).get(namespace, name, signal);
    return fromText(secret?.data.get(key)?.reveal(), `key ${key} of the Secret ${namespace}/${name}`, "does not exist");
  };
}

/** A trailing newline is the editor's, not the credential's. */
function fromText(text: string | undefined, place: string, absent: string): SecretValue {
  const credential = text?.replace(/\r?\n$/, "") ?? "";
  if (credential === "")
    throw new HelmwardenError(
      "ConfigInvalid",
      `A credential is missing: ${place} ${text === undefined ? absent : "is empty"}. Put it there, or correct the configuration.`,
    );
  return SecretValue.fromText(credential);
}
