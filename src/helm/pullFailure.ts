import { HelmwardenError } from "../errors.ts";
import { failureOf } from "./failure.ts";
import type { HelmExit } from "./process.ts";

/** What a repository or registry that does not answer, or not now, makes helm say (helm 3.17 to 4.3). */
const AWAY =
  /connection refused|connection reset|i\/o timeout|no such host|no route to host|network is unreachable|TLS handshake timeout|deadline exceeded|EOF$|\b(429|50[0234])\b/m;

/** Our error for a `helm pull` that did not end well: its network is not the cluster's. */
export function pullFailureOf(exit: HelmExit): HelmwardenError {
  if (exit.ended === "cancelled" || (exit.ended === "exit" && exit.code === undefined)) return failureOf(exit);
  if (exit.ended === "timeout" || AWAY.test(exit.stderr)) {
    return new HelmwardenError(
      "ChartSourceUnavailable",
      "The chart's repository or registry does not answer. It is tried again; nothing was changed.",
    );
  }
  return new HelmwardenError(
    "ChartUnavailable",
    "The chart could not be pulled: its repository or registry has it not at the deployed version, refuses us, or shows a certificate that is not trusted. Check `chart`, the login (`helm registry login`, HELM_REGISTRY_CONFIG), and SSL_CERT_FILE for a CA of your own.",
  );
}
