import type { CoreV1Api } from "@kubernetes/client-node";
import { z } from "zod";
import { ownObjectName } from "../core/objectNames.ts";
import type { Clock, Events, Log, Subject } from "../ports.ts";
import type { Api } from "./api.ts";

/** What Kubernetes takes for a note. */
const LONGEST_MESSAGE = 1024;

/** One Event per call, on the status object of a release or a policy, or on the Secret. Best effort: a lost one is only logged. */
export function createEvents(api: Api, core: CoreV1Api, deps: { readonly clock: Clock; readonly log: Log }): Events {
  return {
    async emit(subject, type, reason, message, signal) {
      const { namespace } = subject;
      const now = deps.clock.now();
      const body = {
        metadata: { generateName: "helmwarden-", namespace },
        involvedObject: { apiVersion: "v1", namespace, ...involved(subject) },
        type,
        reason,
        message: message.slice(0, LONGEST_MESSAGE),
        firstTimestamp: now,
        lastTimestamp: now,
        count: 1,
        source: { component: "helmwarden" },
      };
      try {
        await api.call(
          { verb: "create", resource: "events", namespace },
          z.unknown(),
          (options) => core.createNamespacedEvent({ namespace, body }, options),
          signal,
          { idempotent: false },
        );
      } catch {
        deps.log.debug("A Kubernetes Event was lost", { namespace, subject: subject.name, reason });
      }
    },
  };
}

function involved(subject: Subject): { kind: string; name: string } {
  return subject.kind === "Secret"
    ? { kind: "Secret", name: subject.name }
    : { kind: "ConfigMap", name: ownObjectName(subject) };
}
