import { type ErrorCode, HelmwardenError } from "../errors.ts";
import type { HelmExit } from "./process.ts";

/** What helm's standard error means. Its text is matched here and then dropped: it quotes values. */
interface Failure {
  readonly match: RegExp;
  readonly code: ErrorCode;
  readonly class: string;
  readonly message: string;
}

/** First match wins. The texts are those of helm 3.17 to 4.3. */
const FAILURES: readonly Failure[] = [
  {
    match: /another operation \(install\/upgrade\/rollback\) is in progress/,
    code: "ReleaseLocked",
    class: "locked",
    message: "Another helm is at work on the release. Nothing was changed; it is tried again later.",
  },
  {
    match: /release: already exists/,
    code: "ReleaseConflict",
    class: "lostRace",
    message: "Another helm made the next revision first. Nothing was changed; the release is read again.",
  },
  {
    match: /has no deployed releases|release: not found/,
    code: "ReleaseNotFound",
    class: "notFound",
    message: "Helm has no such release any more. Install it again, or remove its ReleaseSync.",
  },
  {
    match: /values don't meet the specifications of the schema/,
    code: "ChartRejected",
    class: "schema",
    message:
      "The chart's values.schema.json refuses the values. Compare the value's form with the chart's schema; nothing was changed.",
  },
  {
    match: /PASSWORDS ERROR/,
    code: "ChartRejected",
    class: "passwords",
    message:
      "The chart wants its current passwords to be passed at every upgrade. Map them, or give it an existingSecret.",
  },
  {
    match: /execution error at \(|template: |executing "|YAML parse error on|parse error at|cannot parse template/,
    code: "ChartRejected",
    class: "render",
    message:
      "The chart does not render with the wanted values. Run `helm template` with a made-up value of the same form to see why.",
  },
  {
    match: /Too long: /,
    code: "ChartRejected",
    class: "tooLong",
    message:
      "The release would pass the 1 MiB that a Secret may hold. Move large values to a SecretSync or shrink the chart.",
  },
  {
    match: /exists and cannot be imported into the current release/,
    code: "UpgradeFailed",
    class: "ownership",
    message: "An object that the chart renders belongs to somebody else. See `helm status` and the object's labels.",
  },
  {
    match: /(pre|post)-upgrade hooks failed/,
    code: "UpgradeFailed",
    class: "hook",
    message: "A hook of the chart failed. See the hook's Job in the namespace.",
  },
  {
    match: /conflict occurred while applying|Apply failed with \d+ conflict/,
    code: "UpgradeFailed",
    class: "conflict",
    message:
      "Another field manager owns a field that the chart sets. `kubectl get -o yaml --show-managed-fields` names it.",
  },
  {
    match: /forbidden/i,
    code: "ClusterDenied",
    class: "forbidden",
    message: "The cluster forbids what the upgrade needs. Run `helmwarden check` and extend the Role.",
  },
  {
    match: /Unauthorized|must be logged in|asked for the client to provide credentials/,
    code: "ClusterDenied",
    class: "unauthorized",
    message: "The cluster does not accept our credentials. Renew the kubeconfig or the service account token.",
  },
  {
    match: /failed calling webhook/,
    code: "UpgradeFailed",
    class: "webhook",
    message: "An admission webhook of the cluster did not answer. See the webhook's own pods, then `helm history`.",
  },
  {
    match:
      /luster unreachable|connection refused|i\/o timeout|etcdserver|no such host|connection reset|connection lost|broken pipe|GOAWAY|network connection|no route to host|currently unable to handle|TLS handshake|EOF$/m,
    code: "ClusterUnavailable",
    class: "unreachable",
    message: "The cluster could not be reached. It is tried again later.",
  },
  {
    match:
      /chart ".*" version ".*" not found|path ".*" not found|is not a valid chart repository|missing in charts\/ directory|Chart\.yaml file is missing|failed to download|not found: manifest/,
    code: "ChartUnavailable",
    class: "chart",
    message: "The chart could not be had. Check `chart` in the ReleaseSync, the repository, and its credentials.",
  },
  {
    match:
      /server-side apply failed for object|cannot patch "|failed to (create resource|replace object)|error validating "/,
    code: "UpgradeFailed",
    class: "refused",
    message:
      "The API server refused an object that the chart renders. `helm history` shows the revision; apply the same chart by hand to see why.",
  },
  {
    match: /failed to parse -/,
    code: "Internal",
    class: "overlay",
    message: "helm could not read the values that helmwarden sent: this is a bug in helmwarden. Please report it.",
  },
  {
    match: /context deadline exceeded|timed out waiting|not ready\. status:/,
    code: "HelmTimeout",
    class: "timeout",
    message: "helm ran out of time. See the workloads of the release, or raise `upgrade.timeout`.",
  },
];

/** Our error for a helm process that did not end well. */
export function failureOf(exit: HelmExit): HelmwardenError {
  if (exit.ended === "timeout") {
    return fault(
      "HelmTimeout",
      "timeout",
      "helm ran past its timeout and was stopped. Raise `upgrade.timeout`, or see what it waits for.",
    );
  }
  if (exit.ended === "cancelled")
    return fault("Cancelled", "cancelled", "helm was stopped because the pass was cancelled.");
  const known = FAILURES.find(({ match }) => match.test(exit.stderr));
  if (known !== undefined) return fault(known.code, known.class, known.message);
  if (exit.code === undefined) {
    return fault(
      "UpgradeFailed",
      "killed",
      "helm was killed by a signal (out of memory?). The release may be locked: see `helm history`.",
    );
  }
  return fault(
    "UpgradeFailed",
    "other",
    "helm failed for a reason that helmwarden does not know. `helm upgrade RELEASE CHART --reuse-values --dry-run=server`, run by hand, may show it (with secrets).",
  );
}

function fault(code: ErrorCode, failure: string, message: string): HelmwardenError {
  return new HelmwardenError(code, message, { failure });
}
