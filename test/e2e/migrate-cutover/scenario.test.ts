import { cpSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { generationOf } from "../../support/deployment.ts";
import { readAccess } from "../../support/clusterApi.ts";
import { call } from "../../support/http.ts";
import { waitUntil } from "../../support/process.ts";
import { makeServiceAccount } from "../../support/serviceAccount.ts";
import { sharedServers } from "../../support/servers.ts";
import { startFaultProxy } from "../../support/faultProxy.ts";
import { killAtWrite, moments } from "../../support/killAtWrite.ts";
import { migrationWorld, type MigrationWorld } from "../../support/migration.ts";
import { startProgram } from "../../support/program.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
let world: MigrationWorld;
beforeEach(async () => {
  scenario = await openScenario(import.meta.dirname);
  world = await migrationWorld(scenario);
});
afterEach(() => scenario.close());

const flat = (text: string): string => text.replaceAll(/\s+/g, " ");
const path = (name = ""): string => `/api/v1/namespaces/${scenario.namespace}/secrets/${name}`;
const UNREAD = ["--delete-unread", "--shadow", "0s"];
const cutover = (...args: readonly string[]) => world.migrate("cutover", "--yes", ...args);

/** Those of the generated documents that name this, into the configuration. */
function putInForce(...names: readonly string[]): void {
  const documents = readFileSync(join(world.dir, "generated/helmwarden.yaml"), "utf8").split("---\n").slice(1);
  const wanted = documents.filter((text) =>
    names.some((name) => text.includes(`{ name: "${name}"`) || text.includes(`metadata: { name: "${name}"`)),
  );
  expect(wanted).toHaveLength(names.length);
  writeFileSync(join(scenario.dir, "config", "migrated.yaml"), wanted.join("---\n"));
}

async function migrated(...secrets: readonly string[]): Promise<void> {
  const recipient = await identityToRecipient(await generateX25519Identity());
  const ended = await world.migrate("run", ...secrets, "-n", scenario.namespace, "--yes", "--recipient", recipient);
  expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: "" });
}

interface Managed {
  readonly metadata: { readonly managedFields: readonly { manager: string; operation: string; fieldsV1: object }[] };
  readonly data: Record<string, string>;
}
async function managersOf(name: string, key: string): Promise<string[]> {
  const { body } = await scenario.api("GET", path(name));
  const fields = (body as Managed).metadata.managedFields;
  return fields
    .filter(({ fieldsV1 }) => Object.hasOwn((fieldsV1 as { "f:data"?: object })["f:data"] ?? {}, `f:${key}`))
    .map(({ manager, operation }) => `${manager} ${operation}`)
    .sort();
}

test("a Secret that a workload, a person or a SecretSync needs stays, who it is is said; the others go, and only after the shadow period", async () => {
  for (const name of ["unread", "mounted", "audited", "synced"]) {
    await world.makeSecret(name, { key: Buffer.from(canary(name)) });
  }
  const pod = { containers: [{ name: "c", image: "nginx", envFrom: [{ secretRef: { name: "mounted" } }] }] };
  await scenario.api("POST", `/apis/batch/v1/namespaces/${scenario.namespace}/cronjobs`, {
    metadata: { name: "nightly" },
    spec: { schedule: "0 2 * * *", jobTemplate: { spec: { template: { spec: { ...pod, restartPolicy: "Never" } } } } },
  });
  expect((await cutover("--delete-unread")).code).not.toBe(0);
  await migrated();
  putInForce("synced");
  const before = await world.secrets();
  const journal = world.journal();

  const dry = await cutover("--delete-unread", "--shadow", "0s", "--dry-run");
  expect(flat(dry.stdout)).toContain("Dry run: nothing was written.");
  expect(world.journal()).toEqual(journal);

  const early = await cutover("--delete-unread");
  expect({ code: early.code, stderr: early.stderr }).toEqual({ code: 2, stderr: "" });
  expect(flat(early.stdout)).toContain("Nothing is deleted before that");
  expect(await world.secrets()).toEqual(before);

  const event = (user: string, name: string | undefined, more: object = {}) =>
    JSON.stringify({
      kind: "Event",
      apiVersion: "audit.k8s.io/v1",
      auditID: "x",
      stage: "ResponseComplete",
      verb: name === undefined ? "list" : "get",
      user: { username: user, groups: [] },
      userAgent: "curl",
      objectRef: { resource: "secrets", namespace: scenario.namespace, name, apiVersion: "v1" },
      requestReceivedTimestamp: new Date(Date.now() + 1000).toISOString(),
      ...more,
    });
  const log = join(scenario.dir, "audit.k8s.jsonl");
  const lines = [
    event("jane@example.com", "audited"),
    event("system:node:a", "unread", { user: { username: "system:node:a", groups: ["system:nodes"] } }),
    event("someone", "unread", { requestReceivedTimestamp: "2020-01-01T00:00:00Z" }),
    event("system:serviceaccount:x:controller", undefined),
    event("jane@example.com", "unread", { objectRef: { resource: "configmaps", name: "unread" } }),
  ];
  writeFileSync(log, `${lines.join("\n")}\n`);
  const late = await cutover("--delete-unread", "--shadow", "0s", "--audit-log", log);
  expect({ code: late.code, stderr: late.stderr }).toEqual({ code: 2, stderr: "" });
  const said = flat(late.stdout);
  for (const line of [
    `${scenario.namespace}/audited: stays: jane@example.com read it (get, 1 times`,
    `${scenario.namespace}/mounted: stays: CronJob/nightly reads it (envFrom)`,
    `${scenario.namespace}/synced: stays: a SecretSync of the configuration writes it`,
    `${scenario.namespace}/unread: nothing was seen to read it`,
    "system:serviceaccount:x:controller read many Secrets at once",
    "4 originals, 1 of them unread, 1 deleted.",
    "stays in its backups and snapshots",
  ]) {
    expect(said).toContain(line);
  }
  expect([...(await world.secrets()).keys()].sort()).toEqual(["audited", "mounted", "synced"]);
  const deletions = scenario.audit().filter(({ action }) => action === "delete");
  expect(deletions.map(({ kind, subject, outcome }) => ({ kind, subject, outcome }))).toEqual([
    { kind: "intent", subject: `secret default/${scenario.namespace}/unread`, outcome: undefined },
    { kind: "result", subject: `secret default/${scenario.namespace}/unread`, outcome: "deleted" },
  ]);

  const verified = await world.migrate("verify");
  expect({ code: verified.code, stderr: verified.stderr }).toEqual({ code: 0, stderr: "" });
  const back = await world.migrate("rollback", "--yes");
  expect(flat(back.stdout)).toContain(
    `unread#key stays: secret ${scenario.namespace}/unread has it no more, and this is the last copy`,
  );
  expect(await world.stored("unread")).toBeDefined();
}, 300_000);

test("by the audit log that a real API server writes: who reads originals is named, and helmwarden itself does not count", async () => {
  const { namespace, kubeconfig, dir, api } = scenario;
  for (const name of ["read", "watched", "refused", "unread"]) {
    await world.makeSecret(name, { key: Buffer.from(canary(name)) });
  }
  const verbs = ["get", "list", "watch"];
  const token = await makeServiceAccount(kubeconfig, [namespace], [{ apiGroups: [""], resources: ["secrets"], verbs }]);
  const { body } = await api("POST", `/api/v1/namespaces/${namespace}/serviceaccounts/default/token`, { spec: {} });
  const stranger = (body as { status: { token: string } }).status.token;
  await migrated();
  expect((await cutover()).code).toBe(0);

  const { auditLog } = sharedServers();
  const from = statSync(auditLog).size;
  const { server, ca } = readAccess(kubeconfig);
  const get = async (as: string, query: string): Promise<number> =>
    (await call(`${server}${path(query)}`, { ca, headers: { authorization: `Bearer ${as}` } })).status;
  expect(await get(token, "read")).toBe(200);
  expect(await get(token, "?fieldSelector=metadata.name%3Dwatched")).toBe(200);
  expect(await get(stranger, "refused")).toBe(403);
  expect(await get(token, "")).toBe(200);
  expect((await world.migrate("verify")).code).toBe(0);
  const log = join(dir, "audit.k8s.log");
  await waitUntil(
    "the API server has written the last of them",
    async () => {
      const written = readFileSync(auditLog).subarray(from).toString();
      writeFileSync(log, written.slice(0, written.lastIndexOf("\n") + 1));
      return (written.match(/"userAgent":"helmwarden/g) ?? []).length > 0 && written.split("limited").length > 3;
    },
    { processes: [], timeoutMs: 30_000 },
  );

  const late = await cutover(...UNREAD, "--audit-log", log);
  expect({ code: late.code, stderr: late.stderr }).toEqual({ code: 2, stderr: "" });
  const said = flat(late.stdout);
  const account = `system:serviceaccount:${namespace}`;
  for (const line of [
    `${namespace}/read: stays: ${account}:limited read it (get, 1 times`,
    `${namespace}/watched: stays: ${account}:limited read it (list, 1 times`,
    `${namespace}/refused: stays: ${account}:default read it (get, 1 times`,
    `${namespace}/unread: nothing was seen to read it`,
    `${account}:limited read many Secrets at once (list, 1 times`,
    "4 originals, 1 of them unread, 1 deleted.",
  ]) {
    expect(said).toContain(line);
  }
}, 300_000);

test("a literal is taken out of a values file, and what Helm's history holds is counted", async () => {
  const token = canary("token");
  await scenario.install("shop", "web", { token, url: `postgres://app:${token}@db/app` });
  await migrated();
  const file = join(scenario.dir, "home", "values.yaml");
  const text = `# our shop\nurl: "postgres://app:${token}@db/app"\nother: 1 # one\ntoken: ${token} # secret\n`;
  writeFileSync(file, text, { mode: 0o640 });
  const missing = await cutover("--strip-values", file);
  expect(missing).toMatchObject({ code: 64 });
  expect(flat(missing.stderr)).toContain("put the generated documents into it first");

  putInForce("shop");
  expect(flat((await cutover("--strip-values", file, "--dry-run")).stdout)).toContain("would take out token, url");
  expect(readFileSync(file, "utf8")).toBe(text);
  const ended = await cutover("--strip-values", file);
  expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: "" });
  expect(readFileSync(file, "utf8")).toBe("# our shop\nother: 1 # one\n# secret\n");
  expect(statSync(file).mode & 0o777).toBe(0o640);
  expect(flat(ended.stdout)).toContain(`1 of 1 revisions of release ${scenario.namespace}/shop hold migrated values`);
  expect(flat(ended.stdout)).toContain("--reset-then-reuse-values");
}, 300_000);

test("adoption leaves the field managers as they are; handed over, the keys are ours as well, not a byte changes and nothing restarts", async () => {
  const other = canary("other");
  await world.makeSecret("held", { key: Buffer.from(canary("held")), other: Buffer.from(other) });
  const labels = { app: "reader" };
  await scenario.api("POST", `/apis/apps/v1/namespaces/${scenario.namespace}/deployments`, {
    metadata: { name: "reader" },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: "c", image: "nginx", envFrom: [{ secretRef: { name: "held" } }] }] },
      },
    },
  });
  await migrated();
  putInForce("held");
  const rolled = await generationOf(scenario.api, scenario.namespace, "reader");
  const [theirs = ""] = await managersOf("held", "key");
  expect((await scenario.sync()).kind).toBe("adopted");
  expect(await managersOf("held", "key")).toEqual([theirs]);
  const { data } = (await world.secrets()).get("held")!;

  expect(flat((await cutover("--hand-over", "--dry-run")).stdout)).toContain("held would be handed over");
  expect(await managersOf("held", "key")).toEqual([theirs]);
  const ended = await cutover("--hand-over");
  expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: "" });
  expect(await managersOf("held", "key")).toEqual(["helmwarden Apply", theirs].sort());
  expect((await world.secrets()).get("held")!.data).toEqual(data);
  expect(flat((await cutover("--hand-over")).stdout)).toContain("held was ours already");
  expect((await scenario.sync()).kind).toBe("inSync");

  await scenario.vault.put("held", { key: canary("changed"), other });
  expect((await scenario.sync()).kind).toBe("changed");
  expect(await managersOf("held", "key")).toEqual(["helmwarden Apply"]);
  expect(await managersOf("held", "other")).toEqual(["helmwarden Apply", theirs].sort());
  expect(await generationOf(scenario.api, scenario.namespace, "reader")).toBeGreaterThan(rolled);
}, 300_000);

const bytes = (name: string): Buffer => Buffer.from(canary(name));

test("a Secret of any type that somebody deletes after the cut-over comes back as it was, type and bytes", async () => {
  const auths = { "registry.example.com": { auth: canary("pull") } };
  const kinds: Readonly<Record<string, Readonly<Record<string, Buffer>>>> = {
    dockerconfigjson: { ".dockerconfigjson": Buffer.from(JSON.stringify({ auths })) },
    tls: { "tls.crt": bytes("certificate"), "tls.key": bytes("key") },
    "basic-auth": { username: bytes("user"), password: bytes("password") },
    "ssh-auth": { "ssh-privatekey": bytes("ssh") },
  };
  const names = Object.keys(kinds);
  for (const name of names) await world.makeSecret(name, kinds[name] ?? {}, { type: `kubernetes.io/${name}` });
  await migrated();
  putInForce(...names);
  const typesAndData = async (): Promise<object> =>
    Object.fromEntries([...(await world.secrets())].map(([name, { type, data }]) => [name, { type, data }]));
  const before = await typesAndData();
  for (const name of names) await scenario.api("DELETE", path(name));
  expect(await typesAndData()).toEqual({});
  expect(await scenario.run("sync")).toMatchObject({ code: 0, stderr: "" });
  expect(await typesAndData()).toEqual(before);

  await scenario.api("DELETE", path("tls"));
  await world.makeSecret("tls", { "tls.crt": bytes("other") });
  const held = await scenario.run("sync");
  expect(held.code).toBe(2);
  expect(flat(held.stdout)).toContain(
    "otherType Secret The Secret is of type Opaque, the configuration says kubernetes.io/tls",
  );
}, 120_000);

test("killed around each of its writes, the cut-over ends as it would have ended when it is asked for again", async () => {
  const { namespace, dir, kubeconfig, api } = scenario;
  const values = new Map(["first", "second", "held"].map((name) => [name, canary(name)]));
  const put = (name: string): Promise<void> => world.makeSecret(name, { key: Buffer.from(values.get(name)!) });
  for (const name of values.keys()) await put(name);
  const token = canary("token");
  await scenario.install("shop", "web", { token, url: `postgres://app:${token}@db/app` });
  await migrated(...[...values.keys(), "shop"].map((name) => `${namespace}/${name}`));
  putInForce("held", "shop");

  const proxy = await startFaultProxy(kubeconfig);
  onTestFinished(() => proxy.close());
  const proxied = proxy.kubeconfig(join(dir, "proxied"));
  const file = join(dir, "home", "values.yaml");
  const stripped = ["--strip-values", file, "--release", `${namespace}/shop`];
  const cutAt = (folder: string): string[] => ["--dir", folder, "--yes", ...stripped, "--hand-over", ...UNREAD];
  const deleted = (from: number): string[] =>
    scenario
      .audit()
      .slice(from)
      .filter(({ action, outcome }) => action === "delete" && outcome === "deleted")
      .map(({ subject }) => subject);
  const ends: object[] = [];
  for (const moment of moments(1)) {
    const folder = join(dir, `cut-${moment.when}-${moment.number}`);
    cpSync(world.dir, folder, { recursive: true });
    writeFileSync(file, `token: ${token}\nother: 1\n`);
    for (const name of values.keys()) {
      await api("DELETE", path(name));
      await put(name);
    }
    const audited = scenario.audit().length;
    const killed = await killAtWrite(proxy, moment, () =>
      startProgram(["migrate", "cutover", "-c", join(dir, "config"), ...cutAt(folder)], {
        dir,
        env: { KUBECONFIG: proxied, VAULT_TOKEN: world.token },
      }),
    );
    const env = { VAULT_TOKEN: world.token };
    const again = await scenario.inside("migrate cutover", cutAt(folder), env);
    const verified = await scenario.inside("migrate verify", ["--dir", folder], env);
    expect({ moment, code: again.code, stderr: again.stderr, verified }).toMatchObject({
      code: 2,
      stderr: "",
      verified: { code: 0, stderr: "" },
    });
    ends.push({
      values: readFileSync(file, "utf8"),
      secrets: [...(await world.secrets()).keys()].sort(),
      managers: await managersOf("held", "key"),
      deleted: deleted(audited),
    });
    if (!killed) break;
  }
  // Around one hand-over and two deletions, and the one that lived.
  expect(ends).toHaveLength(7);
  for (const end of ends) {
    expect(end).toEqual({
      values: "other: 1\n",
      secrets: ["held", "shop"],
      managers: ["helmwarden Apply", expect.stringContaining("Update")],
      deleted: ["first", "second"].map((name) => `secret default/${namespace}/${name}`),
    });
  }
}, 300_000);
