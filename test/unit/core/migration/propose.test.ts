import { expect, test } from "vitest";
import type { JsonObject } from "../../../../src/core/json.ts";
import { propose } from "../../../../src/core/migration/propose.ts";
import { type RawSecret, skipReason } from "../../../../src/core/migration/rawSecret.ts";
import { storePathOf } from "../../../../src/core/migration/storePath.ts";
import { Sealed, SecretValue } from "../../../../src/core/secretValue.ts";
import type { Revision, StoredRelease } from "../../../../src/core/release.ts";
import { canary } from "../../../support/canary.ts";

function secretOf(name: string, data: Record<string, string>, more: Partial<RawSecret> = {}): RawSecret {
  const values = Object.entries(data).map(([key, text]) => [key, SecretValue.fromText(text)] as const);
  const nothing = { labels: {}, annotations: {}, owners: [], immutable: false, resourceVersion: "1" };
  return { namespace: "web", name, type: "Opaque", ...nothing, data: new Map(values), ...more };
}

function releaseOf(name: string, config: JsonObject): StoredRelease {
  const revision = { revision: 3, chart: { name: "shop", version: "1.2.3" }, config: new Sealed(config) } as Revision;
  return { key: { cluster: "default", namespace: "web", name }, last: revision, base: revision };
}

const pathOf = (namespace: string, name: string): string => `${namespace}/${name}`;

function proposed(secrets: readonly RawSecret[], releases: readonly StoredRelease[], referrers: JsonObject[] = []) {
  return propose({ secrets, releases, referrers, notSeen: [], pathOf });
}

const mappingsOf = (secrets: readonly RawSecret[], config: JsonObject) =>
  proposed(secrets, [releaseOf("shop", config)]).proposal.releases[0]!.mappings.map(
    ({ path, form, from }) => `${path} ${form} ${from.path}#${from.key}`,
  );

test("a value path is found by its bytes: plain, in base64, inside of a longer value, and as a part of the key", () => {
  const password = canary("password");
  const dockerAuth = Buffer.from(`robot:${password}`).toString("base64");
  const secret = secretOf("shop", {
    password,
    config: JSON.stringify({ auths: { "r.example": { auth: dockerAuth } } }),
  });
  const found = mappingsOf([secret], {
    plain: { password },
    list: [{ encoded: Buffer.from(password).toString("base64") }],
    url: `postgres://app:${encodeURIComponent(password)}@db/app`,
    other: "something else",
  });
  expect(found).toEqual([
    "plain.password same web/shop#password",
    "list[0].encoded base64 web/shop#password",
    "url same web/shop-values#url",
  ]);

  const registry = mappingsOf([secretOf("reg", { config: JSON.stringify({ auths: { r: { auth: dockerAuth } } }) })], {
    registry: { password },
  });
  expect(registry).toEqual(["registry.password same web/shop-values#registry.password"]);
});

test("what cannot be told apart, or would be held, is not mapped; both are said", () => {
  const short = proposed(
    [secretOf("pin", { pin: "1234" }), secretOf("tpl", { tpl: `${canary("tpl")}{{ .x }}` })],
    [releaseOf("shop", { pin: "1234", port: 1234 })],
  ).proposal;
  expect(short.releases[0]!.mappings).toEqual([]);
  expect(short.secrets[0]!.warnings[0]).toContain("stands at 2 value paths");

  const unsafe = `${canary("unsafe")}{{ .x }}`;
  const held = proposed([secretOf("tpl", { tpl: unsafe })], [releaseOf("shop", { tpl: unsafe })]).proposal;
  expect(held.releases[0]!.mappings).toEqual([]);
  expect(held.releases[0]!.warnings[0]).toContain("tpl is left out");
});

test("nothing that is printed holds a value", () => {
  const password = canary("printed");
  const made = proposed([secretOf("shop", { password })], [releaseOf("shop", { a: password, b: `x${password}y` })]);
  expect(JSON.stringify(made.proposal)).not.toContain("hwcanary");
  expect(made.imports.map(({ path, keys }) => `${path} ${[...keys.keys()].join()}`)).toEqual([
    "web/shop password",
    "web/shop-values b",
  ]);
});

test("readers are found in pods, Ingresses and ServiceAccounts", () => {
  const pod = {
    imagePullSecrets: [{ name: "pull" }],
    containers: [
      { env: [{ valueFrom: { secretKeyRef: { name: "app", key: "a" } } }], envFrom: [{ secretRef: { name: "app" } }] },
    ],
    volumes: [{ secret: { secretName: "app" } }, { projected: { sources: [{ secret: { name: "tls" } }] } }],
  };
  const metadata = { name: "x", namespace: "web" };
  const { secrets } = proposed(
    ["app", "pull", "tls"].map((name) => secretOf(name, { key: canary(name) })),
    [],
    [
      { kind: "CronJob", metadata, spec: { jobTemplate: { spec: { template: { spec: pod } } } } },
      { kind: "Ingress", metadata, spec: { tls: [{ secretName: "tls" }] } },
      { kind: "ServiceAccount", metadata, imagePullSecrets: [{ name: "pull" }] },
      { kind: "Pod", metadata: { name: "other", namespace: "elsewhere" }, spec: pod },
    ],
  ).proposal;
  const list = secrets.map(({ readers }) => readers.map(({ object, by }) => `${object} ${by.join("+")}`));
  expect(list).toEqual([
    ["CronJob/x env+envFrom+volume"],
    ["CronJob/x imagePullSecrets", "ServiceAccount/x imagePullSecrets"],
    ["CronJob/x volume", "Ingress/x tls"],
  ]);
});

test.each<[Partial<RawSecret>, RegExp]>([
  [{ type: "helm.sh/release.v1" }, /Helm's own/],
  [{ type: "kubernetes.io/service-account-token" }, /service account/],
  [{ type: "bootstrap.kubernetes.io/token" }, /bootstrap/],
  [{ owners: ["ExternalSecret/db"] }, /owned by ExternalSecret\/db/],
  [{ annotations: { "cert-manager.io/certificate-name": "x" } }, /cert-manager/],
  [{ data: new Map() }, /nothing/],
])("%o is skipped, and why is said", (more, why) => {
  expect(skipReason(secretOf("x", { a: canary("a") }, more))).toMatch(why);
});

test("a path comes of the template; Infisical's folders take no dots", () => {
  expect(storePathOf("apps/{{namespace}}/{{ secret }}", "web", "a.b", "vault")).toBe("apps/web/a.b");
  expect(storePathOf("{{namespace}}/{{secret}}", "web", "a.b", "infisical")).toBe("web/a_b");
  expect(() => storePathOf("{{name}}", "web", "a", "vault")).toThrow(/\{\{name\}\}/);
});
