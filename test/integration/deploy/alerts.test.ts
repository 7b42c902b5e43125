// The rules as Prometheus itself reads and evaluates them; test/rules is its parser and engine, promtool the same with more around it.
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { artifactFile, repository } from "../../../scripts/artifacts.mjs";
import { sharedServers } from "../../support/servers.ts";

const alerts = join(repository, "deploy/chart/files/alerts.yaml");
const unitTests = join(repository, "test/rules/alerts.test.yaml");
const dir = mkdtempSync(join(sharedServers().runDir, "alerts-"));

function run(program: string, args: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(program, args, { encoding: "utf8", timeout: 150_000 });
}
const rules = (...args: string[]): SpawnSyncReturns<string> => run(artifactFile("rules", "rules"), args);

const Rules = z.object({ groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string() })) })) });
const Tests = z.object({
  tests: z.array(
    z.object({ alert_rule_test: z.array(z.object({ alertname: z.string(), exp_alerts: z.array(z.unknown()) })) }),
  ),
});
const names = Rules.parse(parse(readFileSync(alerts, "utf8"))).groups.flatMap((group) =>
  group.rules.map(({ alert }) => alert),
);
const expectations = Tests.parse(parse(readFileSync(unitTests, "utf8"))).tests.flatMap((one) => one.alert_rule_test);

test("Prometheus takes the rules, and would not take them with a mistake", () => {
  expect(rules("check", alerts)).toMatchObject({
    status: 0,
    stderr: "",
    stdout: `${alerts}: SUCCESS: ${names.length} rules found\n`,
  });
  const text = readFileSync(alerts, "utf8");
  for (const [right, wrong] of [
    ["sum by (reason) (helmwarden_held)", "sum by (reason (helmwarden_held)"],
    ["{{ $labels.store }}", "{{ $label.store }}"],
    ["for: 10m", "for: soon"],
    ["severity: critical", "{severity}: critical"],
  ] as const) {
    const broken = join(dir, "broken.yaml");
    writeFileSync(broken, text.replace(right, wrong));
    expect([wrong, rules("check", broken).status]).toEqual([wrong, 1]);
  }
});

test("every alert fires when it should, with its labels and texts, and is silent when it should not", () => {
  expect(rules("test", unitTests)).toMatchObject({ status: 0, stderr: "" });
  for (const name of names) {
    const of = expectations.filter(({ alertname }) => alertname === name);
    expect([name, of.some(({ exp_alerts }) => exp_alerts.length > 0)]).toEqual([name, true]);
    expect([name, of.some(({ exp_alerts }) => exp_alerts.length === 0)]).toEqual([name, true]);
  }
});

test("each time and bound of the rules is proven: the tests fail with a larger one", () => {
  const text = readFileSync(alerts, "utf8");
  const bounds = [...text.matchAll(/(?<=for: )\d+(?=[mh])|(?<= [<>] )\d+/g)];
  expect(bounds.length).toBeGreaterThan(names.length);
  const files = bounds.map(({ index, 0: bound }, count) => {
    const larger = bound === "0" ? 1_000 : Math.ceil(Number(bound) * 1.1);
    writeFileSync(join(dir, `${count}.yaml`), `${text.slice(0, index)}${larger}${text.slice(index + bound.length)}`);
    const alert = [...text.slice(0, index).matchAll(/- alert: (\w+)/g)].at(-1)?.[1] ?? "";
    writeFileSync(join(dir, `${count}.test.yaml`), testsOf(alert, `${count}.yaml`));
    return { file: join(dir, `${count}.test.yaml`), line: text.slice(0, index).split("\n").length, bound };
  });
  const { stderr } = rules("test", ...files.map(({ file }) => file));
  expect(files.filter(({ file }) => !stderr.includes(`${file}: FAILED`))).toEqual([]);
});

/** Only the tests of one alert, against another file of rules. */
function testsOf(alert: string, file: string): string {
  const whole = parse(readFileSync(unitTests, "utf8")) as { tests: { alert_rule_test: { alertname: string }[] }[] };
  const tests = whole.tests.flatMap((one) => {
    const own = one.alert_rule_test.filter(({ alertname }) => alertname === alert);
    return own.length === 0 ? [] : [{ ...one, alert_rule_test: own }];
  });
  return stringify({ ...whole, rule_files: [file], tests });
}

test("Prometheus takes every expression of the dashboard", () => {
  const dashboard = readFileSync(join(repository, "deploy/chart/files/dashboard.json"), "utf8");
  const { panels } = z
    .object({ panels: z.array(z.object({ targets: z.array(z.object({ expr: z.string() })) })) })
    .parse(JSON.parse(dashboard));
  const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  expect(expressions.length).toBeGreaterThan(10);
  expect(rules("parse", ...expressions)).toMatchObject({ status: 0, stderr: "" });
  expect(rules("parse", "sum by (x) (foo").status).toBe(1);
});

const promtool = run("promtool", ["--version"]).status === 0;

test.skipIf(!promtool)("promtool says the same", () => {
  expect(run("promtool", ["check", "rules", "--lint-fatal", alerts])).toMatchObject({ status: 0 });
  expect(run("promtool", ["test", "rules", unitTests])).toMatchObject({ status: 0 });
});
