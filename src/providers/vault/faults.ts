import { HelmwardenError } from "../../errors.ts";
import type { HttpResponse } from "../httpExchange.ts";
import { retryAfterMs } from "../retry.ts";

/** Our error for an answer that is not what was asked for, whatever was asked. `doing` ends "while …". */
export function statusError(
  subject: string,
  response: Pick<HttpResponse, "status" | "headers">,
  doing: string,
): HelmwardenError {
  const { status } = response;
  if (status === 429) {
    const wait = retryAfterMs(response.headers["retry-after"]);
    return new HelmwardenError(
      "StoreThrottled",
      `${subject} says that we ask too often, while ${doing}. Raise its rate limit quota or the refreshInterval.`,
      wait === undefined ? { status } : { status, retryAfterMs: wait },
    );
  }
  if (status === 412 || status >= 500) {
    return new HelmwardenError(
      "StoreUnavailable",
      `${subject} failed with status ${status} while ${doing}. See its own log.`,
      { status },
    );
  }
  return new HelmwardenError(
    "StoreInvalid",
    `${subject} gave an answer (status ${status}) that Vault does not give while ${doing}. See whether the address is Vault's.`,
    { status },
  );
}
