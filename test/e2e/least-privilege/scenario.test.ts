import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { accessAs, bindAccount, type BoundAccount, type PrintedRole } from "../../support/boundAccount.ts";
import { repository } from "../../../scripts/artifacts.mjs";
import { canary } from "../../support/canary.ts";
import { makeNamespace, type TestNamespace } from "../../support/namespace.ts";
import { waitUntil } from "../../support/process.ts";
import type { ProgramEnd } from "../../support/program.ts";
import type { Release } from "../../support/release.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

const before = canary("before");
const document = readFileSync(join(import.meta.dirname, "config.yaml"), "utf8");

let scenario: Scenario;
let beside: TestNamespace;
let whole: Release;
let roles: readonly PrintedRole[];

async function begin(major: 3 | 4): Promise<void> {
  scenario = await openScenario(import.meta.dirname, { helm: major });
  beside = await makeNamespace(scenario.kubeconfig, "beside");
  scenario.configure(document.replaceAll("__BESIDE__", beside.name));
  whole = await scenario.install("whole", "whole", { token: before });
  await scenario.vault.put("whole", { TOKEN: before });
  const printed = await scenario.run("rbac", ["-o", "json"], { POD_NAMESPACE: beside.name });
  expect(printed).toMatchObject({ code: 0, stderr: "" });
  roles = (JSON.parse(printed.stdout) as { items: PrintedRole[] }).items;
}
const end = async (): Promise<void> => {
  await beside.remove();
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

const kindsOf = ({ stdout }: ProgramEnd): string[] =>
  (JSON.parse(stdout) as { results: { outcome: { kind: string } }[] }).results.map(({ outcome }) => outcome.kind);

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
      `/api/v1/namespaces/${scenario.namespace}/pods`,
    ])
      expect([path, await bound.status("GET", path)]).toEqual([path, 403]);
  },
  180_000,
);

test.each([
  ["of `rbac -o values`", (): Promise<string> => printedValues()],
  [
    "of its own for a namespace",
    async (): Promise<string> => `rbac: { namespaces: [${scenario.namespace}, ${beside.name}] }`,
  ],
])(
  "our own chart binds the Roles %s, and a sync under its account works",
  async (_, rbacValues) => {
    await begin(4);
    const values = join(scenario.dir, "values.yaml");
    writeFileSync(values, await rbacValues());
    const chart = join(repository, "deploy/chart");
    const flags = ["--namespace", beside.name, "--values", values, "--set", "audit.persistence.enabled=false"];
    await scenario.helm(["install", "helmwarden", chart, ...flags]);
    const bound = await accessAs(scenario.kubeconfig, { home: beside.name, name: "helmwarden", dir: scenario.dir });
    const env = { KUBECONFIG: bound.kubeconfig, POD_NAMESPACE: beside.name };
    await scenario.vault.put("whole", { TOKEN: canary("chart") });
    expect(await scenario.run("check", [], env)).toMatchObject({ code: 0, stderr: "" });
    expect(kindsOf(await scenario.run("sync", ["-o", "json"], env))).toEqual(["changed", "changed"]);
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

test("each rule taken away is missed: by the sync that needs it, or else by check", async () => {
  await begin(4);
  const without = [...eachLess()];
  expect(without.length).toBeGreaterThan(12);
  // Events, Rollouts and budgets are done without where they are denied.
  const elsewhere = /events|rollouts|budgets/;
  await inThrees(
    without.filter(({ without: rule }) => elsewhere.test(rule)),
    async ({ without: rule, left }) => {
      const bound = await account(left);
      const { code, stdout } = await scenario.run("check", [], bound.env);
      expect([rule, code, stdout]).toEqual([rule, 1, expect.stringMatching(/FAIL {2}permissions in \S+: missing /)]);
    },
  );
  const atWork = without.filter(({ without: rule }) => !elsewhere.test(rule));
  for (const { without: rule, left } of atWork) {
    await scenario.vault.put("whole", { TOKEN: canary("less") });
    for (const namespace of [scenario.namespace, beside.name])
      await scenario.api("DELETE", `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`);
    const { env } = await account(left);
    expect([rule, (await scenario.run("sync", [], env)).code]).toEqual([rule, 1]);
  }
  const { env } = await account(roles);
  expect(await scenario.run("sync", [], env)).toMatchObject({ code: 0 });
}, 300_000);

async function printedValues(): Promise<string> {
  return (await scenario.run("rbac", ["-o", "values"], { POD_NAMESPACE: beside.name })).stdout;
}

async function until(what: string, ready: () => Promise<boolean>): Promise<void> {
  await waitUntil(what, ready, { processes: [], timeoutMs: 40_000 });
}

async function inThrees<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const lane = async (): Promise<void> => {
    for (const item of queue) await work(item);
  };
  await Promise.all([lane(), lane(), lane()]);
}
