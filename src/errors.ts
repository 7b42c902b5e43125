/**
 * What to do after a fault: try again with growing delays until it is over (somebody else's outage proves nothing about
 * the subject), the same for a number of times, try again after a fixed delay, or wait for a person.
 */
export type Retry = "outage" | "backoff" | "after" | "never";

/**
 * Every fault helmwarden can report, with its retry rule. Expected situations (held, in sync, not found in a
 * store) are values, not errors. docs/errors.md lists the same table; a test compares the two.
 */
export const RETRY = {
  StoreUnavailable: "outage",
  ClusterUnavailable: "outage",
  UpgradeFailed: "backoff",
  AuditUnavailable: "outage",
  QueueUnavailable: "outage",
  TargetUnavailable: "outage",
  ChartSourceUnavailable: "outage",
  StoreThrottled: "after",
  ReleaseLocked: "after",
  ReleaseConflict: "after",
  RestartBlocked: "after",
  ConfigInvalid: "never",
  StoreDenied: "never",
  StoreInvalid: "never",
  TargetRefused: "never",
  ClusterDenied: "never",
  ReleaseNotFound: "never",
  ReleaseCorrupt: "never",
  ChartUnavailable: "never",
  ChartRejected: "never",
  HelmMissing: "never",
  HelmUnsupported: "never",
  HelmTimeout: "backoff",
  VerifyFailed: "never",
  BackupInvalid: "never",
  JournalUnavailable: "never",
  UsageInvalid: "never",
  Cancelled: "never",
  Internal: "never",
} as const satisfies Record<string, Retry>;

export type ErrorCode = keyof typeof RETRY;

/** Facts beside the message. Flat on purpose: an object could carry a secret through. */
export type ErrorDetail = Readonly<Record<string, string | number | boolean>>;

/**
 * The only error that leaves a room. The message says what happened and what to do next, in our own words:
 * texts of other people's errors carry secrets and are never passed on, not even as `cause`.
 */
export class HelmwardenError extends Error {
  override readonly name = "HelmwardenError";
  readonly code: ErrorCode;
  readonly detail: ErrorDetail;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message);
    this.code = code;
    this.detail = detail;
  }

  get retry(): Retry {
    return RETRY[this.code];
  }
}

/** Turns anything caught into our error. Of a foreign one only the class name is kept. */
export function toHelmwardenError(caught: unknown): HelmwardenError {
  if (caught instanceof HelmwardenError) return caught;
  const name = caught instanceof Error ? caught.constructor.name : typeof caught;
  if (name === "AbortError" || name === "TimeoutError" || isAbort(caught)) {
    return new HelmwardenError("Cancelled", "The work was cancelled before it ended; run it again.");
  }
  return new HelmwardenError(
    "Internal",
    `An unexpected ${name} occurred: this is a bug in helmwarden. Please report it with the run id.`,
    { class: name },
  );
}

function isAbort(caught: unknown): boolean {
  return caught instanceof DOMException && (caught.name === "AbortError" || caught.name === "TimeoutError");
}
