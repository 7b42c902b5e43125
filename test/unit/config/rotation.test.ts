import { describe, expect, test } from "vitest";
import { credentialSecretsOf } from "../../../src/core/credentialRefs.ts";
import type { RotationPolicy } from "../../../src/core/rotation/policy.ts";
import { HelmwardenError } from "../../../src/errors.ts";
import { errorsIn, tryParse } from "./documents.ts";

const STORES = `apiVersion: helmwarden.dev/v1alpha1
kind: SecretStore
metadata: { name: vault }
spec: { vault: { address: "https://vault:8200", auth: { token: { fromEnv: T } } } }
---
apiVersion: helmwarden.dev/v1alpha1
kind: SecretStore
metadata: { name: infisical }
spec: { infisical: { projectId: p, environment: prod, auth: { token: { fromEnv: T } } } }
`;

const POSTGRES = "host: db, user: app, admin: { user: root, password: { fromEnv: P } }";

/** Stores in 9 lines, then the policy from line 11 on, with `spec.secret` in line 15 and `fields` from line 16 on. */
function withPolicy(
  fields: string,
  { key = "DB_PASSWORD", name = "db", store = "vault", path = "apps/web" } = {},
): string {
  const head = `---\napiVersion: helmwarden.dev/v1alpha1\nkind: RotationPolicy\nmetadata: { name: ${name}, namespace: web }\nspec:\n`;
  const lines =
    fields === ""
      ? ""
      : `${fields
          .split("\n")
          .map((line) => `  ${line}`)
          .join("\n")}\n`;
  return `${head}  secret: { store: ${store}, path: ${path}, key: ${key} }\n${lines}`;
}

/** A release in the policy's namespace that maps its secret to this path. */
function release(name: string, path: string, more = ""): string {
  const from = "from: { store: vault, path: apps/web, key: DB_PASSWORD }";
  return `---\napiVersion: helmwarden.dev/v1alpha1\nkind: ReleaseSync\nmetadata: { name: ${name}, namespace: web }\nspec:\n  chart: { path: ./chart }\n  values: [{ path: ${path}, ${more}${from} }]\n`;
}

function chartJob(fields: string): unknown {
  const text = `${STORES}${withPolicy(`target: { chartJob: ${fields} }`)}${release("db", "auth.password")}`;
  const config = tryParse(text, "/etc/hw/c.yaml");
  if (config instanceof HelmwardenError) throw config;
  return config.rotations[0]!.target;
}

const errors = (fields: string, secret = {}): readonly string[] => errorsIn(STORES + withPolicy(fields, secret));

function policy(fields: string, secret = {}): RotationPolicy {
  const config = tryParse(STORES + withPolicy(fields, secret), "/etc/hw/c.yaml");
  if (config instanceof HelmwardenError) throw config;
  return config.rotations[0]!;
}

const DAY = 86_400_000;

test("a credential that opens a store is rotated each 30 days, unless it says otherwise", () => {
  const own = "target: { vaultSecretId: { store: vault, role: hw } }";
  expect(policy(own).every).toEqual({ kind: "interval", ms: 30 * DAY });
  expect(policy(`${own}\nevery: 60d`).every).toEqual({ kind: "interval", ms: 60 * DAY });
});

test("everything has a default but the secret", () => {
  const { where, ...rest } = policy("");
  expect(where).toEqual({ file: "/etc/hw/c.yaml", line: 11 });
  expect(rest).toEqual({
    name: "db",
    namespace: "web",
    cluster: "default",
    secret: { store: "vault", path: "apps/web", key: "DB_PASSWORD" },
    every: { kind: "interval", ms: 90 * DAY },
    window: undefined,
    deadlineMs: 14 * DAY,
    jitterMs: 0,
    countStoreChanges: false,
    generate: { kind: "password", length: 32, classes: { lower: 1, upper: 1, digit: 1 }, symbols: "-._~", exclude: "" },
    target: { kind: "none" },
    overlap: undefined,
    owner: undefined,
    notify: undefined,
  });
});

test("times are milliseconds, in any form", () => {
  const written = [
    `every: { cron: "0 3 1 */3 *", timezone: Europe/Berlin }`,
    `window: { cron: "0 2 * * 6", duration: 4h }`,
    "deadline: 7d\njitter: 90m\noverlap: { key: OLD_PASSWORD }\nowner: platform@example.com",
  ];
  expect(policy(written.join("\n"))).toMatchObject({
    every: { kind: "cron", cron: "0 3 1 */3 *", timezone: "Europe/Berlin" },
    window: { cron: "0 2 * * 6", durationMs: 14_400_000, timezone: "UTC" },
    deadlineMs: 7 * DAY,
    jitterMs: 5_400_000,
    overlap: { key: "OLD_PASSWORD", forMs: DAY },
    owner: "platform@example.com",
  });
});

test.each([
  [`hex: { bytes: 16 }`, { kind: "hex", bytes: 16 }],
  [`base64: {}`, { kind: "base64", bytes: 32 }],
  [`base64url: {}`, { kind: "base64url", bytes: 32 }],
  [`uuid: {}`, { kind: "uuid" }],
  [`jwtSecret: { algorithm: HS512 }`, { kind: "jwtSecret", algorithm: "HS512" }],
  [`rsa: { publicKey: PUB }`, { kind: "rsa", bits: 3072, format: "pem", publicKey: "PUB" }],
  [`ed25519: { format: jwk }`, { kind: "ed25519", format: "jwk", publicKey: undefined }],
  [
    `password: { length: 20, classes: { digit: 2, symbol: 0 }, symbols: "#+", exclude: "01" }`,
    { kind: "password", length: 20, classes: { digit: 2, symbol: 0 }, symbols: "#+", exclude: "01" },
  ],
])("generate: { %s }", (written, expected) => {
  expect(policy(`generate: { ${written} }`).generate).toEqual(expected);
});

test("a template of generated parts, and WordPress' salts", () => {
  const { generate } = policy(
    'generate: { template: { text: "hw_${id}.${key}", parts: { id: { uuid: {} }, key: { hex: {} } } } }',
  );
  expect(generate).toMatchObject({ kind: "template", template: { names: ["id", "key"] } });
  expect(generate.kind === "template" && [...generate.parts]).toEqual([
    ["id", { kind: "uuid" }],
    ["key", { kind: "hex", bytes: 32 }],
  ]);
  expect(policy("generate: { wordpressSalts: {} }", { key: "WORDPRESS_NONCE_SALT" }).generate).toEqual({
    kind: "wordpressSalts",
  });
});

describe("targets", () => {
  test.each([
    ["postgres", "user: app", { port: 5432, userHost: "%", strategy: { kind: "single", user: "app" } }],
    ["mariadb", "user: app", { port: 3306, userHost: "%", strategy: { kind: "dual", user: "app" } }],
    [
      "mysql",
      "user: app, userHost: 10.%, strategy: single, port: 3307",
      { port: 3307, userHost: "10.%", strategy: { kind: "single", user: "app" } },
    ],
    [
      "postgres",
      "users: [a, b], userKey: DB_USER",
      { strategy: { kind: "alternating", users: ["a", "b"], userKey: "DB_USER" } },
    ],
  ])("%s { %s }", (kind, users, expected) => {
    const admin = "admin: { user: root, password: { fromStore: { store: infisical, path: db/, key: ROOT } } }";
    const written = `target: { ${kind}: { host: db, tls: { mode: verify, caFile: ca.crt }, ${users}, ${admin} } }`;
    expect(policy(written).target).toMatchObject({
      kind,
      host: "db",
      database: undefined,
      tls: { mode: "verify", caFile: "/etc/hw/ca.crt" },
      admin: { user: "root", password: { fromStore: { store: "infisical", path: "/db", key: "ROOT" } } },
      ...expected,
    });
  });

  test("redis, and helmwarden's own credentials", () => {
    const redis = "target: { redis: { host: cache, admin: { user: root, password: { fromFile: root.password } } } }";
    expect(policy(redis).target).toEqual({
      kind: "redis",
      host: "cache",
      port: 6379,
      tls: { mode: "prefer", caFile: undefined },
      user: "default",
      admin: { user: "root", password: { fromFile: "/etc/hw/root.password" } },
    });
    expect(policy("target: { vaultSecretId: { store: vault, role: hw } }").target).toEqual({
      kind: "vaultSecretId",
      store: "vault",
      role: "hw",
      mount: "approle",
    });
    expect(policy("target: { infisicalClientSecret: { store: infisical, identityId: i } }").target).toEqual({
      kind: "infisicalClientSecret",
      store: "infisical",
      identityId: "i",
    });
  });

  test("the chart's own Job, with all its defaults, and with a login", () => {
    expect(chartJob("{}")).toEqual({
      kind: "chartJob",
      release: undefined,
      switch: ["passwordUpdateJob", "enabled"],
      login: undefined,
    });
    const login = "{ mysql: { host: db, user: app, tls: { mode: verify, caFile: ca.crt } } }";
    expect(chartJob(`{ release: db, switch: mysql.passwordUpdateJob.enabled, login: ${login} }`)).toEqual({
      kind: "chartJob",
      release: "db",
      switch: ["mysql", "passwordUpdateJob", "enabled"],
      login: {
        kind: "mysql",
        host: "db",
        port: 3306,
        database: undefined,
        user: "app",
        tls: { mode: "verify", caFile: "/etc/hw/ca.crt" },
      },
    });
  });

  test.each([
    ["{}", [], "spec.target.chartJob: needs a ReleaseSync in this namespace that maps the secret"],
    ["{}", [release("db", "a"), release("b", "a")], "spec.target.chartJob: needs `release`: several ReleaseSyncs"],
    ["{ release: x }", [release("db", "a")], "spec.target.chartJob.release: names no ReleaseSync in this namespace"],
    [
      "{ release: db }",
      [release("db", "a", "type: json, ")],
      "spec.target.chartJob.release: names a ReleaseSync that does not map the secret as a string, whole",
    ],
    [
      "{}",
      [release("db", "passwordUpdateJob")],
      "spec.target.chartJob: has a switch that overlaps a mapped path, at c.yaml:",
    ],
    [
      "{ switch: 'a.b' }",
      [release("db", "a.b.c")],
      "spec.target.chartJob.switch: has a switch that overlaps a mapped path, at c.yaml:",
    ],
    ["{ switch: 'a..b' }", [release("db", "a")], "spec.target.chartJob.switch: is not a value path"],
    ["{ login: { redis: {} } }", [release("db", "a")], "spec.target.chartJob.login: must be exactly one of postgres,"],
  ])("the chart's own Job: %s with %#", (fields, releases, expected) => {
    const found = errorsIn(STORES + withPolicy(`target: { chartJob: ${fields} }`) + releases.join(""));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(expected);
  });

  test("http, with templates whose parts are known", () => {
    const { target } = policy(HTTP);
    if (target.kind !== "http") throw new Error(target.kind);
    expect(target.create).toMatchObject({ method: "POST", value: "$.key", id: "$.data.hash", url: { names: [] } });
    expect(target.create.headers.get("Authorization")).toMatchObject({ names: ["provisioning"] });
    expect(target.test).toMatchObject({ method: "GET" });
    expect(target.revoke).toMatchObject({ method: "DELETE", url: { names: ["id"] }, body: undefined });
    expect([...target.secrets]).toEqual([["provisioning", { fromSecret: { namespace: "a", name: "b", key: "c" } }]]);
  });

  test("a webhook, and who is told", () => {
    const told = "notify: { slack: { url: { fromSecret: { namespace: n, name: slack, key: url } } } }";
    const written = `target: { webhook: { url: "https://ops.example.com/rotate?x=1", secret: { fromFile: hmac } } }\n${told}`;
    const { target, notify } = policy(written);
    expect(target).toEqual({
      kind: "webhook",
      url: "https://ops.example.com/rotate?x=1",
      secret: { fromFile: "/etc/hw/hmac" },
    });
    expect(notify).toEqual({ kind: "slack", url: { fromSecret: { namespace: "n", name: "slack", key: "url" } } });
  });

  test("Secrets that a target or a notice needs are among those that `rbac` allows to read", () => {
    const told =
      "notify: { webhook: { url: https://x, secret: { fromSecret: { namespace: n, name: hook, key: k } } } }";
    const config = tryParse(STORES + withPolicy(`${HTTP}\n${told}`));
    if (config instanceof HelmwardenError) throw config;
    expect(credentialSecretsOf(config)).toEqual([
      { namespace: "a", name: "b", key: "c" },
      { namespace: "n", name: "hook", key: "k" },
    ]);
  });
});

const HTTP = `target:
  http:
    create:
      url: https://api.example.com/keys
      headers: { Authorization: "Bearer \${provisioning}" }
      body: '{"name": "\${rotation|json}"}'
      value: $.key
      id: $.data.hash
    test: { url: https://api.example.com/me, headers: { Authorization: "Bearer \${value}" } }
    revoke: { url: "https://api.example.com/keys/\${id|urlencode}" }
    secrets: { provisioning: { fromSecret: { namespace: a, name: b, key: c } } }`;

describe("what cannot be is refused, with line and field", () => {
  test.each([
    ["every: 59m", "c.yaml:16:10: spec.every: must be a duration between 1h and 3650d"],
    ["every: 90", "c.yaml:16:10: spec.every: must be a duration"],
    [`every: { cron: "0 2 * *" }`, "c.yaml:16:18: spec.every.cron: must be five fields"],
    [`every: { cron: "@daily" }`, "spec.every.cron: must be five fields"],
    [`every: { cron: "? 2 * * *" }`, "spec.every.cron: must be five fields"],
    [`every: { cron: "0 25 * * *" }`, "spec.every.cron: must be five fields"],
    [`every: { cron: "0 2 30 2 *" }`, "spec.every.cron: means a day that no calendar has"],
    [`every: { cron: "*/30 * * * *" }`, "spec.every.cron: comes every 30m: at least an hour"],
    [`every: { cron: "0 2 1 * *", timezone: Mars/Base }`, "spec.every.timezone: must be a time zone such as"],
    [`window: { cron: "0 2 * * 6", duration: 59s }`, "spec.window.duration: must be between 1m and 31d"],
    [
      `window: { cron: "0 2 1 1 *", duration: 4h }`,
      "spec.window: opens up to 366d apart, which is longer than `every`",
    ],
    [
      `window: { cron: "0 2 1 * *", duration: 4h }`,
      "spec.window: opens up to 31d apart, so that a rotation could be past",
    ],
    [`every: 1d\nwindow: { cron: "0 2 * * 6", duration: 4h }`, "c.yaml:17:11: spec.window: opens up to 7d apart"],
    ["jitter: 90d", "spec.jitter: must be shorter than `every` (90d)"],
    [`every: { cron: "0 2 * * *" }\njitter: 1d`, "spec.jitter: must be shorter than `every` (1d)"],
    ["overlap: { key: OLD, for: 90d }", "spec.overlap.for: must be shorter than `every`"],
    ["deadline: 10s", "spec.deadline: must be between 1m and 3650d"],
    ["owner: 5", "spec.owner: must be a string; put it in quotes"],
    ["generate: { uuid: {}, hex: {} }", "spec.generate: must be exactly one of hex,"],
    ["generate: { hex: { bytes: 8 } }", "spec.generate.hex.bytes: must be at least 16"],
    [
      "generate: { password: { length: 8, classes: { digit: 5, lower: 4 } } }",
      "spec.generate.password: asks for at least 9",
    ],
    ["generate: { password: { classes: { digit: 1 }, exclude: '0' } }", "leaves 9 different characters"],
    [
      `generate: { password: { classes: { digit: 1, lower: 0 }, exclude: "0123456789" } }`,
      "of the class digit, and `exclude`",
    ],
    ["generate: { password: { classes: {} } }", "spec.generate.password: leaves 0 different characters"],
    ["generate: { password: { symbols: '#' } }", "spec.generate.password.symbols: has no effect, as `classes`"],
    [
      "generate: { password: { classes: { symbol: 1, lower: 1 }, symbols: '{' } }",
      "must be ASCII symbols, without `{`",
    ],
    ["generate: { rsa: { bits: 1024 } }", "spec.generate.rsa.bits: must be 2048, 3072 or 4096"],
    [
      "generate: { rsa: { publicKey: DB_PASSWORD } }",
      "c.yaml:16:33: spec.generate.rsa.publicKey: is a key that this policy",
    ],
    ["generate: { wordpressSalts: {} }", "c.yaml:15:48: spec.secret.key: must end with one of WordPress' names"],
    [
      "generate: { template: { text: a, parts: {} } }",
      "spec.generate.template.text: is not a template: it has no part",
    ],
    [
      "generate: { template: { text: '${a}', parts: { b: { uuid: {} } } } }",
      "text: uses the part a, which `parts` does not give",
      "parts.b: is not used",
    ],
    [`target: { postgres: { ${POSTGRES} }, none: {} }`, "spec.target: must be exactly one of none,"],
    [
      `target: { postgres: { ${POSTGRES}, strategy: dual } }`,
      "spec.target.postgres.strategy: PostgreSQL keeps one password for each user",
    ],
    [`target: { postgres: { ${POSTGRES}, userHost: x } }`, "spec.target.postgres: unknown field userHost"],
    [
      `target: { postgres: { ${POSTGRES}, users: [a, b] } }`,
      "spec.target.postgres.user: must not stand beside `users`",
    ],
    [
      `target: { mysql: { ${POSTGRES.replace("user: app", "users: [a, a], userKey: U")} } }`,
      "users: must be two different users",
    ],
    [
      `target: { mysql: { ${POSTGRES.replace("user: app", "users: [a, root], userKey: U")} } }`,
      "admin: must be a third user",
    ],
    [
      `target: { mysql: { ${POSTGRES.replace("user: app", "users: [a, b]")} } }`,
      "userKey: is missing: the key at the secret's path",
    ],
    [
      `target: { mysql: { ${POSTGRES.replace("user: app", "users: [a, b], userKey: DB_PASSWORD")} } }`,
      "userKey: is a key that this policy writes",
    ],
    [`target: { mysql: { ${POSTGRES.replace("user: app, ", "")} } }`, "spec.target.mysql.user: is missing"],
    [`target: { mysql: { ${POSTGRES}, host: "a:1/b" } }`, "the same key stands here twice"],
    [
      `target: { mysql: { ${POSTGRES} } }\ngenerate: { ed25519: {} }`,
      "spec.generate.ed25519: makes no password, which mysql needs",
    ],
    [
      `target: { mysql: { ${POSTGRES.replace("{ fromEnv: P }", "hunter2")} } }`,
      "admin.password: must be a reference, exactly one of",
    ],
    ["overlap: { key: DB_PASSWORD }", "spec.overlap.key: is a key that this policy writes something else to"],
    ["overlap: { key: DB_PASSWORD__ROTATION }", "spec.overlap.key: is a key that this policy writes something else to"],
    [
      "target: { vaultSecretId: { store: infisical, role: r } }",
      "spec.target.vaultSecretId.store: must be a store of the kind vault",
    ],
    [
      "target: { vaultSecretId: { store: valt, role: r } }",
      "store: names no SecretStore; did you mean the one at c.yaml:1?",
    ],
    [
      "target: { webhook: { url: 'https://a:b@c', secret: { fromStore: { store: x, path: /y, key: z } } } }",
      "webhook.url: must be an http",
      "fromStore.store: names no SecretStore",
    ],
  ])("%s", (fields, ...expected) => {
    const found = errors(fields);
    expect(found).toHaveLength(expected.length);
    for (const [index, error] of expected.entries()) expect(found[index]).toContain(error);
  });

  test.each([
    ["create:\n      url: https", "create:\n      url: ftp", "spec.target.http.create.url: must begin with https://"],
    ["https://api.example.com/keys/${id", "https://${id", "spec.target.http.revoke.url: must begin with https://"],
    ["      id: $.data.hash\n", "", "spec.target.http.revoke.url: uses the part id, which needs `create.id`"],
    [
      "${value}",
      "${token}",
      "spec.target.http.test.headers.Authorization: uses the part token; here there are value, id, those",
    ],
    ["${rotation|json}", "${value|json}", "spec.target.http.create.body: uses the part value; here there are rotation"],
    ["secrets: {", "secrets: { other: { fromEnv: O },", "spec.target.http.secrets.other: is not used by any request"],
    ["value: $.key", "value: key", "spec.target.http.create.value: must be a JSONPath"],
  ])("http: %j -> %j", (from, to, expected) => {
    expect(HTTP).toContain(from);
    const found = errors(HTTP.replace(from, () => to));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(expected);
  });

  test("the store and the path, as for every other ref", () => {
    expect(errors("", { store: "vaut" })[0]).toContain(
      "c.yaml:15:20: spec.secret.store: names no SecretStore; did you mean",
    );
    expect(errors("", { path: "/apps" })[0]).toContain("spec.secret.path: must not begin or end with a slash in Vault");
  });

  test("two policies that write the same secret, in whatever spelling", () => {
    const second = (fields: string, secret: object): readonly string[] =>
      errorsIn(
        STORES +
          withPolicy("", { store: "infisical" }) +
          withPolicy(fields, { name: "b", store: "infisical", ...secret }),
      );
    expect(second("", { key: "OTHER" })).toEqual([]);
    const taken = "is written by another RotationPolicy, at c.yaml:11";
    expect(second("", { path: "/apps/web/" })).toEqual([`c.yaml:21:54: spec.secret.key: ${taken}`]);
    const written = { key: "OTHER", path: "/apps/web" };
    expect(second("overlap: { key: DB_PASSWORD }", written)).toEqual([`c.yaml:22:19: spec.overlap.key: ${taken}`]);
    expect(second("generate: { rsa: { publicKey: DB_PASSWORD__ROTATION } }", written)[0]).toContain(taken);
    expect(errorsIn(STORES + withPolicy("") + withPolicy("", { key: "OTHER" }))[0]).toContain(
      "is the name of another document",
    );
  });

  test("a weekly rotation in a weekly window and a daily one in a daily window are fine, in spite of summer time", () => {
    const zone = "timezone: Europe/Berlin";
    expect(errors(`every: 7d\nwindow: { cron: "0 2 * * 6", duration: 4h, ${zone} }`)).toEqual([]);
    expect(errors(`every: 1d\nwindow: { cron: "0 2 * * *", duration: 4h, ${zone} }`)).toEqual([]);
    expect(
      errors(`every: { cron: "0 2 * * 6", ${zone} }\nwindow: { cron: "0 2 * * 6", duration: 1h, ${zone} }`),
    ).toEqual([]);
  });
});
