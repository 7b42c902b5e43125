import { describe, expect, test } from "vitest";
import { errorsIn, WHOLE, whole } from "./documents.ts";

/** What is replaced in the whole configuration, by what, and how each error begins and goes on. */
type Row = [from: string, to: string, ...errors: string[]];

function expectErrors(from: string, to: string, ...errors: readonly string[]): void {
  const found = errorsIn(whole(from, to));
  expect(found).toHaveLength(errors.length);
  for (const [index, error] of errors.entries()) expect(found[index]).toContain(error);
}

function level(name: string, of: string): string {
  return `${name}: &${name} [${Array(20).fill(of).join(",")}]\n`;
}

test("the whole configuration loads", () => {
  expect(errorsIn(WHOLE)).toEqual([]);
});

describe("YAML", () => {
  test.each<Row>([
    ["  chart: {", "  chart: [", "c.yaml:34:", "is not valid YAML"],
    ["  resync: 5m", "  resync: 5m\n  resync: 6m", "c.yaml:60:3: the same key stands here twice"],
    ["  resync: 5m", "\tresync: 5m", "c.yaml:59:1: is not valid YAML (tab as indent)"],
    ["resync: 5m", "resync: *two", "c.yaml:55:1: uses an alias that is unknown, or too many of them"],
    ["resync: 5m", "resync: !vault 2", "c.yaml:59:11: uses an unknown tag"],
    ["resync: 5m", "[a]: 2", "c.yaml:59:3: a key must be text"],
    ["resync: 5m", "__proto__: {}", "c.yaml:59:3: this key is reserved"],
    ["resync: 5m", "? {a: b}\n  : 2", "c.yaml:59:5: a key must be text"],
  ])("%s -> %s", (from, to, ...first) => {
    const [found] = errorsIn(whole(from, to));
    for (const part of first) expect(found).toContain(part);
  });

  test("aliases are followed, also to where an error stands", () => {
    const text = whole("  chart: {", "  chart: &chart {").replace("  guards:", "  restart: *chart\n  guards:");
    expect(errorsIn(text)).toEqual(["c.yaml:34:17: spec.restart: must be auto or never"]);
  });

  test("aliases are bounded, and one that holds itself ends", () => {
    const bomb = level("a", "x") + level("b", "*a") + level("c", "*b") + level("d", "*c") + level("e", "*d");
    expect(errorsIn(bomb)).toEqual(["c.yaml:1:1: uses an alias that is unknown, or too many of them"]);
    expect(errorsIn("kind: SecretStore\nspec: &s { a: *s }\n")[0]).toContain("c.yaml:1:1: apiVersion");
  });

  test("nesting without end is an error, not a crash", () => {
    expect(errorsIn("[".repeat(50_000))[0]).toContain("is not valid YAML");
  });

  test.each(["", "# nothing\n", "---\n---\n"])("no document: %j", (text) => {
    expect(errorsIn(text)).toEqual(["c.yaml: holds no document: see examples/ for what to write"]);
  });

  test.each(["just text", "- a list", "42"])("%s is no document", (text) => {
    expect(errorsIn(text)).toEqual(["c.yaml:1:1: must be a map with apiVersion, kind, metadata and spec"]);
  });

  test("JSON is read as well", () => {
    expect(
      errorsIn('{"apiVersion": "helmwarden.dev/v1alpha1",\n "kind": "HelmwardenConfig", "spec": {"x": 1}}'),
    ).toEqual([
      "c.yaml:2:39: spec: unknown field x; there are audit, queue, http, rollout, restarts, retry, shutdownGrace, resync, digestKey",
    ]);
  });
});

describe("fields", () => {
  test.each<Row>([
    [
      "apiVersion: helmwarden.dev/v1alpha1",
      "apiVersion: v1",
      "c.yaml:1:13: apiVersion: must be helmwarden.dev/v1alpha1",
    ],
    ["apiVersion: helmwarden.dev/v1alpha1\n", "", "c.yaml:1:1: apiVersion: is missing"],
    ["kind: ReleaseSync", "kind: ReleaseSyn", "c.yaml:31:7: kind: is unknown; did you mean ReleaseSync?"],
    ["kind: ReleaseSync", "kind: Deployment", "c.yaml:31:7: kind: is unknown (there are SecretStore,"],
    ["kind: ReleaseSync\n", "", "c.yaml:30:1: kind: is missing"],
    ["metadata: { name: matomo, namespace: analytics }\n", "", "c.yaml:30:1: metadata: is missing"],
    [", namespace: analytics", "", "c.yaml:32:11: metadata.namespace: is missing"],
    ["name: matomo,", "name: Matomo,", "c.yaml:32:19: metadata.name: must be a Kubernetes name"],
    ["name: matomo,", "name: -f,", "c.yaml:32:19: metadata.name: must be a Kubernetes name"],
    ["name: matomo,", "name: 12,", "c.yaml:32:19: metadata.name: must be a string; put it in quotes"],
    ["name: matomo,", `name: ${"m".repeat(54)},`, "c.yaml:32:19: metadata.name: is longer than the 53"],
    ["namespace: analytics", "namespace: a.b", "c.yaml:32:38: metadata.namespace: must be a Kubernetes name"],
    ["  guards:", "  gaurds:", "c.yaml:44:3: spec: unknown field gaurds; did you mean guards?"],
    ["  guards:", "  wait: 1\n  guards:", "c.yaml:44:3: spec: unknown field wait; there are cluster, release,"],
    ["regeneration: allow", "regeneration: off", "c.yaml:44:27: spec.guards.regeneration: must be hold or allow"],
    ["timeout: 10m", "timeout: 600", "c.yaml:45:23: spec.upgrade.timeout: must be a duration"],
    ["timeout: 10m", "timeout: 10 min", "c.yaml:45:23: spec.upgrade.timeout: must be a duration"],
    ["timeout: 10m", "timeout: 0s", "c.yaml:45:23: spec.upgrade.timeout: must be between 1s and 1d"],
    ["timeout: 10m", "timeout: 25d", "c.yaml:45:23: spec.upgrade.timeout: must be between 1s and 1d"],
    ["timeout: 10m", "historyMax: 4", "c.yaml:45:26: spec.upgrade.historyMax: must be at least 5"],
    ["timeout: 10m", "historyMax: 5.5", "c.yaml:45:26: spec.upgrade.historyMax: must be a whole number"],
    ["timeout: 10m", 'scrub: "yes"', "c.yaml:45:21: spec.upgrade.scrub: must be a boolean"],
    ["refreshInterval: 30s", "refreshInterval: 8d", "c.yaml:5:20: spec.refreshInterval: must be between 1s and 7d"],
    ["  chart: { path: ./charts/matomo }\n", "", "c.yaml:34:3: spec.chart: is missing"],
    ["{ path: ./charts/matomo }", "{}", "c.yaml:34:10: spec.chart: must be exactly one of {path}"],
    ["{ path: ./charts/matomo }", "{ path: a, version: 1.0.0 }", "c.yaml:34:21: spec.chart: unknown field version"],
    ["{ path: ./charts/matomo }", "{ repository: https://x }", "c.yaml:34:10: spec.chart.name: is missing"],
    [
      "{ path: ./charts/matomo }",
      "{ repository: ftp://x, name: a }",
      "c.yaml:34:24: spec.chart.repository: must begin",
    ],
    [
      "{ path: ./charts/matomo }",
      "{ repository: https://user:secret@x/charts, name: a }",
      "c.yaml:34:24: spec.chart.repository: must hold no user, password or query",
    ],
    [
      "{ path: ./charts/matomo }",
      "{ repository: 'https://x/charts?token=secret', name: a }",
      "c.yaml:34:24: spec.chart.repository: must hold no user, password or query",
    ],
    ["{ path: ./charts/matomo }", "{ oci: oci://secret@x/a }", "c.yaml:34:17: spec.chart.oci: must hold no user"],
    ["{ path: ./charts/matomo }", "{ oci: https://x }", "c.yaml:34:17: spec.chart.oci: must begin with oci://"],
    [
      "{ path: ./charts/matomo }",
      "{ oci: oci://x, version: --debug }",
      "c.yaml:34:35: spec.chart.version: must not begin",
    ],
    ["    - key: token\n", "    - key: to/ken\n", "c.yaml:52:12: spec.data[0].key: must be letters"],
    ["resync: 5m", "resync: 5s", "c.yaml:59:11: spec.resync: must be between 10s and 1d"],
    ["redis: {", "local: {}, redis: {", "c.yaml:61:10: spec.queue: must be exactly one of {local} and {redis}"],
    ["redis: {", "kafka: {", "c.yaml:61:10: spec.queue: must be exactly one of {local} and {redis}"],
    [
      "{ fromFile: redis.url }",
      "redis://:secret@redis:6379",
      "c.yaml:61:26: spec.queue.redis.url: must be a reference",
    ],
    [
      "  digestKey: { fromFile: digest.key }\n",
      "",
      "c.yaml:60:19: spec.queue.redis: needs `spec.digestKey`: processes with keys of their own",
    ],
    ["concurrency: 2", "concurrency: 0", "c.yaml:61:64: spec.queue.redis.concurrency: must be at least 1"],
    ["port: 9090", "port: 70000", "c.yaml:62:17: spec.http.port: must be at most 65535"],
    ["maxUnavailable: 10%", "maxUnavailable: 0", "c.yaml:63:41: spec.rollout.maxUnavailable: must be a whole number"],
    ["maxUnavailable: 10%", "maxUnavailable: 0%", "c.yaml:63:41: spec.rollout.maxUnavailable: must be a whole number"],
    [
      "maxUnavailable: 10%",
      "maxUnavailable: 101%",
      "c.yaml:63:41: spec.rollout.maxUnavailable: must be a whole number",
    ],
    ["first: 1s", "first: 1h", "c.yaml:64:19: spec.retry.first: must not be longer than `most`"],
    ["maxLoss: 20%", "maxLoss: 0.2", "c.yaml:19:12: spec.maxLoss: must be a string; put it in quotes"],
    ["maxLoss: 20%", "maxLoss: 120%", "c.yaml:19:12: spec.maxLoss: must be a percentage such as 50%"],
    ["maxLoss: 20%", "callsPerMinute: 0", "c.yaml:19:19: spec.callsPerMinute: must be at least 1"],
    ["{ token: { fromFile: push.token } }", "{}", "c.yaml:20:9: spec.push.token: is missing"],
  ])("%s -> %s", (...row) => {
    expectErrors(...row);
  });

  test("a cluster, a release and a Secret cannot look like an option or like Helm's storage", () => {
    expectErrors("  chart:", "  cluster: --x\n  chart:", "c.yaml:34:12: spec.cluster: must not begin with a dash");
    expectErrors("  chart:", "  release: -x\n  chart:", "c.yaml:34:12: spec.release: must be a Kubernetes name");
    const storage = "sh.helm.release.v1.a.v1";
    expectErrors(
      "  data:",
      `  secret: ${storage}\n  data:`,
      "c.yaml:51:11: spec.secret: must not be a Secret of Helm's",
    );
  });
});

describe("values", () => {
  test.each<Row>([
    [
      "path: matomo.key",
      "path: matomo..key",
      "c.yaml:36:13: spec.values[0].path: is not a value path: segment 2 is empty",
    ],
    [
      "path: matomo.key",
      "path: a.__proto__",
      "c.yaml:36:13: spec.values[0].path: is not a value path: segment 2 is a res",
    ],
    [
      "path: matomo.key",
      "path: database.url",
      "c.yaml:40:13: spec.values[1].path: is mapped already, in whole or in part, by spec.values[0].path at line 36",
    ],
    ["path: matomo.key", "path: database", "c.yaml:40:13: spec.values[1].path: is mapped already"],
    ["path: matomo.key", "path: database.url.x", "c.yaml:40:13: spec.values[1].path: is mapped already"],
    ["path: matomo.key", "path: database[0]", "c.yaml:40:13: spec.values[1].path: is mapped already"],
    ["type: string", "type: text", "c.yaml:37:13: spec.values[0].type: must be string or number or boolean or json"],
    [
      "kind: token",
      "value: x",
      "c.yaml:38:7: spec.values[0]: unknown field value: no secret stands in the configuration",
    ],
    [
      "      from: { store: infisical, path: apps/matomo/, key: KEY }\n",
      "",
      "c.yaml:36:7: spec.values[0].from: is missing",
    ],
    [", key: KEY }", " }", "c.yaml:39:13: spec.values[0].from.key: is missing"],
    ["apps/matomo/, key", "a//b, key", "c.yaml:39:39: spec.values[0].from.path: must not have empty segments"],
    ["apps/matomo/, key", "../b, key", "c.yaml:39:39: spec.values[0].from.path: must not have . or .."],
    ["key: KEY", 'key: "K\\u0007"', "c.yaml:39:58: spec.values[0].from.key: must be one line"],
    ["key: KEY", "key: A/B", "c.yaml:39:58: spec.values[0].from.key: must not hold : or / in Infisical"],
    [
      "path: apps/matomo, key",
      "path: /apps/matomo, key",
      "c.yaml:43:41: spec.values[1].from.password.path: must not begin",
    ],
    [
      "path: apps/matomo, key",
      "path: apps/matomo/, key",
      "c.yaml:43:41: spec.values[1].from.password.path: must not begin",
    ],
    [
      "store: vault, path: apps/matomo",
      "store: valt, path: apps/matomo",
      "c.yaml:43:28: spec.values[1].from.password.store: names no SecretStore; did you mean the one at c.yaml:1?",
    ],
    [
      "store: vault, path: apps/matomo",
      "store: consul, path: apps/matomo",
      "names no SecretStore; there are those at c.yaml:1, c.yaml:15",
    ],
    [
      "|urlencode",
      "|sha256",
      "c.yaml:41:17: spec.values[1].template: is not a template: the part at character 13 has an unknown filter",
    ],
    ["${password|urlencode}", "x", "c.yaml:41:17: spec.values[1].template: is not a template: it has no part"],
    [
      "${password|urlencode}",
      "${passwort}",
      "spec.values[1].template: uses the part passwort, which `from` does not give",
      "c.yaml:43:19: spec.values[1].from.password: is not used by the template",
    ],
    [
      "        password:",
      "        pass-word:",
      "spec.values[1].from.?: must be a name of letters, digits and underscores",
    ],
    [
      "    - key: token\n",
      "    - { key: token, from: { store: vault, path: a, key: b } }\n    - key: token\n",
      "c.yaml:53:12: spec.data[1].key: is mapped already",
    ],
  ])("%s -> %s", (...row) => {
    expectErrors(...row);
  });

  test("an empty list is an error", () => {
    const text = WHOLE.replace(/ {2}values:[^]*? {2}guards/, "  values: []\n  guards");
    expect(errorsIn(text)).toEqual(["c.yaml:35:11: spec.values: must have at least one entry"]);
  });
});

describe("stores", () => {
  const advice = "must be a reference, exactly one of {fromEnv: NAME}, {fromFile: path} and {fromSecret:";
  test.each<Row>([
    [
      "https://vault.example.com:8200/",
      "vault:8200",
      "c.yaml:7:14: spec.vault.address: must begin with https:// or http://",
    ],
    ["https://vault.example.com:8200/", "not a url", "c.yaml:7:14: spec.vault.address: must be a URL"],
    ["https://vault", "https://user:pw@vault", "c.yaml:7:14: spec.vault.address: must not hold credentials"],
    ["8200/", "8200/?a=b", "c.yaml:7:14: spec.vault.address: must not have a query"],
    ["mount: secret", "mount: /secret", "c.yaml:9:12: spec.vault.mount: must not begin or end with a slash"],
    ["version: 2", "version: 3", "c.yaml:10:14: spec.vault.version: must be 1 or 2"],
    ["kubernetes: {", "kubernets: {", "c.yaml:13:7: spec.vault.auth: must be exactly one of kubernetes, appRole"],
    [
      "{ role: helmwarden }",
      "{ rule: helmwarden }",
      "spec.vault.auth.kubernetes.role: is missing",
      "c.yaml:13:21: spec.vault.auth.kubernetes: unknown field rule; did you mean role?",
    ],
    [
      "{ role: helmwarden }",
      "{ role: helmwarden }\n      token: { fromEnv: T }",
      "c.yaml:13:7: spec.vault.auth: must be exactly one",
    ],
    ["kubernetes: { role: helmwarden }", "token: s.abcdef", `c.yaml:13:14: spec.vault.auth.token: ${advice}`],
    ["{ fromEnv: ID }", "{}", `c.yaml:26:19: spec.infisical.auth.universal.clientId: ${advice}`],
    [
      "{ fromEnv: ID }",
      "{ fromEnv: ID, fromFile: f }",
      `c.yaml:26:19: spec.infisical.auth.universal.clientId: ${advice}`,
    ],
    [
      "{ fromEnv: ID }",
      "{ fromEnv: a-b }",
      "c.yaml:26:30: spec.infisical.auth.universal.clientId.fromEnv: must be the name of an environment variable",
    ],
    [
      "        clientId: { fromEnv: ID }\n",
      "",
      `c.yaml:26:9: spec.infisical.auth.universal.clientId: is missing: ${advice}`,
    ],
    [
      "projectId: 6f1e",
      "projectName: 6f1e",
      "c.yaml:22:5: spec.infisical: must have environment, auth, and exactly one of projectId and projectSlug",
    ],
    ["projectId: 6f1e", "projectId: 6f1e\n    projectSlug: a", "c.yaml:22:5: spec.infisical: must have environment"],
    ["    environment: prod\n", "", "c.yaml:22:5: spec.infisical.environment: is missing"],
    ["  infisical:\n", "  inifsical:\n", "c.yaml:19:3: spec: must have exactly one of vault and infisical"],
  ])("%s -> %s", (...row) => {
    expectErrors(...row);
  });
});

describe("documents against each other", () => {
  test.each<Row>([
    [
      "name: infisical }",
      "name: vault }",
      "c.yaml:17:19: metadata.name: is the name of another document of this kind, at c.yaml:1",
      "c.yaml:39:22: spec.values[0].from.store: names no SecretStore; there are those at c.yaml:1, c.yaml:15",
    ],
    [
      "kind: HelmwardenConfig",
      "kind: HelmwardenConfig\n---\nkind: HelmwardenConfig\napiVersion: helmwarden.dev/v1alpha1",
      "c.yaml:58:7: kind: may occur once; the first is at c.yaml:55",
    ],
  ])("%s -> %s", (...row) => {
    expectErrors(...row);
  });

  const documents = WHOLE.split("---\n");
  test("two documents about one release", () => {
    const second = (documents[2] ?? "")
      .replace("name: matomo,", "name: other,")
      .replace("spec:\n", "spec:\n  release: matomo\n");
    expect(errorsIn(`${WHOLE}---\n${second}`)).toEqual([
      "c.yaml:86:12: spec.release: is the release of another ReleaseSync, at c.yaml:30",
    ]);
    expect(errorsIn(`${WHOLE}---\n${second.replace("release: matomo", "release: matomo\n  cluster: other")}`)).toEqual(
      [],
    );
    expect(errorsIn(`${WHOLE}---\n${second.replace("namespace: analytics", "namespace: other")}`)).toEqual([]);
  });

  test("two documents about one Secret", () => {
    const second = (documents[3] ?? "")
      .replace("name: admin", "name: other")
      .replace("spec:\n", "spec:\n  secret: admin\n");
    expect(errorsIn(`${WHOLE}---\n${second}`)).toEqual([
      "c.yaml:86:11: spec.secret: is the secret of another SecretSync, at c.yaml:47",
    ]);
  });

  test("no store at all", () => {
    expect(errorsIn(documents[3] ?? "")[0]).toContain("names a SecretStore, but there is none in this configuration");
  });

  test("all errors of all documents come at once, in the order of their lines", () => {
    const text = WHOLE.replace("8200/", "8200/?x")
      .replace("store: vault, path: apps/v", "store: x, path: apps/v")
      .replace("resync", "rsync")
      .replace("timeout: 10m", "timeout: 10");
    expect(errorsIn(text).map((line) => line.split(":").slice(0, 2).join(":"))).toEqual([
      "c.yaml:7",
      "c.yaml:45",
      "c.yaml:53",
      "c.yaml:59",
    ]);
  });
});
