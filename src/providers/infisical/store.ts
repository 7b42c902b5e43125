import { HelmwardenError } from "../../errors.ts";
import type { Store } from "../../ports.ts";
import { endsOf } from "../ends.ts";
import { createHttpClient } from "../http.ts";
import { keepListening } from "../keepListening.ts";
import { checkInfisical } from "./check.ts";
import { createClientSecrets } from "./clientSecrets.ts";
import { createEventStream } from "./events.ts";
import { createLister } from "./lister.ts";
import { listPaths } from "./listPaths.ts";
import { createTokenCalls } from "./login.ts";
import type { InfisicalDeps, InfisicalOptions } from "./options.ts";
import { createProjectLookup } from "./project.ts";
import { createReader } from "./reader.ts";
import { normalPath } from "./secretList.ts";
import { createSender, createWithToken } from "./sender.ts";
import { createSession } from "./session.ts";
import { createInfisicalWriter } from "./writer.ts";

/** A store for one environment of one project. ConfigInvalid for options that cannot work; connects at the first read. */
export function createInfisicalStore(options: InfisicalOptions, deps: InfisicalDeps): Store {
  const siteUrl = options.siteUrl.replace(/\/+$/, "").replace(/\/api$/, "");
  const subject = `Infisical at ${siteUrl}`;
  if (options.auth.kind === "aws") requirePlainAws(options, subject);
  const http = createHttpClient({ ...options, subject, baseUrl: siteUrl }, deps);
  const target = { subject, siteUrl, http, clock: deps.clock, deadlineMs: options.deadlineMs ?? 30_000 };
  const life = new AbortController();
  const session = createSession(createTokenCalls(options, target), deps, life.signal);
  const withToken = createWithToken(subject, session);
  const send = createSender(http, withToken);
  const project = createProjectLookup(options, subject, send, life.signal);
  const root = options.recursive === undefined ? undefined : normalPath(options.recursive.path);
  const lister = createLister(options, subject, send, project, deps.log);
  const readPath = createReader(lister, root, life.signal);

  const listen = createEventStream({ options, subject, http, withToken, project });

  return {
    name: options.name,
    readPath,
    listPaths: (below, signal) => listPaths(lister, below, signal),
    writer: createInfisicalWriter({ options, subject, http, withToken, project }),
    watchEvents: (onEvent, signal, onStanding) => {
      const both = AbortSignal.any([signal, life.signal]);
      return keepListening(listen, onEvent, { ...deps, store: options.name, onStanding }, both);
    },
    check: (signal) => checkInfisical({ options, subject, http, session, project, readPath }, signal),
    credentialsOf: createClientSecrets(subject, http, withToken),
    ends: () => endsOf(session.endsInMs(), http, deps.clock),
    async close() {
      life.abort();
      await session.close();
      http.close();
    },
  };
}

/** The SDK makes this login, and takes neither. */
function requirePlainAws({ ca, organizationSlug }: InfisicalOptions, subject: string): void {
  if (ca !== undefined) {
    throw new HelmwardenError(
      "ConfigInvalid",
      `The AWS login into ${subject} cannot use caFile. Name the file in NODE_EXTRA_CA_CERTS instead.`,
    );
  }
  if (organizationSlug !== undefined) {
    throw new HelmwardenError(
      "ConfigInvalid",
      `The AWS login into ${subject} cannot use organizationSlug. Use an identity of that organization, or another auth method.`,
    );
  }
}
