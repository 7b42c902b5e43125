import { HelmwardenError } from "../../errors.ts";
import { jsonOf } from "../http.ts";
import type { HttpResponse } from "../httpExchange.ts";
import { redirectError } from "../httpFaults.ts";
import type { EventListener, Listen } from "../keepListening.ts";
import { eventPath } from "./eventPath.ts";
import { statusError } from "./faults.ts";
import type { VaultOptions } from "./options.ts";
import { Refusal } from "./schema.ts";
import type { Session } from "./session.ts";
import { openSocket } from "./socket.ts";

/** Both versions of KV; a policy for `sys/events/subscribe/kv*` grants it. */
const ROUTE = "v1/sys/events/subscribe/kv*?json=true";
/** Vault pings every 30 s. */
const SILENCE_MS = 120_000;

/**
 * Vault's events of our KV mount, over a WebSocket. "none": this Vault sends none (the free edition, OpenBao, events
 * switched off). An expired token ends no stream; the next one begins with a good one.
 */
export function createEventStream(
  options: VaultOptions,
  subject: string,
  session: Session,
  explainUnavailable: (signal: AbortSignal) => Promise<void>,
): Listen {
  const url = `${options.address.replace(/^http/, "ws").replace(/\/+$/, "")}/${ROUTE}`;
  const namespace = options.namespace ? { "x-vault-namespace": options.namespace } : {};

  /** Undefined: it stood, and the server has ended it. */
  async function listenOnce(
    token: string,
    listener: EventListener,
    signal: AbortSignal,
  ): Promise<HttpResponse | undefined> {
    const message = (body: Buffer): void => {
      const path = eventPath(jsonOf({ body }), options.mount);
      if (path.kind !== "other") listener.moved(path.kind === "path" ? path.path : undefined);
    };
    const headers = { ...namespace, "x-vault-token": token, "x-vault-request": "true" };
    const socket = { url, subject, headers, ca: options.ca, silenceMs: options.silenceMs ?? SILENCE_MS };
    return openSocket(socket, { open: listener.opened, message }, signal);
  }

  return async (listener, signal) => {
    const token = await session.token(signal);
    let refusal = await listenOnce(token.value.reveal(), listener, signal);
    if (refusal?.status === 403) {
      const next = await session.replace(token, signal);
      if (next !== undefined) refusal = await listenOnce(next.value.reveal(), listener, signal);
    }
    if (refusal === undefined) return "ended";
    const { status } = refusal;
    if (status === 403) throw eventsDenied(subject);
    if (status === 503) await explainUnavailable(signal);
    if (status >= 300 && status < 400) throw redirectError(subject, "when we asked for events");
    if ([400, 404, 405, 501].includes(status) && Refusal.safeParse(jsonOf(refusal)).success) return "none";
    throw statusError(subject, refusal, "asking for events");
  };
}

function eventsDenied(subject: string): HelmwardenError {
  const advice = 'Let the policy of our login grant "read" on sys/events/subscribe/kv*, or take `events` out.';
  return new HelmwardenError("StoreDenied", `${subject} does not let us subscribe to events. ${advice}`);
}
