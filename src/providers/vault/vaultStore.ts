import { toHelmwardenError } from "../../errors.ts";
import type { CheckLine, Store, StoreEnds } from "../../ports.ts";
import { endsOf } from "../ends.ts";
import { createHttpClient } from "../http.ts";
import { keepListening } from "../keepListening.ts";
import { createAuthClient } from "./authClient.ts";
import { createEventStream } from "./events.ts";
import { explainUnavailable } from "./health.ts";
import { createKvClient } from "./kvClient.ts";
import type { VaultDeps, VaultOptions } from "./options.ts";
import { createReader } from "./reader.ts";
import { createListPaths } from "./listPaths.ts";
import { createSecretIds } from "./secretIds.ts";
import { Session } from "./session.ts";
import { createAnnotate } from "./annotate.ts";
import { createVaultWriter } from "./vaultWriter.ts";
import { singleFlight } from "../singleFlight.ts";

/**
 * Secrets of one KV mount of Vault or OpenBao, version 1 or 2. A path is read in one call; KV 1 has no versions, so
 * theirs are 0. Nothing is sent before the first use. ConfigInvalid for an address, a CA or a mount that cannot be.
 */
export function createVaultStore(options: VaultOptions, deps: VaultDeps): Store {
  const { name, mount, ca, attemptTimeoutMs, deadlineMs } = options;
  const server = `Vault at ${URL.parse(options.address)?.origin ?? "no address"}`;
  const subject = `Store ${name} (${server})`;
  const http = createHttpClient({ subject, baseUrl: options.address, ca, attemptTimeoutMs, deadlineMs }, deps);
  const session = new Session(createAuthClient(options, subject, http), subject, deps);
  const kv = createKvClient(options, subject, http, session);
  const life = new AbortController();
  const discover = singleFlight((signal) => kv.discover(signal), life.signal);
  const listen = createEventStream(options, subject, session, (signal) => explainUnavailable(http, subject, signal));
  const readPath = createReader(kv, options, subject, discover);

  async function check(signal: AbortSignal): Promise<CheckLine> {
    const line = { subject: `store ${name}` };
    try {
      const found = await discover(signal);
      if (options.version === undefined || options.version === found) {
        return { ...line, ok: true, message: `${server} takes our login, and ${mount} is KV version ${found}` };
      }
      const message = `The mount ${mount} is KV version ${found}, and version: ${options.version} is configured.`;
      return { ...line, ok: false, message, advice: "Take `version` out: it is asked of the server." };
    } catch (caught) {
      const [message = "", ...advice] = toHelmwardenError(caught).message.split(/(?<=\.) /);
      return { ...line, ok: false, message, advice: advice.join(" ") };
    }
  }

  const watchEvents: Store["watchEvents"] = (onEvent, signal, onStanding) => {
    const both = AbortSignal.any([signal, life.signal]);
    return keepListening(listen, onEvent, { ...deps, store: name, onStanding }, both);
  };

  async function close(): Promise<void> {
    life.abort();
    await session.close();
    http.close();
  }

  const ends = (): StoreEnds => endsOf(session.endsInMs(), http, deps.clock);
  // Where a write goes must be known and not believed: a KV 1 mount takes a write for KV 2 and stores it elsewhere.
  const writer = createVaultWriter(kv, mount, subject, discover);
  const annotate = createAnnotate(kv, mount, subject, discover);
  const listPaths = createListPaths(kv, mount, subject, discover);
  const credentialsOf = createSecretIds(options, subject, http, session);
  return { name, readPath, writer, annotate, listPaths, check, ends, watchEvents, credentialsOf, close };
}
