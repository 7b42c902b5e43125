import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { accessAs, bindAccount, type BoundAccount, type PrintedRole } from "../../support/boundAccount.ts";
import { repository } from "../../../scripts/artifacts.mjs";
import { canary } from "../../support/canary.ts";
import { makeNamespace, type TestNamespace } from "../../support/namespace.ts";
import { waitUntil } from "../../support/process.ts";
import type { Release } from "../../support/release.ts";
import type { InsideEnd } from "../../support/inside.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

const before = canary("before");
const document = readFileSync(join(import.meta.dirname, "config.yaml"), "utf8");

let scenario: Scenario;
let beside: TestNamespace;
let apart: TestNamespace;
let whole: Release;
let roles: readonly PrintedRole[];

async function begin(major: 3 | 4): Promise<void> {
  scenario = await openScenario(import.meta.dirname, { helm: major, vaultWrites: true });
  beside = await makeNamespace(scenario.kubeconfig, "beside");
  apart = await makeNamespace(scenario.kubeconfig, "apart");
  scenario.configure(document.replaceAll("__BESIDE__", beside.name));
  whole = await scenario.install("whole", "whole", { token: before });
  await scenario.vault.put("whole", { TOKEN: before });
  const printed = await scenario.inside("rbac", ["-o", "json"], { POD_NAMESPACE: beside.name });
  expect(printed).toMatchObject({ code: 0, stderr: "" });
  roles = (JSON.parse(printed.stdout) as { items: PrintedRole[] }).items;
}
const end = async (): Promise<void> => {
  await Promise.all([beside.remove(), apart.remove()]);
  await scenario.close();
};

let accounts = 0;
async function account(own: readonly PrintedRole[]): Promise<BoundAccount & { readonly env: Record<string, string> }> {
  accounts += 1;
  const where = { home: beside.name, name: `bound-${accounts}`, dir: scenario.dir };
  const bound = await bindAccount(scenario.kubeconfig, where, own);
  return { ...bound, env: { KUBECONFIG: bound.kubeconfig, POD_NAMESPACE: beside.name } };
}

/** The Roles without one of their rules, for each rule there is. */
function* eachLess(): Generator<{ readonly without: string; readonly left: readonly PrintedRole[] }> {
  for (const role of roles) {
    for (const rule of role.rules) {
      const rules = role.rules.filter((one) => one !== rule);
      const left = roles.map((one) => (one === role ? { ...role, rules } : one));
      const where = role.metadata.namespace === beside.name ? "beside" : "release";
      yield { without: `${where} ${rule.resources.join()} ${rule.verbs.join()}`, left };
    }
  }
}

const kindsOf = ({ stdout }: { readonly stdout: string }): string[] =>
  (JSON.parse(stdout) as { results: { outcome: { kind: string } }[] }).results.map(({ outcome }) => outcome.kind);

const rotate = (env: Record<string, string>): Promise<InsideEnd> =>
  scenario.inside("rotate", ["whole-token", "--now", "--reason", "to see it", "--wait", "0"], env);

afterEach(() => end());

test.each([3, 4] as const)(
  "with helm %i, the printed Roles are enough, and reach nothing else",
  async (major) => {
    await begin(major);
    const bound = await account(roles);
    expect(await scenario.run("check", [], bound.env)).toMatchObject({ code: 0, stderr: "" });
    await scenario.vault.put("whole", { TOKEN: canary("after") });
    const synced = await scenario.run("sync", ["-o", "json"], bound.env);
    expect(kindsOf(synced)).toEqual(["changed", "changed"]);
    expect(await whole.revision()).toBe(2);
    const events = await scenario.object<{ items: readonly { reason: string }[] }>("v1/events");
    expect(events.items.map(({ reason }) => reason)).toContain("Synced");

    await scenario.api("POST", `/api/v1/namespaces/${beside.name}/secrets`, { metadata: { name: "other" } });
    expect(await bound.status("GET", `/api/v1/namespaces/${beside.name}/secrets/beside`)).toBe(200);
    for (const path of [
      `/api/v1/namespaces/${beside.name}/secrets/other`,
      `/api/v1/namespaces/${beside.name}/secrets`,
      "/api/v1/namespaces/default/secrets",
      "/api/v1/secrets",
      `/api/v1/namespaces/${scenario.namespace}/pods/any`,
      `/api/v1/namespaces/${scenario.namespace}/services`,
    ])
      expect([path, await bound.status("GET", path)]).toEqual([path, 403]);
  },
  180_000,
);

test.each([
  ["of `rbac -o values`", (): string => beside.name, (): Promise<string> => printedValues()],
  [
    "of its own for namespaces, none of which is the pod's",
    (): string => apart.name,
    async (): Promise<string> => `rbac: { namespaces: [${scenario.namespace}, ${beside.name}] }`,
  ],
])(
  "our own chart binds the Roles %s, and a sync under its account works",
  async (_, homeOf, rbacValues) => {
    await begin(4);
    const home = homeOf();
    const values = join(scenario.dir, "values.yaml");
    writeFileSync(values, await rbacValues());
    const chart = join(repository, "deploy/chart");
    const flags = ["--namespace", home, "--values", values, "--set", "audit.persistence.enabled=false"];
    await scenario.helm(["install", "helmwarden", chart, ...flags]);
    const bound = await accessAs(scenario.kubeconfig, { home, name: "helmwarden", dir: scenario.dir });
    const env = { KUBECONFIG: bound.kubeconfig, POD_NAMESPACE: home };
    await scenario.vault.put("whole", { TOKEN: canary("chart") });
    expect(await scenario.inside("check", [], env)).toMatchObject({ code: 0, stderr: "" });
    expect(kindsOf(await scenario.inside("sync", ["-o", "json"], env))).toEqual(["changed", "changed"]);
    expect(await rotate(env)).toMatchObject({ code: 0 });
    expect(await bound.status("GET", "/api/v1/namespaces/default/secrets")).toBe(403);
  },
  180_000,
);

test("the daemon under the printed Roles syncs, and sees by its watches what somebody patches", async () => {
  await begin(4);
  const bound = await account(roles);
  const stores = join(scenario.dir, "config", "stores.yaml");
  writeFileSync(stores, `${readFileSync(stores, "utf8")}  http: { address: 127.0.0.1, port: 0 }\n`);
  const wanted = canary("daemon");
  await scenario.vault.put("whole", { TOKEN: wanted });
  const daemon = scenario.start("run", [], bound.env);
  try {
    const path = `/api/v1/namespaces/${beside.name}/secrets/beside`;
    const token = async (): Promise<string> => {
      const { body } = await scenario.api("GET", path);
      return Buffer.from((body as { data?: { token?: string } }).data?.token ?? "", "base64").toString();
    };
    await until("the release is upgraded", async () => (await whole.revision()) === 2);
    await until("the Secret is there", async () => (await token()) === wanted);
    const patch = { stringData: { token: "patched by hand" } };
    await scenario.api("PATCH", path, patch, "application/merge-patch+json");
    expect(await token()).toBe("patched by hand");
    await until("the Secret is put right", async () => (await token()) === wanted);
  } finally {
    daemon.child.kill("SIGTERM");
  }
  expect(await daemon.end).toMatchObject({ code: 0 });
}, 120_000);

test("an object that somebody deleted is made again under the Roles of --create, and only then", async () => {
  await begin(4);
  await scenario.vault.put("whole", { TOKEN: canary("again") });
  const service = `/api/v1/namespaces/${scenario.namespace}/services/whole`;
  await scenario.api("DELETE", service);
  const narrow = await account(roles);
  expect((await scenario.inside("sync", [], narrow.env)).code).toBe(1);
  expect((await scenario.api("GET", service)).status).toBe(404);
  const printed = await scenario.inside("rbac", ["-o", "json", "--create"], { POD_NAMESPACE: beside.name });
  const wide = await account((JSON.parse(printed.stdout) as { items: PrintedRole[] }).items);
  expect(await scenario.inside("sync", [], wide.env)).toMatchObject({ code: 0 });
  expect((await scenario.api("GET", service)).status).toBe(200);
}, 120_000);

test("a rotation under the printed Roles goes to its end", async () => {
  await begin(4);
  const { env } = await account(roles);
  expect(await scenario.inside("sync", [], env)).toMatchObject({ code: 0 });
  const old = (await scenario.vault.get("whole"))["TOKEN"];
  const rotated = await rotate(env);
  expect(rotated.stdout).toContain("rotated");
  expect(rotated).toMatchObject({ code: 0 });
  const { TOKEN: now, ...state } = await scenario.vault.get("whole");
  expect(now).not.toBe(old);
  expect(JSON.parse(state["TOKEN__ROTATION"] ?? "")).not.toHaveProperty("attempt");
  expect(await whole.values()).toEqual({ token: now });
  const events = await scenario.object<{ items: readonly { reason: string }[] }>("v1/events");
  expect(events.items.map(({ reason }) => reason)).toContain("Rotated");
}, 120_000);

test("each rule taken away is missed: by the sync or the rotation that needs it, or else by check", async () => {
  await begin(4);
  const without = [...eachLess()];
  expect(without.length).toBeGreaterThan(20);
  for (const { without: rule, left } of without) {
    const { env } = await account(left);
    expect([rule, await whatMisses(rule, env)]).toEqual([rule, "missed"]);
  }
  const { env } = await account(roles);
  expect(await scenario.inside("sync", [], env)).toMatchObject({ code: 0 });
}, 300_000);

/** The command that needs the rule, run without it. */
async function whatMisses(rule: string, env: Record<string, string>): Promise<string> {
  // Done without where they are denied, so that it is check that tells.
  if (/events|rollouts|budgets/.test(rule)) {
    const { code, stdout } = await scenario.inside("check", [], env);
    return code === 1 && /FAIL {2}permissions in \S+: missing /.test(stdout) ? "missed" : stdout;
  }
  await scenario.vault.put("whole", { TOKEN: canary("less") });
  for (const { name } of [beside, { name: scenario.namespace }])
    await scenario.api("DELETE", `/apis/coordination.k8s.io/v1/namespaces/${name}/leases`);
  const { code, stdout } = rule.includes("pods") ? await rotate(env) : await scenario.inside("sync", [], env);
  return code === 1 ? "missed" : stdout;
}

async function printedValues(): Promise<string> {
  return (await scenario.inside("rbac", ["-o", "values"], { POD_NAMESPACE: beside.name })).stdout;
}

async function until(what: string, ready: () => Promise<boolean>): Promise<void> {
  await waitUntil(what, ready, { processes: [], timeoutMs: 40_000 });
}
