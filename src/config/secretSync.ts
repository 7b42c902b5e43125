import * as z from "zod";
import { API_VERSION, dataKey, namespaceName, objectName } from "./fields.ts";
import { clusterName, drift, emptyGuard, kind, restart, statefulGuard } from "./releaseSync.ts";
import { mapping } from "./valueSource.ts";

/** Secrets of Helm's own storage begin so; writing one would destroy a release. */
const HELM_STORAGE = /^(?!sh\.helm\.release\.)/;
const STORAGE_RULE = "must not be a Secret of Helm's own storage";

export const secretSync = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("SecretSync"),
  metadata: z.strictObject({
    name: objectName()
      .regex(HELM_STORAGE, STORAGE_RULE)
      .describe("Name of this document, and of the Secret unless `spec.secret` says otherwise."),
    namespace: namespaceName().describe("Namespace of the Secret."),
  }),
  spec: z.strictObject({
    cluster: clusterName(),
    secret: objectName()
      .regex(HELM_STORAGE, STORAGE_RULE)
      .optional()
      .describe("Name of the Secret. Default: `metadata.name`."),
    type: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,252}$/, "must be a type of Secret such as kubernetes.io/tls")
      .optional()
      .describe(
        "Type of the Secret, such as `kubernetes.io/dockerconfigjson`. Kubernetes never changes it: a Secret that has another one is held. Default: the one it has, and `Opaque` where it is made.",
      ),
    data: z
      .array(
        mapping({
          key: dataKey().describe("Key of the Secret."),
          kind: kind(
            "so that the guard `statefulCredential` does not apply, and a key whose name looks like an encryption key may change",
          ),
        }),
      )
      .min(1, "must have at least one entry")
      .describe("The keys to keep in step. Other keys of the Secret are left alone."),
    guards: z
      .strictObject({ statefulCredential: statefulGuard(), empty: emptyGuard() })
      .prefault({})
      .describe("What happens to a change that could break the app."),
    restart: restart(),
    drift: drift(),
  }),
});
