import type { ErrorCode } from "../../errors.ts";
import { HelmwardenError } from "../../errors.ts";
import type { HttpResponse } from "../httpExchange.ts";
import { jsonOf } from "../http.ts";
import { retryAfterMs } from "../retry.ts";
import { Refusal } from "./schema.ts";

/** What of an answer decides: its text may quote secrets and ids, and is not looked at. */
export interface Answer {
  readonly status: number;
  /** Infisical's own name of the refusal, as TokenError; undefined if it is no answer of Infisical. */
  readonly refusal: string | undefined;
  /** The server does not know this route: an older or newer version of Infisical, not a missing thing. */
  readonly noRoute: boolean;
  readonly retryAfterMs: number | undefined;
}

export function answerOf(response: HttpResponse): Answer {
  const { status } = response;
  const refusal = Refusal.safeParse(status < 400 ? undefined : jsonOf(response)).data;
  return {
    status,
    refusal: refusal?.error,
    noRoute: status === 404 && refusal?.error === "Not Found" && refusal.reqId === undefined,
    retryAfterMs: retryAfterMs(response.headers["retry-after"]),
  };
}

/** Is it the token that is refused, and not what it may do? An expired one is 403, a revoked or used-up one 401. */
export function isTokenRefused({ status, refusal }: Answer): boolean {
  return status === 401 || (status === 403 && refusal === "TokenError");
}

/** For a login that was not accepted. */
export function loginError(subject: string, answer: Answer): HelmwardenError {
  const { status } = answer;
  if (status === 401) {
    return fault("StoreDenied", `${subject} refused the login.`, LOCKOUT_ADVICE, { status });
  }
  if (status === 403) {
    const advice = "See which subjects, audiences and addresses its auth method accepts.";
    return fault("StoreDenied", `${subject} does not let this identity log in.`, advice, { status });
  }
  if (status === 404 && answer.refusal !== undefined && !answer.noRoute) {
    const advice = "Check identityId, and that the identity has the auth method that is configured here.";
    return fault("StoreDenied", `${subject} does not know this identity with this auth method.`, advice, { status });
  }
  if (status === 400 || status === 422) {
    const advice = "Check that identityId and the credentials are complete.";
    return fault("StoreInvalid", `${subject} does not accept the form of the login.`, advice, { status });
  }
  return statusError(subject, answer);
}

const LOCKOUT_ADVICE =
  "Check its credentials before you run helmwarden again: three refused logins lock the identity for five minutes.";

/** For a request with a valid token that was not answered as it should be. */
export function requestError(subject: string, answer: Answer): HelmwardenError {
  const { status, refusal } = answer;
  if (isTokenRefused(answer)) {
    const advice =
      "Replace it if it was made elsewhere; or see if the identity's tokens are bound to uses or addresses.";
    return fault("StoreDenied", `${subject} does not accept the token.`, advice, { status });
  }
  if (status === 403 && refusal === "ProjectMembershipNotFound") {
    const advice = "Add the identity to the project, under Access Control, with a role that reads secrets.";
    return fault("StoreDenied", `The identity is not a member of the project in ${subject}.`, advice, { status });
  }
  if (status === 403) {
    const advice = "Give its role the permissions to describe and to read secrets there.";
    return fault("StoreDenied", `${subject} does not let this identity read here.`, advice, { status });
  }
  if (status === 404 && refusal !== undefined && !answer.noRoute) {
    return fault("StoreInvalid", `${subject} does not know the project.`, "Correct projectId or projectSlug.", {
      status,
    });
  }
  if ((status === 400 || status === 422) && refusal !== undefined) {
    const advice = "Check project and environment, and that this version of Infisical is supported.";
    return fault("StoreInvalid", `${subject} does not accept the request.`, advice, { status });
  }
  return statusError(subject, answer);
}

export function environmentError(subject: string, environment: string): HelmwardenError {
  const name = JSON.stringify(environment);
  return fault(
    "StoreInvalid",
    `The project in ${subject} has no environment ${name}.`,
    "Write its slug, as `prod`.",
    {},
  );
}

/** For an answer with a status of success that is not Infisical's. */
export function shapeError(subject: string): HelmwardenError {
  const advice = "See whether siteUrl is that of Infisical, and what a proxy before it does.";
  return fault("StoreInvalid", `${subject} gave an answer that Infisical does not give.`, advice, {});
}

function statusError(subject: string, { status, refusal, ...answer }: Answer): HelmwardenError {
  if (status === 429) {
    const wait = answer.retryAfterMs;
    return fault(
      "StoreThrottled",
      `${subject} says that we ask too often.`,
      "Raise refreshInterval, or the rate limit of its plan.",
      wait === undefined ? { status } : { status, retryAfterMs: wait },
    );
  }
  // A 404 of a proxy, say while Infisical is deployed anew, must not look like a secret that is gone.
  if (status >= 500 || refusal === undefined) {
    const advice = "See its own log, and whether siteUrl is right.";
    return fault("StoreUnavailable", `${subject} failed with status ${status}.`, advice, { status });
  }
  if (!answer.noRoute) return shapeError(subject);
  const advice = "See whether siteUrl is right, and whether this version of Infisical has what is configured here.";
  return fault("StoreInvalid", `${subject} does not have the route that is asked for.`, advice, { status });
}

function fault(code: ErrorCode, happened: string, advice: string, detail: Record<string, number>): HelmwardenError {
  return new HelmwardenError(code, `${happened} ${advice}`, detail);
}
