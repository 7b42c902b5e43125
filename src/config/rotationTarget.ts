import * as z from "zod";
import { objectName, plainOrTemplate, secretSource, text, valuePath, webUrl } from "./fields.ts";
import { databaseFault, type DatabaseKind, type DatabaseUsers, httpFaults } from "./rotationTargetFaults.ts";
import { PART_NAME } from "./valueSource.ts";

const host = () =>
  z
    .string()
    .min(1, "must not be empty")
    .max(253)
    .regex(/^[^\s/@]+$/, "must be the name or the address of a host, without port and user");
const port = (usual: number) => z.int().min(1).max(65_535).default(usual).describe("Its port.");

const tls = () =>
  z
    .strictObject({
      mode: z
        .enum(["verify", "require", "prefer", "off"])
        .default("prefer")
        .describe(
          "`prefer`: where the server has it. `require`: never without. `verify`: and its certificate must be right. With `caFile`, `prefer` and `require` look at it as well.",
        ),
      caFile: text()
        .optional()
        .describe("Certificates (PEM) to trust instead of the system's; relative to the configuration file."),
    })
    .prefault({})
    .describe("Encryption of the connection.");

const admin = (what: string) =>
  z
    .strictObject({
      user: text().describe("Its name."),
      password: secretSource().describe("Its password."),
    })
    .describe(what);

const serverFields = (usualPort: number) => ({
  host: host().describe("Where the database listens, as helmwarden reaches it."),
  port: port(usualPort),
  database: text().optional().describe("Database to log in to. Default: that of the server."),
  tls: tls(),
});

const databaseFields = (usualPort: number) => ({
  ...serverFields(usualPort),
  user: text().optional().describe("The user whose password it is; `dual` and `single`."),
  users: z
    .array(text())
    .length(2, "must be two users")
    .optional()
    .describe("Two users with the same rights, of which one is in use; `alternating`."),
  userKey: text().optional().describe("With `users`: the key at the same path that names the one in use."),
  strategy: z
    .enum(["dual", "single", "alternating"])
    .optional()
    .describe(
      "`dual`: both passwords work until the apps have moved (MariaDB, MySQL; the default there). `single`: one user with one password (PostgreSQL's default); logins fail until the apps have the new one. `alternating` (the default with `users`): the idle user gets the new password, then the apps move over.",
    ),
  admin: admin("A user that may change the password."),
});

const userHost = () => text().default("%").describe("The host part of the account: `'app'@'%'`.");
const postgresFields = z.strictObject(databaseFields(5432));
const mysqlFields = z.strictObject({ ...databaseFields(3306), userHost: userHost() });

const checkUsers = (kind: DatabaseKind) => (given: DatabaseUsers, context: z.RefinementCtx) => {
  const fault = databaseFault(kind, given);
  if (fault !== undefined) context.addIssue({ code: "custom", ...fault });
};

const loginOf = (usualPort: number) =>
  z.strictObject({ ...serverFields(usualPort), user: text().describe("The user whose password it is.") });

const chartJob = z.strictObject({
  release: objectName()
    .optional()
    .describe("ReleaseSync in this namespace whose chart it is. Default: the only one that maps the secret."),
  switch: valuePath()
    .prefault("passwordUpdateJob.enabled")
    .describe("Value path of the chart that switches the Job on; `false` after each rotation."),
  login: z
    .union(
      [
        z.strictObject({ postgres: loginOf(5432).describe("PostgreSQL.") }),
        z.strictObject({ mariadb: loginOf(3306).describe("MariaDB.") }),
        z.strictObject({ mysql: loginOf(3306).describe("MySQL.") }),
      ],
      "must be exactly one of postgres, mariadb and mysql",
    )
    .optional()
    .describe("Where a login proves the value. Without it, helm's word for the Job is all there is."),
});

const step = (method: "GET" | "POST" | "DELETE") => ({
  method: z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]).default(method).describe("HTTP method."),
  url: plainOrTemplate().describe("`https://` URL; a template whose parts may stand anywhere but in the host."),
  headers: z
    .record(z.string().regex(/^[!#$%&'*+.^_`|~\w-]+$/, "must be the name of a header"), plainOrTemplate())
    .default({})
    .describe("Headers, each a template."),
  body: plainOrTemplate().optional().describe('Body, a template: `{"name": "${rotation|json}"}`.'),
});

const jsonPath = () =>
  z
    .string()
    .max(1024)
    .regex(/^\$[.[]/, "must be a JSONPath such as $.data.key");

const http = z
  .strictObject({
    create: z
      .strictObject({
        ...step("POST"),
        value: jsonPath().describe("JSONPath to the new key in the answer."),
        id: jsonPath().optional().describe("JSONPath to what the system calls the key, for `test` and `revoke`."),
      })
      .describe("The request that makes a new key. Part: `rotation`, a name that is the same when it is repeated."),
    test: z
      .strictObject(step("GET"))
      .optional()
      .describe("A request that succeeds (2xx) only with the key that is tried. Parts: `value`, `id`."),
    revoke: z
      .strictObject(step("DELETE"))
      .optional()
      .describe("The request that ends the old key. Parts: `value`, `id`, `rotation`."),
    secrets: z
      .record(z.string().regex(PART_NAME), secretSource())
      .default({})
      .describe("More parts for all templates, by their names: each a reference."),
  })
  .superRefine((given, context) => {
    for (const fault of httpFaults(given)) context.addIssue({ code: "custom", ...fault });
  });

/** Exactly one system that has to learn a new value before the apps do. */
export const target = z.union(
  [
    z.strictObject({ none: z.strictObject({}).describe("Nothing but the store and the releases.") }),
    z.strictObject({ postgres: postgresFields.superRefine(checkUsers("postgres")).describe("PostgreSQL.") }),
    z.strictObject({ mariadb: mysqlFields.superRefine(checkUsers("mariadb")).describe("MariaDB.") }),
    z.strictObject({ mysql: mysqlFields.superRefine(checkUsers("mysql")).describe("MySQL.") }),
    z.strictObject({
      redis: z
        .strictObject({
          host: host().describe("Where Redis listens."),
          port: port(6379),
          tls: tls(),
          user: text().default("default").describe("The ACL user; `default` is that of a server with one password."),
          admin: admin("A user that may change it."),
        })
        .describe("Redis or Valkey, 6 or later: two passwords at once."),
    }),
    z.strictObject({
      chartJob: chartJob.describe("A Job of the database's own chart, such as Bitnami's `passwordUpdateJob`."),
    }),
    z.strictObject({ http: http.describe("A system with an API for its keys.") }),
    z.strictObject({
      vaultSecretId: z
        .strictObject({
          store: objectName().describe("SecretStore of the Vault that makes it."),
          role: text().describe("AppRole."),
          mount: text().default("approle").describe("Where the auth method is mounted."),
        })
        .describe("The SecretID of a Vault AppRole, such as helmwarden's own."),
    }),
    z.strictObject({
      infisicalClientSecret: z
        .strictObject({
          store: objectName().describe("SecretStore of the Infisical that makes it."),
          identityId: text().describe("ID of the machine identity."),
        })
        .describe("The client secret of an Infisical identity, such as helmwarden's own."),
    }),
    z.strictObject({
      webhook: z
        .strictObject({
          url: webUrl().describe("Called once for each step."),
          secret: secretSource().describe("Key of the signature (HMAC-SHA256)."),
        })
        .describe("A system of your own: [rotation](rotation.md)."),
    }),
  ],
  "must be exactly one of none, postgres, mariadb, mysql, redis, chartJob, http, vaultSecretId, infisicalClientSecret and webhook",
);
