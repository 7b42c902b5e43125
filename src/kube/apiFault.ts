import { z } from "zod";

/** How one request failed, without a word of the answer: API answers quote objects, and objects hold secrets. */
export type Fault =
  | { readonly kind: "answer"; readonly status: number; readonly reason: string; readonly retryAfterMs?: number }
  | { readonly kind: "network"; readonly code: string }
  | { readonly kind: "certificate"; readonly code: string }
  | { readonly kind: "timeout" }
  | { readonly kind: "credentials" }
  | { readonly kind: "shape" };

/** Carries a Fault inside this room; leaves it only as a HelmwardenError. */
export class ApiFault extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.kind);
    this.fault = fault;
  }
}

const statusObject = z.object({ reason: z.string().regex(/^[A-Za-z]{1,40}$/) });

/** Reads of a refusal only the status, the reason word and Retry-After. */
export function answerFault(status: number, text: string, retryAfter: string | undefined): ApiFault {
  const seconds = Number(retryAfter);
  const wait = retryAfter !== undefined && Number.isFinite(seconds) ? { retryAfterMs: seconds * 1000 } : {};
  return new ApiFault({ kind: "answer", status, reason: reasonOf(text), ...wait });
}

function reasonOf(text: string): string {
  try {
    return statusObject.parse(JSON.parse(text)).reason;
  } catch {
    return "Unknown";
  }
}

const CERTIFICATE = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL|HOSTNAME_MISMATCH|INVALID_CA|ERR_OSSL)/;

/** Of a connection's error only its code is kept. */
export function networkFault(caught: unknown): ApiFault {
  const code = codeOf(caught) ?? "unknown";
  if (code.endsWith("_TIMEOUT") || code === "ETIMEDOUT") return new ApiFault({ kind: "timeout" });
  return new ApiFault({ kind: CERTIFICATE.test(code) ? "certificate" : "network", code });
}

function codeOf(caught: unknown): string | undefined {
  if (!(caught instanceof Error)) return undefined;
  if ("code" in caught && typeof caught.code === "string" && /^[A-Z0-9_]{1,60}$/.test(caught.code)) return caught.code;
  return codeOf(caught.cause);
}

/** May the same request work a moment later? Only what was surely not carried out, where it is not idempotent. */
export function isTransient(fault: Fault, idempotent: boolean): boolean {
  switch (fault.kind) {
    case "answer":
      return fault.status === 429 || (idempotent && [500, 502, 503, 504].includes(fault.status));
    case "network":
      return idempotent || fault.code === "ECONNREFUSED";
    case "timeout":
      return idempotent;
    case "certificate":
    case "credentials":
    case "shape":
      return false;
  }
}

/** Would other credentials help? Tokens and certificates rotate under us. */
export function asksForCredentials(fault: Fault): boolean {
  return fault.kind === "certificate" || (fault.kind === "answer" && fault.status === 401);
}
