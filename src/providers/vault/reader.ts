import { HelmwardenError } from "../../errors.ts";
import type { PathReading, Store } from "../../ports.ts";
import { type KvAnswer, readAnswer, readingOf } from "./kv.ts";
import type { KvClient } from "./kvClient.ts";
import type { VaultOptions } from "./options.ts";
import { encodePath } from "./paths.ts";

/** Reads a path as Store.readPath promises. Which version the mount is, is asked once, and anew where it turns out to be the other. */
export function createReader(
  kv: KvClient,
  options: Pick<VaultOptions, "mount" | "version">,
  subject: string,
  discover: (signal: AbortSignal) => Promise<1 | 2>,
): Store["readPath"] {
  const { mount } = options;
  const encodedMount = encodePath(mount);
  const readings = new Map<string, PathReading>();
  let version = options.version;

  async function readAnswerAt(path: string, signal: AbortSignal): Promise<KvAnswer> {
    const encoded = encodePath(path);
    const asVersion = (version ??= await discover(signal));
    const between = asVersion === 2 ? "/data/" : "/";
    const response = await kv.get(encodedMount + between + encoded, mount + between + path, signal);
    return readAnswer(response, asVersion);
  }

  return async (path, signal) => {
    let answer = await readAnswerAt(path, signal);
    if (answer.kind === "otherVersion" && options.version === undefined) {
      version = undefined;
      answer = await readAnswerAt(path, signal);
    }
    if (answer.kind !== "found" && answer.kind !== "missing") throw invalidAnswer(answer.kind, subject, mount);
    const reading = readingOf(answer, readings.get(path));
    readings.set(path, reading);
    return reading;
  };
}

function invalidAnswer(kind: "otherVersion" | "noMount" | "unknown", subject: string, mount: string): HelmwardenError {
  const what = {
    otherVersion: `has KV version 2 at ${mount}, and version 1 is configured. Take \`version\` out: it is asked of the server.`,
    noMount: `has no mount ${mount}. Correct mount, or enable a KV engine there.`,
    unknown: `gave an answer that Vault does not give. See whether the address is Vault's and not a proxy's.`,
  }[kind];
  return new HelmwardenError("StoreInvalid", `${subject} ${what}`);
}
