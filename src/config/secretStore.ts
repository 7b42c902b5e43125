import * as z from "zod";
import { duration } from "./duration.ts";
import { API_VERSION, credential, objectName, serverUrl, share, storePath, text } from "./fields.ts";

const SERVICE_ACCOUNT_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token";

const mountPath = () => storePath().regex(/^[^/](.*[^/])?$/u, "must not begin or end with a slash");
const authMount = (mount: string) => mountPath().default(mount).describe("Where the auth method is mounted.");
const serviceAccountToken = () =>
  credential().prefault({ fromFile: SERVICE_ACCOUNT_TOKEN }).describe("The service account's token.");

const vaultAuth = z.union(
  [
    z.strictObject({
      kubernetes: z
        .strictObject({
          role: text().describe("Role of the auth method."),
          mount: authMount("kubernetes"),
          jwt: serviceAccountToken(),
        })
        .describe("Kubernetes auth: logs in with the pod's service account."),
    }),
    z.strictObject({
      appRole: z
        .strictObject({
          roleId: credential().describe("RoleID."),
          secretId: credential().describe("SecretID."),
          mount: authMount("approle"),
        })
        .describe("AppRole."),
    }),
    z.strictObject({
      userpass: z
        .strictObject({
          username: text().describe("User name."),
          password: credential().describe("Password."),
          mount: authMount("userpass"),
        })
        .describe("User name and password."),
    }),
    z.strictObject({
      jwt: z
        .strictObject({
          role: text().describe("Role of the auth method."),
          jwt: credential().describe("The JWT; read again at each login."),
          mount: authMount("jwt"),
        })
        .describe("JWT or OIDC auth with a token that exists already."),
    }),
    z.strictObject({ token: credential().describe("A token that exists already; renewed as far as it allows.") }),
  ],
  "must be exactly one of kubernetes, appRole, userpass, jwt and token",
);

const vault = z.strictObject({
  address: serverUrl().describe("URL of the server."),
  namespace: mountPath().optional().describe("Namespace (Vault Enterprise, OpenBao)."),
  authNamespace: mountPath().optional().describe("Namespace of the auth method, where that is another one."),
  mount: mountPath().default("secret").describe("Where the KV engine is mounted."),
  version: z
    .literal([1, 2], "must be 1 or 2")
    .optional()
    .describe("Version of the KV engine. Default: the server is asked."),
  caFile: text()
    .optional()
    .describe("Certificates (PEM) to trust instead of the system's; relative to the configuration file."),
  events: z
    .boolean()
    .default(false)
    .describe(
      "Reads a path at once when the server tells that it moved (Vault Enterprise). Polling goes on underneath.",
    ),
  auth: vaultAuth.describe("How to log in: exactly one."),
});

const identity = () => text().describe("ID of the machine identity.");
const identityJwt = (what: string) =>
  z
    .strictObject({ identityId: identity(), jwt: credential().describe("The token; read again at each login.") })
    .describe(what);

const infisicalAuth = z.union(
  [
    z.strictObject({
      universal: z
        .strictObject({
          clientId: credential().describe("Client ID."),
          clientSecret: credential().describe("Client secret."),
        })
        .describe("Universal auth."),
    }),
    z.strictObject({
      kubernetes: z
        .strictObject({ identityId: identity(), jwt: serviceAccountToken() })
        .describe("Kubernetes auth: logs in with the pod's service account."),
    }),
    z.strictObject({ oidc: identityJwt("OIDC auth with a token that exists already.") }),
    z.strictObject({ jwt: identityJwt("JWT auth with a token that exists already.") }),
    z.strictObject({ spiffe: identityJwt("SPIFFE auth with a JWT-SVID that an agent keeps in a file.") }),
    z.strictObject({ gcp: identityJwt("Google Cloud auth with an identity token that exists already.") }),
    z.strictObject({ azure: identityJwt("Azure auth with a managed identity's token that exists already.") }),
    z.strictObject({
      ldap: z
        .strictObject({
          identityId: identity(),
          username: text().describe("User name."),
          password: credential().describe("Password."),
        })
        .describe("LDAP."),
    }),
    z.strictObject({
      aws: z.strictObject({ identityId: identity() }).describe("AWS auth with the credentials of this machine."),
    }),
    z.strictObject({ token: credential().describe("An access token that exists already.") }),
  ],
  "must be exactly one of universal, kubernetes, oidc, jwt, spiffe, gcp, azure, ldap, aws and token",
);

const infisicalFields = {
  siteUrl: serverUrl().prefault("https://app.infisical.com").describe("URL of the server."),
  environment: text().describe("Slug of the environment."),
  recursive: storePath()
    .optional()
    .describe("Folder below which one list answers for all folders; fewer calls, if most of them are used."),
  caFile: text()
    .optional()
    .describe("Certificates (PEM) to trust instead of the system's; relative to the configuration file."),
  webhook: z
    .strictObject({ secret: credential().describe("The webhook's secret key, which signs each delivery.") })
    .optional()
    .describe(
      "Infisical's webhooks, sent to `/v1/hooks/<store>`, cause an immediate read. Without it they are refused.",
    ),
  events: z
    .boolean()
    .default(false)
    .describe(
      "Reads a folder at once when the server tells that it moved (Infisical Enterprise). Polling goes on underneath.",
    ),
  organizationSlug: text()
    .optional()
    .describe("Slug of the sub-organization to log in to. Default: the identity's own organization. Not with `aws`."),
  auth: infisicalAuth.describe("How to log in: exactly one."),
};

const infisical = z.union(
  [
    z.strictObject({ ...infisicalFields, projectId: text().describe("ID of the project.") }),
    z.strictObject({ ...infisicalFields, projectSlug: text().describe("Slug of the project, in place of its ID.") }),
  ],
  "must have environment, auth, and exactly one of projectId and projectSlug",
);

const common = {
  refreshInterval: duration("1s", "7d")
    .prefault("60s")
    .describe("How often the store is asked whether something moved."),
  callsPerMinute: z
    .int()
    .min(1)
    .optional()
    .describe("Budget of calls: intervals are stretched to stay inside it. Infisical's free plan allows 120."),
  maxLoss: share()
    .prefault("50%")
    .describe("Share of the keys of a path, or of all paths, that may be gone in one read before nobody believes it."),
  push: z
    .strictObject({ token: credential().describe("Bearer token of the caller.") })
    .optional()
    .describe("`POST /v1/hooks/<store>` with this token causes an immediate read. Without it the hook is closed."),
};

export const secretStore = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("SecretStore"),
  metadata: z.strictObject({ name: objectName().describe("Name that `from.store` refers to.") }),
  spec: z.union(
    [
      z.strictObject({ ...common, vault: vault.describe("HashiCorp Vault or OpenBao, KV engine.") }),
      z.strictObject({ ...common, infisical: infisical.describe("Infisical.") }),
    ],
    "must have exactly one of vault and infisical",
  ),
});
