import { type ErrorCode, type ErrorDetail, HelmwardenError } from "../errors.ts";
import type { Fault } from "./apiFault.ts";

/** What a call is about, in the words of a Role rule. */
export interface ApiTarget {
  readonly verb: "get" | "list" | "watch" | "create" | "update" | "patch" | "delete";
  /** Plural, with its group: "secrets", "deployments.apps"; for what is not a resource, its path. */
  readonly resource: string;
  /** Absent: all namespaces, or not namespaced. */
  readonly namespace?: string;
  readonly name?: string;
}

/** Our error for a failed call: what happened, to what, and what to do next. `detail.status` is the HTTP status. */
export function explainFault(fault: Fault, target: ApiTarget): HelmwardenError {
  const what = describe(target);
  const fail = (code: ErrorCode, message: string, detail: ErrorDetail = {}): HelmwardenError =>
    new HelmwardenError(code, message, { verb: target.verb, resource: target.resource, ...detail });
  switch (fault.kind) {
    case "answer":
      return explainAnswer(fault.status, fault.reason, target, (code, message) =>
        fail(code, message, { status: fault.status, reason: fault.reason }),
      );
    case "network":
      return fail(
        "ClusterUnavailable",
        `The cluster cannot be reached to ${what} (${fault.code}). See that its API server runs, and that the address in the kubeconfig is right.`,
      );
    case "certificate":
      return fail(
        "ClusterUnavailable",
        `The cluster's certificate is not trusted (${fault.code}): another CA signed it, or it has expired. Correct the CA in the kubeconfig.`,
      );
    case "timeout":
      return fail(
        "ClusterUnavailable",
        `The cluster did not answer in time when we tried to ${what}. See its load, and the network between.`,
      );
    case "credentials":
      return fail(
        "ClusterDenied",
        "The credentials of the kubeconfig cannot be had. Run `kubectl get --raw /version` to see what its login or exec plugin says.",
      );
    case "shape":
      return fail(
        "ClusterUnavailable",
        `What answered when we tried to ${what} does not speak as a Kubernetes API server does. See that the address in the kubeconfig is right.`,
      );
  }
}

function explainAnswer(
  status: number,
  reason: string,
  target: ApiTarget,
  fail: (code: ErrorCode, message: string) => HelmwardenError,
): HelmwardenError {
  const what = describe(target);
  switch (status) {
    case 401:
      return fail(
        "ClusterDenied",
        "The cluster does not accept our credentials (401). Log in again, or renew the token or certificate in the kubeconfig.",
      );
    case 403:
      return fail("ClusterDenied", `The cluster refuses to let us ${what} (403). ${missingRule(target)}`);
    case 404:
      return fail(
        "ConfigInvalid",
        `The cluster has nothing there to ${what} (404). See that the namespace and the object exist.`,
      );
    case 409:
      return fail(
        "ReleaseConflict",
        `Somebody else changed the object while we tried to ${what} (409). The next pass reads it again.`,
      );
    case 400:
    case 413:
    case 422:
      return fail(
        "ConfigInvalid",
        `The cluster finds the object invalid when asked to ${what} (${status} ${reason}). See whether a value is too large, a key is not allowed, or an admission policy is against it.`,
      );
    default:
      return fail(
        "ClusterUnavailable",
        `The cluster could not ${what} (${status} ${reason}). See the state of its API server.`,
      );
  }
}

function describe({ verb, resource, namespace, name }: ApiTarget): string {
  const object = name === undefined ? resource : `${resource} ${name}`;
  return `${verb} ${object}${namespace === undefined ? "" : ` in namespace ${namespace}`}`;
}

function missingRule({ verb, resource, namespace }: ApiTarget): string {
  if (resource.startsWith("/")) return "Give our account a ClusterRole such as system:public-info-viewer.";
  const [plural, ...group] = resource.split(".");
  const role = namespace === undefined ? "a ClusterRole" : `a Role in ${namespace}`;
  const rule = `{apiGroups: ["${group.join(".")}"], resources: ["${plural}"], verbs: ["${verb}"]}`;
  return `If it is not an admission policy, ${role} with this rule is missing: ${rule}.`;
}
