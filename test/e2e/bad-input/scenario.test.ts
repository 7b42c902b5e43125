// The list "Bad input" of the first issue: each gets a clear error naming file, line and field, or release and reason,
// and changes nothing. What helm and the cluster do wrong is in helm-in-trouble, cluster-in-trouble and lost-race.
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { chartFixture, type Release } from "../../support/release.ts";
import { openScenario, parsedOutcome, type Scenario } from "../../support/scenario.ts";
import { storeRecord } from "../../support/storedRelease.ts";

let scenario: Scenario;
const token = canary("token");

beforeAll(async () => {
  scenario = await openScenario(import.meta.dirname);
  await scenario.vault.put("good", { TOKEN: canary("wanted"), EMPTY: "", BLANK: " \n\t", NUMBER: 42 });
  await scenario.install("web", "web", { token, url: "a-scalar", labels: { a: "b" }, list: ["one"] });
});
afterAll(() => scenario.close());

interface Row {
  readonly release?: string;
  readonly chart?: string;
  readonly path?: string;
  readonly from?: string;
  readonly more?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const GOOD = "{ store: vault, path: __NAMESPACE__/good, key: TOKEN }";
const source = (key: string, path = "__NAMESPACE__/good"): string => `{ store: vault, path: ${path}, key: ${key} }`;

const config = ({ release = "web", chart = "__CHARTS__/web", path = "token", from = GOOD, more = "" }: Row): string =>
  `apiVersion: helmwarden.dev/v1alpha1
kind: ReleaseSync
metadata: { name: ${release}, namespace: __NAMESPACE__ }
spec:
  chart: { path: "${chart}" }
  values:
    - path: ${path}
      from: ${from}
${more}`;

/** Everything that Helm has stored in the namespace, and every other object that a sync could write. */
async function world(): Promise<readonly string[]> {
  const lists = ["/api/v1", "secrets", "/api/v1", "configmaps", "/apis/apps/v1", "deployments"];
  const seen: string[] = [];
  for (let at = 0; at < lists.length; at += 2) {
    const { body } = await scenario.api("GET", `${lists[at]}/namespaces/${scenario.namespace}/${lists[at + 1]}`);
    const { items } = body as {
      items: readonly { metadata: { name: string; resourceVersion: string; generation?: number } }[];
    };
    // Of a Deployment only what somebody asks for: its status moves by itself.
    seen.push(...items.map(({ metadata }) => `${metadata.name} ${metadata.generation ?? metadata.resourceVersion}`));
  }
  return seen.sort();
}

async function expectNothingChanged<T>(work: () => Promise<T>): Promise<T> {
  const before = await world();
  const result = await work();
  expect(await world()).toEqual(before);
  expect(scenario.audit()).toEqual([]);
  return result;
}

describe("a configuration that is wrong is refused in whole, by file, line and field", () => {
  const overlapping = `    - path: token.inner\n      from: ${GOOD}\n`;
  const twice = `    - path: token\n      from: ${GOOD}\n`;
  test.each<[string, Row, RegExp]>([
    ["an unknown field", { more: "  vaules: []\n" }, /config\.yaml:9:\d+: spec: unknown field vaules.*values/],
    ["a duplicate path", { more: twice }, /config\.yaml:9:\d+: spec\.values\[1\]\.path: is mapped already.*line 7/],
    [
      "an overlapping path",
      { more: overlapping },
      /config\.yaml:9:\d+: spec\.values\[1\]\.path: is mapped already, in whole or in part/,
    ],
    ["a path that is none", { path: '"a..b"' }, /config\.yaml:7:\d+: spec\.values\[0\]\.path: is not a value path/],
    [
      "a store that does not exist",
      { from: "{ store: vualt, path: a, key: B }" },
      /config\.yaml:8:\d+: spec\.values\[0\]\.from\.store: names no SecretStore.*stores\.yaml:2/,
    ],
    ["no YAML", { more: "  guards: [\n" }, /config\.yaml:\d+:\d+: is not valid YAML/],
  ])("%s", async (_what, row, message) => {
    scenario.configure(config(row));
    const run = await expectNothingChanged(() => scenario.run("sync"));
    expect(run).toMatchObject({ code: 78, stdout: "" });
    expect(run.stderr).toMatch(message);
    expect(run.stderr).toContain("nothing was changed");
  });

  test("a credential that is not there", async () => {
    scenario.configure(config({}));
    const run = await expectNothingChanged(() => scenario.run("sync", [], { VAULT_TOKEN: undefined }));
    expect(run.code).toBe(1);
    expect(run.stdout + run.stderr).toContain("VAULT_TOKEN");
  });
});

async function expectRefused(row: Row, outcome: object): Promise<void> {
  scenario.configure(config(row));
  const end = await expectNothingChanged(() => scenario.run("sync", ["-o", "json"], row.env));
  expect(parsedOutcome(end)).toMatchObject(outcome);
  expect(end).toMatchObject({ code: "code" in outcome ? 1 : 2, stderr: "" });
}
const held = (reason: string, where: string, message: RegExp): object => ({
  kind: "held",
  holds: [{ reason, where, message: expect.stringMatching(message) as unknown }],
});
const failed = (code: string, message: RegExp): object => ({
  kind: "failed",
  code,
  message: expect.stringMatching(message) as unknown,
});

describe("a wanted value that cannot be had or must not be written", () => {
  test.each<[string, Row, object]>([
    ["wrong credentials", { env: { VAULT_TOKEN: canary("wrong") } }, failed("StoreDenied", /token|permission/)],
    ["a path without rights", { from: source("TOKEN", "elsewhere") }, failed("StoreDenied", /elsewhere|policy|read/)],
    ["a missing key", { from: source("ABSENT") }, held("missing", "token", /no such key/)],
    ["a missing path", { from: source("A", "__NAMESPACE__/absent") }, held("missing", "token", /does not exist/)],
    ["an empty value", { from: source("EMPTY") }, held("empty", "token", /empty/)],
    ["a blank value", { from: source("BLANK") }, held("empty", "token", /blank/)],
    ["a number", { from: source("NUMBER") }, held("notText", "token", /not a string/)],
  ])("%s", async (_what, row, outcome) => {
    await expectRefused(row, outcome);
  });

  test.each<[string, string, object]>([
    ["of 900 kB", randomBytes(450_000).toString("hex"), held("tooLarge", "token", /900000 bytes/)],
    ["with {{", `${canary("tpl")}{{ .Values }}`, held("unsafeValue", "token", /\{\{/)],
    ["with NUL", `${canary("nul")}\0`, held("unsafeValue", "token", /NUL/)],
    ["a placeholder", "changeme", held("empty", "token", /placeholder/)],
  ])("a secret %s", async (_what, value, outcome) => {
    await scenario.vault.put("odd", { TOKEN: value });
    await expectRefused({ from: source("TOKEN", "__NAMESPACE__/odd") }, outcome);
  });

  test("a value of another type than the mapping says", async () => {
    await expectRefused({ from: `${GOOD}\n      type: number` }, held("typeClash", "token", /not a number/));
  });
});

describe("a path that does not fit the release", () => {
  test.each<[string, string, RegExp]>([
    ["through a scalar", "url.inner", /a scalar at `url`/],
    ["to a map", "labels", /a map at `labels`/],
    ["into a list by name", "list.name", /a list at `list`/],
    ["behind the end of a list", "list[5]", /has 1 items/],
  ])("%s", async (_what, path, message) => {
    await expectRefused({ path }, held("typeClash", path, message));
  });
});

const record = (name: string, revision: number, status: string, payload?: string): Promise<void> =>
  storeRecord(scenario.api, { namespace: scenario.namespace, name, revision, status, config: { token } }, payload);

describe("a release that cannot be upgraded", () => {
  test("does not exist", async () => {
    await expectRefused({ release: "absent" }, failed("ReleaseNotFound", /no release .*absent/));
  });

  test.each([
    ["is being installed", "pending-install"],
    ["is being upgraded", "pending-upgrade"],
    ["is being rolled back", "pending-rollback"],
  ])("%s", async (_what, status) => {
    await record(status, 1, "deployed");
    await record(status, 2, status);
    await expectRefused({ release: status }, held("locked", "revision 2", new RegExp(status)));
  });

  test.each([
    ["has failed at its first install", "failed-install", ["failed"]],
    ["has only failed revisions", "failed-twice", ["failed", "failed"]],
    ["is uninstalled and keeps its history", "uninstalled", ["superseded", "uninstalled"]],
    ["is being uninstalled", "uninstalling", ["uninstalling"]],
  ])("%s", async (_what, release, statuses) => {
    for (const [index, status] of statuses.entries()) await record(release, index + 1, status);
    const where = `revision ${statuses.length}`;
    await expectRefused({ release }, held("notDeployed", where, new RegExp(statuses.at(-1)!)));
  });

  test("has a corrupt storage Secret", async () => {
    await record("corrupt", 1, "deployed", "bm90IGEgcmVsZWFzZQ==");
    await expectRefused({ release: "corrupt" }, failed("ReleaseCorrupt", /Revision 1 of .*corrupt cannot be decoded/));
  });
});

function moved(from: RegExp, to: string): string {
  const copy = join(scenario.dir, `chart-${to.replaceAll(/\W/g, "")}`);
  cpSync(chartFixture("web"), copy, { recursive: true });
  const file = join(copy, "Chart.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace(from, to));
  return copy;
}

describe("a chart that is not the deployed one", () => {
  test("is missing", async () => {
    await expectRefused({ chart: "__CHARTS__/absent" }, failed("ChartUnavailable", /There is no chart at .*absent/));
  });
  test("is a folder without Chart.yaml", async () => {
    await expectRefused({ chart: "__CHARTS__" }, failed("ChartUnavailable", /Chart\.yaml/));
  });
  test("has another version", async () => {
    const chart = moved(/version: .*/, "version: 1.0.1");
    await expectRefused({ chart }, held("chartMoved", "web 1.0.1", /web 1\.0\.0 is deployed/));
  });
  test("has another name", async () => {
    const chart = moved(/name: .*/, "name: blog");
    await expectRefused({ chart }, held("chartMoved", "blog 1.0.0", /web 1\.0\.0 is deployed/));
  });
  test("refuses the value by its values.schema.json", async () => {
    const pin: Release = await scenario.install("pin", "schema", { pin: "1234" });
    await expectRefused(
      { release: "pin", chart: "__CHARTS__/schema", path: "pin" },
      failed("ChartRejected", /values\.schema\.json/),
    );
    expect(await pin.revision()).toBe(1);
  });
});

test("a release that would pass the 1 MiB of its Secret keeps its values", async () => {
  const chart = join(scenario.dir, "chart-huge");
  cpSync(chartFixture("map"), chart, { recursive: true });
  writeFileSync(join(chart, "incompressible"), randomBytes(600_000));
  await scenario.helm(["install", "huge", chart]);
  await scenario.vault.put("huge", { TOKEN: `${canary("huge")}${randomBytes(140_000).toString("base64")}` });
  scenario.configure(
    config({ release: "huge", chart, path: "secrets.token", from: source("TOKEN", "__NAMESPACE__/huge") }),
  );
  const before = await world();
  expect(await scenario.sync()).toMatchObject(failed("ChartRejected", /1 MiB/));
  // Only the object that says what we were about to do is new.
  expect((await world()).filter((one) => !one.startsWith("helmwarden-release-huge "))).toEqual(before);
  expect(scenario.audit()).toMatchObject([{ kind: "intent" }, { kind: "result", outcome: "failed" }]);
});
