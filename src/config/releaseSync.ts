import * as z from "zod";
import { duration } from "./duration.ts";
import { API_VERSION, DEFAULT_CLUSTER, namespaceName, objectName, text, valuePath, word } from "./fields.ts";
import { mapping } from "./valueSource.ts";

export const clusterName = () =>
  word()
    .default(DEFAULT_CLUSTER)
    .describe("Context of the kubeconfig; `default` is the cluster that helmwarden runs in.");
export const restart = () =>
  z
    .enum(["auto", "never"])
    .default("auto")
    .describe("`auto` restarts the workloads that read a changed Secret only at their start.");

export const drift = () =>
  z
    .enum(["correct", "report"])
    .default("correct")
    .describe("When somebody else changes what is mapped, the daemon puts it right, or only says so.");

export const kind = (ofToken: string) =>
  z
    .enum(["credential", "encryptionKey", "token"])
    .default("credential")
    .describe(
      "`encryptionKey`: data is encrypted with it, so that a change is always held. `token`: nothing persistent " +
        `remembers the old one, ${ofToken}.`,
    );
const guard = (what: string) => z.enum(["hold", "allow"]).default("hold").describe(what);
export const statefulGuard = () => guard("A changed Secret is read by a database, which would keep the old password.");
export const emptyGuard = () => guard("The wanted value is empty, blank or a placeholder.");

const version = () => word().optional().describe("The version that has to be deployed; without it, whichever is.");

const PLAIN_URL = /^(?!\w+:\/\/[^/]*@)[^?#]*$/;
const PLAIN_URL_RULE = "must hold no user, password or query: it stands on helm's command line";

const chart = z.union(
  [
    z.strictObject({ path: text().describe("Folder or archive of the chart, relative to the configuration file.") }),
    z.strictObject({
      repository: word()
        .regex(/^https?:\/\//, "must begin with https:// or http://; for oci:// there is `oci`")
        .regex(PLAIN_URL, PLAIN_URL_RULE)
        .describe("URL of the chart repository."),
      name: word().describe("Name of the chart in the repository."),
      version: version(),
    }),
    z.strictObject({
      oci: word()
        .regex(/^oci:\/\//, "must begin with oci://")
        .regex(PLAIN_URL, PLAIN_URL_RULE)
        .describe("`oci://` reference, without a tag."),
      version: version(),
    }),
  ],
  "must be exactly one of {path}, {repository, name, version} and {oci, version}",
);

const valueMapping = mapping({
  path: valuePath().describe(
    "Where the value stands, in the syntax of `helm --set`: `a.b[0]`, and `\\.` for a dot inside a name.",
  ),
  type: z
    .enum(["string", "number", "boolean", "json"])
    .default("string")
    .describe("What is written. A string stays a string whatever it looks like."),
  kind: kind("so that the guard `statefulCredential` does not apply"),
});

const guards = z.strictObject({
  regeneration: guard("A Secret would change that no mapped value explains."),
  statefulCredential: statefulGuard(),
  empty: emptyGuard(),
});

const upgrade = z.strictObject({
  timeout: duration("1s", "1d").prefault("5m").describe("For the helm process."),
  ready: duration("1s", "1d").prefault("5m").describe("For the workloads to become ready afterwards."),
  historyMax: z
    .int()
    .min(5)
    .max(1000)
    .default(10)
    .describe("Revisions that helm keeps; older ones hold older secrets."),
  onFailure: z
    .enum(["restore", "keep"])
    .default("restore")
    .describe("`restore` puts the previous values of the mapped paths back by another upgrade."),
  scrub: z
    .boolean()
    .default(false)
    .describe("A second, empty upgrade removes the previous secret from the newest revision."),
});

export const releaseSync = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("ReleaseSync"),
  metadata: z.strictObject({
    name: objectName().describe("Name of this document, and of the release unless `spec.release` says otherwise."),
    namespace: namespaceName().describe("Namespace of the release."),
  }),
  spec: z.strictObject({
    cluster: clusterName(),
    release: objectName(53).optional().describe("Name of the release. Default: `metadata.name`."),
    chart: chart.describe("Where the chart is: exactly one form. The deployed version is used."),
    values: z.array(valueMapping).min(1, "must have at least one entry").describe("The values to keep in step."),
    guards: guards.prefault({}).describe("What happens to a change that could break the app."),
    whenIgnored: z
      .enum(["hold", "patchSecret"])
      .default("hold")
      .describe("When the chart keeps its live Secret and ignores the value: hold, or set the Secret's key as well."),
    upgrade: upgrade.prefault({}).describe("How helm is run."),
    restart: restart(),
    drift: drift(),
    suspend: z.boolean().default(false).describe("`true` leaves the release alone."),
  }),
});
