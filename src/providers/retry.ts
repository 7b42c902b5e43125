import type { HttpRequest } from "./http.ts";
import type { Exchange, FaultKind, HttpResponse } from "./httpExchange.ts";

const ATTEMPTS = 4;
const FIRST_MS = 250;
const CAP_MS = 5_000;

/** `always`: the server did not do the work. `ifRepeatable`: it may have. Anything else is final. */
const BY_STATUS: Readonly<Record<number, "always" | "ifRepeatable">> = {
  412: "ifRepeatable",
  429: "always",
  500: "ifRepeatable",
  502: "ifRepeatable",
  503: "always",
  504: "ifRepeatable",
};
const BY_FAULT: Readonly<Record<FaultKind, "always" | "ifRepeatable" | "never">> = {
  unsent: "always",
  broken: "ifRepeatable",
  timeout: "ifRepeatable",
  untrusted: "never",
  tooLarge: "never",
  malformed: "never",
  aborted: "never",
};

/**
 * Milliseconds to wait before another attempt, or undefined when there is to be none. `attempt` counts from 0.
 * Exponential with full jitter; a Retry-After is waited out whole, and a little more so that clients spread.
 */
export function retryDelayMs(
  request: HttpRequest,
  outcome: Exchange,
  attempt: number,
  random: () => number,
): number | undefined {
  if (attempt + 1 >= ATTEMPTS) return undefined;
  const rule = outcome.kind === "fault" ? BY_FAULT[outcome.why] : ruleFor(request, outcome.response);
  if (rule !== "always" && !(rule === "ifRepeatable" && isRepeatable(request))) return undefined;
  const asked = outcome.kind === "answer" ? retryAfterMs(outcome.response.headers["retry-after"]) : undefined;
  if (asked !== undefined) return asked + random() * FIRST_MS;
  return random() * Math.min(CAP_MS, FIRST_MS * 2 ** attempt);
}

function ruleFor(request: HttpRequest, response: HttpResponse): "always" | "ifRepeatable" | undefined {
  return request.retryAlso?.(response) ? "always" : BY_STATUS[response.status];
}

/** A Retry-After of whole seconds, in milliseconds. The form with a date is not used by Vault or Infisical. */
export function retryAfterMs(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined;
}

function isRepeatable(request: HttpRequest): boolean {
  return request.repeatable ?? ["GET", "LIST"].includes(request.method);
}
