import type { ErrorCode } from "../errors.ts";
import { HelmwardenError } from "../errors.ts";
import type { FaultKind } from "./httpExchange.ts";

const UNREACHED = [
  "StoreUnavailable",
  "could not be reached",
  "Check its address, the network, and that it runs.",
] as const;

/** Code, what happened, what to do. */
const FAULTS: Readonly<Record<FaultKind, readonly [ErrorCode, string, string]>> = {
  unsent: UNREACHED,
  broken: UNREACHED,
  aborted: UNREACHED,
  timeout: ["StoreUnavailable", "did not answer in time", "See whether it is overloaded or a firewall drops packets."],
  untrusted: [
    "StoreInvalid",
    "has a TLS certificate that is not trusted, or speaks no TLS",
    "Set caFile to its authority, or correct the address.",
  ],
  tooLarge: ["StoreInvalid", "sent more than is accepted", "Split what is kept at this path."],
  malformed: ["StoreInvalid", "cannot be asked this", "Look for line breaks in the token, the namespace or the path."],
};

/** Our error for a request that got no answer. `networkCode` is Node's, as ECONNREFUSED, or empty. */
export function faultError(subject: string, why: FaultKind, networkCode: string): HelmwardenError {
  const [code, happened, advice] = FAULTS[why];
  if (networkCode === "") return new HelmwardenError(code, `${subject} ${happened}. ${advice}`, { why });
  return new HelmwardenError(code, `${subject} ${happened} (${networkCode}). ${advice}`, { why, networkCode });
}

export function redirectError(subject: string, where: string): HelmwardenError {
  const advice = "It is not followed, as credentials would go along: configure the address of the server itself.";
  return new HelmwardenError("StoreUnavailable", `${subject} redirected us ${where}. ${advice}`);
}

export function cancelled(subject: string): HelmwardenError {
  return new HelmwardenError("Cancelled", `A request to ${subject} was cancelled before it ended; run it again.`);
}
