import { inspect } from "node:util";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ErrorCode } from "../../../src/errors.ts";
import { failureOf } from "../../../src/helm/failure.ts";
import type { HelmExit } from "../../../src/helm/process.ts";
import { canary } from "../../support/canary.ts";

const secret = canary("stderr");

function exit(stderr: string, change: Partial<HelmExit> = {}): HelmExit {
  return { code: 1, stdout: secret, stderr, ended: "exit", ...change };
}

/** Texts of helm 3.17 to 4.3, most of them as they were printed in trials; see pkg/action and pkg/cmd for the rest. */
test.each<[ErrorCode, string, string]>([
  ["ReleaseLocked", "locked", "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress"],
  ["ReleaseConflict", "lostRace", "Error: UPGRADE FAILED: release: already exists"],
  ["ReleaseNotFound", "notFound", 'Error: UPGRADE FAILED: "blog" has no deployed releases'],
  ["ReleaseNotFound", "notFound", "Error: release: not found"],
  [
    "ClusterUnavailable",
    "unreachable",
    'Error: UPGRADE FAILED: Kubernetes cluster unreachable: Get "https://10.0.0.1/version": dial tcp 10.0.0.1:443: connect: no route to host',
  ],
  [
    "ClusterUnavailable",
    "unreachable",
    'Error: UPGRADE FAILED: kubernetes cluster unreachable: Get "https://10.0.0.1/version": net/http: TLS handshake timeout',
  ],
  [
    "ClusterUnavailable",
    "unreachable",
    'Error: query: failed to query with labels: Get "https://10.0.0.1/api": dial tcp 10.0.0.1:443: connect: connection refused',
  ],
  ["ClusterUnavailable", "unreachable", "Error: UPGRADE FAILED: dial tcp: lookup api.example.com: i/o timeout"],
  ["ClusterUnavailable", "unreachable", "Error: UPGRADE FAILED: etcdserver: request timed out"],
  ["ClusterUnavailable", "unreachable", 'Error: UPGRADE FAILED: Get "https://10.0.0.1/api": EOF'],
  [
    "ClusterUnavailable",
    "unreachable",
    'Error: UPGRADE FAILED: Get "https://10.0.0.1/api": http2: client connection lost',
  ],
  [
    "ClusterUnavailable",
    "unreachable",
    "Error: UPGRADE FAILED: http2: server sent GOAWAY and closed the connection; LastStreamID=7",
  ],
  ["ClusterUnavailable", "unreachable", "Error: UPGRADE FAILED: the server is currently unable to handle the request"],
  [
    "UpgradeFailed",
    "webhook",
    'Error: UPGRADE FAILED: Internal error occurred: failed calling webhook "a.example": Post "https://a.web.svc": dial tcp 10.0.0.7:443: connect: connection refused',
  ],
  [
    "ClusterDenied",
    "unauthorized",
    "Error: UPGRADE FAILED: Kubernetes cluster unreachable: the server has asked for the client to provide credentials",
  ],
  [
    "ClusterDenied",
    "unauthorized",
    "Error: UPGRADE FAILED: kubernetes cluster unreachable: the server has asked for the client to provide credentials",
  ],
  ["ClusterDenied", "unauthorized", "Error: You must be logged in to the server (Unauthorized)"],
  [
    "ClusterDenied",
    "forbidden",
    'Error: UPGRADE FAILED: query: failed to query with labels: secrets is forbidden: User "x" cannot list resource "secrets"',
  ],
  [
    "ChartRejected",
    "schema",
    `Error: UPGRADE FAILED: values don't meet the specifications of the schema(s) in the following chart(s):\nblog:\n- at '/pw': '${secret}' does not match pattern '^a'`,
  ],
  ["ChartRejected", "render", `Error: UPGRADE FAILED: execution error at (blog/templates/x.yaml:1:4): ${secret}`],
  [
    "ChartRejected",
    "render",
    `Error: UPGRADE FAILED: template: blog/templates/x.yaml:1:4: executing "blog/templates/x.yaml" at <fail>: ${secret}`,
  ],
  [
    "ChartRejected",
    "render",
    `Error: UPGRADE FAILED: YAML parse error on blog/templates/x.yaml: error converting YAML to JSON: yaml: line 3: ${secret}`,
  ],
  ["ChartRejected", "render", `Error: UPGRADE FAILED: parse error at (blog/templates/x.yaml:1): ${secret}`],
  [
    "ChartRejected",
    "render",
    `Error: UPGRADE FAILED: cannot parse template "${secret}{{": template: blog:1: unclosed action`,
  ],
  [
    "ChartRejected",
    "passwords",
    `Error: UPGRADE FAILED: execution error at (blog/templates/NOTES.txt:4:4): PASSWORDS ERROR: You must provide your current passwords when upgrading the release.`,
  ],
  [
    "UpgradeFailed",
    "conflict",
    'Error: UPGRADE FAILED: conflict occurred while applying object apps/db /v1, Kind=Secret: Apply failed with 1 conflict: conflict with "kubectl": .data.password',
  ],
  [
    "UpgradeFailed",
    "refused",
    `Error: UPGRADE FAILED: server-side apply failed for object apps/db /v1, Kind=Secret: Secret "db" is invalid: ${secret}`,
  ],
  [
    "UpgradeFailed",
    "refused",
    `Error: UPGRADE FAILED: cannot patch "db" with kind StatefulSet: StatefulSet.apps "db" is invalid: spec: ${secret}`,
  ],
  ["UpgradeFailed", "refused", `Error: UPGRADE FAILED: failed to create resource: Secret "db" is invalid: ${secret}`],
  ["UpgradeFailed", "refused", `Error: UPGRADE FAILED: failed to replace object: ${secret}`],
  [
    "UpgradeFailed",
    "hook",
    "Error: UPGRADE FAILED: pre-upgrade hooks failed: 1 error occurred:\n\t* timed out waiting for the condition",
  ],
  ["UpgradeFailed", "hook", "Error: UPGRADE FAILED: post-upgrade hooks failed: job x failed: BackoffLimitExceeded"],
  [
    "UpgradeFailed",
    "ownership",
    'Error: UPGRADE FAILED: Unable to continue with update: Secret "db" in namespace "apps" exists and cannot be imported into the current release: invalid ownership metadata',
  ],
  ["HelmTimeout", "timeout", "Error: UPGRADE FAILED: context deadline exceeded"],
  ["HelmTimeout", "timeout", "Error: UPGRADE FAILED: timed out waiting for the condition"],
  [
    "HelmTimeout",
    "timeout",
    "Error: UPGRADE FAILED: resource Deployment/apps/blog not ready. status: InProgress, message: Available: 0/1",
  ],
  [
    "ChartRejected",
    "tooLong",
    'Error: UPGRADE FAILED: create: failed to create: Secret "sh.helm.release.v1.blog.v2" is invalid: data: Too long: may not be more than 1048576 bytes',
  ],
  [
    "ChartUnavailable",
    "chart",
    'Error: chart "blog" version "9.9.9" not found in https://charts.example.com repository',
  ],
  ["ChartUnavailable", "chart", 'Error: path "/charts/blog" not found'],
  [
    "ChartUnavailable",
    "chart",
    'Error: looks like "https://x" is not a valid chart repository or cannot be reached: failed to fetch',
  ],
  [
    "ChartUnavailable",
    "chart",
    "Error: An error occurred while checking for chart dependencies. found in Chart.yaml, but missing in charts/ directory: common",
  ],
  ["ChartUnavailable", "chart", "Error: Chart.yaml file is missing"],
  ["Internal", "overlay", `Error: failed to parse -: error converting YAML to JSON: yaml: line 1: ${secret}`],
  ["UpgradeFailed", "other", `Error: something new: ${secret}`],
  ["UpgradeFailed", "other", ""],
])("%s (%s): %s", (code, failure, stderr) => {
  const error = failureOf(exit(stderr));
  expect({ code: error.code, ...error.detail }).toEqual({ code, failure });
  expectSilent(error, stderr);
});

describe("how the process ended counts before what it printed", () => {
  test.each<[Partial<HelmExit>, ErrorCode, string]>([
    [{ ended: "timeout", code: undefined }, "HelmTimeout", "timeout"],
    [{ ended: "cancelled", code: 1 }, "Cancelled", "cancelled"],
  ])("%j", (change, code, failure) => {
    const error = failureOf(exit("Error: release: already exists", change));
    expect({ code: error.code, ...error.detail }).toEqual({ code, failure });
  });

  test("killed by a signal", () => {
    expect(failureOf(exit(secret, { code: undefined, ended: "killed" })).detail).toEqual({ failure: "killed" });
  });
});

test("property: whatever helm prints, none of it gets into the error", () => {
  const marks = fc.constantFrom("forbidden", "template: ", "Too long: ", "release: not found", "EOF", "\n", `"`, "x");
  fc.assert(
    fc.property(fc.array(fc.oneof(marks, fc.string())), (parts) => {
      const stderr = [secret, ...parts, secret].join(" ");
      expectSilent(failureOf(exit(stderr)), stderr);
    }),
  );
});

/** Neither the canary nor any longer run of what helm printed is in it. */
function expectSilent(error: Error, stderr: string): void {
  const shown =
    inspect(error, { depth: 10, showHidden: true, getters: true }) + JSON.stringify(error) + String(error.stack);
  expect(shown).not.toContain("hwcanary");
  expect(error.cause).toBeUndefined();
  expect(error.message).toMatch(/[.;:] .+\.$/s);
  for (const line of stderr.split("\n").filter((one) => one.length > 30))
    expect(shown).not.toContain(line.slice(0, 30));
}
