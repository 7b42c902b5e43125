import { readFile } from "node:fs/promises";
import type { TlsSpec } from "../core/rotation/policy.ts";
import { HelmwardenError } from "../errors.ts";

/** How to speak to a server; undefined: in the clear. */
export interface Encryption {
  readonly ca: string | undefined;
  /** Is the certificate's chain checked? */
  readonly checksChain: boolean;
  /** Is the host's name looked for in the certificate? */
  readonly checksName: boolean;
}

/** What is tried one after the other, as long as the server takes no TLS. ConfigInvalid: the CA cannot be read. */
export async function encryptionsOf({ mode, caFile }: TlsSpec): Promise<readonly (Encryption | undefined)[]> {
  if (mode === "off") return [undefined];
  const ca = caFile === undefined ? undefined : await readCa(caFile);
  const checksName = mode === "verify";
  const encryption = { ca, checksName, checksChain: checksName || ca !== undefined };
  return mode === "prefer" ? [encryption, undefined] : [encryption];
}

async function readCa(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch {
    throw new HelmwardenError("ConfigInvalid", `The CA file ${file} of a RotationPolicy cannot be read. Put it there.`);
  }
}
