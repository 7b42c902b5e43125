import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../src/core/json.ts";
import {
  dataKeyOf,
  isIgnored,
  needsSecondRender,
  type PathXray,
  type Renders,
  withLiveKeys,
  type Xray,
  xrayOf,
} from "../../../src/core/xray.ts";
import { canary } from "../../support/canary.ts";

/** A small chart: from its values, and what it draws or looks up, to its objects. */
type Chart = (value: string, drawn: string) => JsonObject[];

const deployed = canary("deployed");
const wanted = canary("wanted");
const needle = "hwstandinforwanted";
const traced = [{ path: "db.password", needles: [needle] }];

const own = (value: string): Record<string, string> => ({ password: value });
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
const secret = (data: Record<string, string>, name = "db"): JsonObject => ({
  kind: "Secret",
  metadata: { name },
  data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, base64(text)])),
});
const hookOf = (name: string): JsonObject => ({ name, annotations: { "helm.sh/hook": "pre-upgrade" } });
const workload = (kind: string, pod: object, rest: object = {}): JsonObject =>
  ({ kind, metadata: { name: "app" }, spec: { ...rest, template: pod } }) as JsonObject;
const env = { name: "PW", valueFrom: { secretKeyRef: { name: "db", key: "password" } } };

/** Four renders; each draws something else where the chart draws. */
function rendersOf(chart: Chart): Renders {
  return {
    deployed: chart(deployed, "draw-0"),
    wanted: chart(wanted, "draw-1"),
    canary: chart(needle, "draw-2"),
    again: chart(wanted, "draw-3"),
  };
}

function xray(chart: Chart): Omit<Xray, "cacheKey" | "reusable"> {
  return xrayOf(rendersOf(chart), traced, "apps");
}

describe("what a value reaches", () => {
  test.each<[string, Chart, object]>([
    [
      "a Secret's key",
      (value) => [secret({ password: value })],
      { object: "Secret/db", field: "password", kind: "secret", form: "whole" },
    ],
    ["a part of one", (value) => [secret({ url: `pg://u:${value}@db` })], { field: "url", form: "part" }],
    ["base64 inside one", (value) => [secret({ ".dockerconfigjson": base64(`user:${value}`) })], { form: "part" }],
    ["one that is there in base64", (value) => [secret({ password: base64(value) })], { form: "whole" }],
    [
      "a ConfigMap",
      (value) => [{ kind: "ConfigMap", metadata: { name: "c" }, data: { ini: `pw=${value}` } }],
      { object: "ConfigMap/c", kind: "config", form: "part" },
    ],
    [
      "the env of a pod",
      (value) => [workload("Deployment", { spec: { containers: [{ env: [{ name: "PW", value }] }] } })],
      { object: "Deployment/app", kind: "pod", form: "whole" },
    ],
    [
      "any other field",
      (value) => [{ kind: "Thing", metadata: { name: "t" }, spec: { token: value } }],
      { object: "Thing/t", field: "spec.token", kind: "other" },
    ],
    [
      "a Secret in another namespace",
      (value) => [{ ...secret({ password: value }), metadata: { name: "db", namespace: "else" } }],
      { object: "Secret/else/db" },
    ],
  ])("%s", (_, chart, reach) => {
    const found = xray(chart);
    expect(found.paths).toMatchObject([{ path: "db.password", untraced: false, liveOnly: false, reaches: [reach] }]);
    expect(found).toMatchObject({ derived: [], unexplained: [] });
  });

  test("several places at once, the stronger form where a text holds two needles", () => {
    const two = [{ path: "db", needles: [needle, "hwanotherneedle"] }];
    const objects = [secret({ password: needle, both: `${needle} hwanotherneedle`, other: "hwanotherneedle" })];
    const { paths } = xrayOf({ deployed: [], wanted: [], canary: objects }, two, "apps");
    expect(paths[0]?.reaches.map(({ field, form }) => [field, form])).toEqual([
      ["password", "whole"],
      ["both", "part"],
      ["other", "whole"],
    ]);
  });

  test("each path by itself", () => {
    const paths = ["a", "b", "c"].map((name) => ({ path: name, needles: name === "c" ? [] : [`hwneedle-of-${name}`] }));
    const objects = [secret({ one: "hwneedle-of-a", two: "hwneedle-of-b" })];
    const found = xrayOf({ deployed: [], wanted: [], canary: objects }, paths, "apps").paths;
    expect(found.map(({ reaches }) => reaches.map(({ field }) => field))).toEqual([["one"], ["two"], []]);
    expect(found.map(({ untraced }) => untraced)).toEqual([false, false, true]);
  });
});

describe("who reads it", () => {
  test.each<[string, Chart, object[]]>([
    [
      "a Deployment by env",
      (value) => [secret({ password: value }), workload("Deployment", { spec: { containers: [{ env: [env] }] } })],
      [{ workload: "Deployment/app", by: ["env"], rolledByChart: false, remembers: false }],
    ],
    ["nobody", (value) => [secret({ password: value }), workload("Deployment", { spec: { containers: [{}] } })], []],
    [
      "one that a checksum rolls",
      (value) => [
        secret({ password: value }),
        workload("Deployment", {
          metadata: { annotations: { checksum: hash(value) } },
          spec: { containers: [{ env: [env] }] },
        }),
      ],
      [{ by: ["env"], rolledByChart: true }],
    ],
    [
      "a StatefulSet with a claim",
      (value) => [
        secret({ password: value }),
        workload("StatefulSet", { spec: { containers: [{ env: [env] }] } }, { volumeClaimTemplates: [{}] }),
      ],
      [{ workload: "StatefulSet/app", remembers: true }],
    ],
    [
      "the pod that has it in its own env",
      (value) => [workload("Deployment", { spec: { containers: [{ env: [{ name: "PW", value }] }] } })],
      [{ workload: "Deployment/app", by: ["env"], rolledByChart: true }],
    ],
    [
      "a CronJob",
      (value) => [
        secret({ password: value }),
        {
          kind: "CronJob",
          metadata: { name: "c" },
          spec: {
            jobTemplate: {
              spec: { template: { spec: { containers: [{ envFrom: [{ secretRef: { name: "db" } }] }] } } },
            },
          },
        },
      ],
      [{ workload: "CronJob/c", by: ["envFrom"] }],
    ],
    [
      "none in another namespace",
      (value) => [
        { ...secret({ password: value }), metadata: { name: "db", namespace: "else" } },
        workload("Deployment", { spec: { containers: [{ env: [env] }] } }),
      ],
      [],
    ],
  ])("%s", (_, chart, readers) => {
    expect(xray(chart).paths[0]?.reaches[0]?.readers).toMatchObject(readers);
    expect(xray(chart).paths[0]?.reaches[0]?.readers).toHaveLength(readers.length);
  });
});

describe("what else would change", () => {
  test.each<[string, Chart, string[], string[]]>([
    ["nothing", (value) => [secret({ ...own(value), user: "app" })], [], []],
    ["a hash of the value", (value) => [secret({ ...own(value), htpasswd: hash(value) })], ["Secret/db htpasswd"], []],
    ["a random key", (value, drawn) => [secret({ ...own(value), root: drawn })], [], ["Secret/db root"]],
    ["a random part", (value, drawn) => [secret({ ...own(value), url: `x:${drawn}` })], [], ["Secret/db url"]],
    [
      "a random env",
      (value, drawn) => [secret(own(value)), workload("Job", { spec: { containers: [{ args: [drawn] }] } })],
      [],
      ["Job/app spec.template.spec.containers.0.args.0"],
    ],
    [
      "a random field that is no data",
      (value, drawn) => [secret(own(value)), { kind: "Thing", metadata: { name: "t" }, spec: { at: drawn } }],
      [],
      [],
    ],
    ["a random text around the value", (value, drawn) => [secret({ url: `${value}:${drawn}` })], [], ["Secret/db url"]],
    [
      "a random text beside it in base64",
      (value, drawn) => [secret({ doc: base64(`x ${value} ${drawn}`) })],
      [],
      ["Secret/db doc"],
    ],
    ["a fixed text around the value", (value) => [secret({ ini: `user=app\npw=${value}\nmode=1\n` })], [], []],
    [
      "both",
      (value, drawn) => [secret({ ...own(value), hashed: hash(value), root: drawn })],
      ["Secret/db hashed"],
      ["Secret/db root"],
    ],
  ])("%s", (_, chart, derived, unexplained) => {
    expect(xray(chart)).toMatchObject({ derived, unexplained });
  });

  test("a chart that was edited since: another default, a new key, a key or a Secret that is gone", () => {
    const before = [secret({ ...own(deployed), edited: "1", gone: "x" }), secret({ a: "b" }, "gone")];
    const after = (value: string): JsonObject[] => [secret({ ...own(value), edited: "2", added: "y" })];
    const found = xrayOf({ deployed: before, wanted: after(wanted), canary: after(needle) }, traced, "apps");
    expect(found.unexplained).toEqual(["Secret/db edited", "Secret/db added", "Secret/db gone", "Secret/gone a"]);
  });

  test("a hook's Secret that is not rendered any more is nothing that goes: helm leaves hooks alone", () => {
    const hook = { ...secret({ ...own(deployed), more: "1" }, "new"), metadata: hookOf("new") };
    const renders = { wanted: [secret(own(wanted))], canary: [secret(own(needle))] };
    const found = xrayOf({ deployed: [secret(own(deployed)), hook], ...renders }, traced, "apps");
    expect(found.unexplained).toEqual([]);
  });

  test("without a second render (a pure chart) what follows is derived", () => {
    const { again: _, ...renders } = rendersOf((value) => [secret({ hashed: hash(value) })]);
    expect(xrayOf(renders, traced, "apps")).toMatchObject({ derived: ["Secret/db hashed"], unexplained: [] });
  });
});

describe("needsSecondRender", () => {
  test.each<[boolean, string, Chart]>([
    [false, "every difference holds a canary", (value) => [secret({ password: value })]],
    [true, "a hash of the value", (value) => [secret({ hashed: hash(value) })]],
    [true, "a random key", (value, drawn) => [secret({ password: value, root: drawn })]],
    [
      false,
      "a random field that is no data",
      (value, drawn) => [secret({ password: value }), { kind: "Thing", spec: { drawn } }],
    ],
  ])("%s: %s", (expected, _, chart) => {
    expect(needsSecondRender(rendersOf(chart), traced, "apps")).toBe(expected);
  });
});

const keeps: Chart = () => [secret({ password: deployed })];
const blind: Chart = (value) => [secret({ password: value, url: `x:${value}` }), { kind: "Thing", spec: { v: value } }];

describe("a value that the chart ignores", () => {
  test("reaches nothing, and nothing follows it", () => {
    const found = xray(keeps);
    expect(found.paths.map((path) => isIgnored(found, path))).toEqual([true]);
    const hashed = xray((value) => [secret({ hashed: hash(value) })]);
    expect(hashed.paths.map((path) => isIgnored(hashed, path))).toEqual([false]);
    const untraced: PathXray = { path: "flag", reaches: [], untraced: true, liveOnly: false };
    expect(isIgnored(found, untraced)).toBe(false);
  });

  test("shows where it would go if no live Secret won over it: whole Secret keys only", () => {
    const found = withLiveKeys(xray(keeps), blind(needle, ""), traced, "apps");
    expect(found.paths).toMatchObject([{ liveOnly: true, reaches: [{ object: "Secret/db", field: "password" }] }]);
  });

  test("stays ignored where the chart never had a place for it", () => {
    const found = withLiveKeys(xray(keeps), keeps("", ""), traced, "apps");
    expect(found.paths).toMatchObject([{ liveOnly: false, reaches: [] }]);
  });

  test("a path that is not ignored stays as it was", () => {
    const found = xray((value) => [secret({ password: value })]);
    expect(withLiveKeys(found, blind(needle, ""), traced, "apps")).toEqual(found);
  });
});

test.each([
  [
    { object: "Secret/db", field: "pw", kind: "secret" },
    { kind: "Secret", name: "db", key: "pw" },
  ],
  [
    { object: "ConfigMap/c", field: "ini", kind: "config" },
    { kind: "ConfigMap", name: "c", key: "ini" },
  ],
  [{ object: "Secret/else/db", field: "pw", kind: "secret" }, undefined],
  [{ object: "Deployment/app", field: "spec", kind: "pod" }, undefined],
  [{ object: "Thing/t", field: "spec", kind: "other" }, undefined],
] as const)("dataKeyOf(%j)", (position, key) => {
  expect(dataKeyOf(position)).toEqual(key);
});

const mixed: Chart = (value, drawn) => [
  secret({ password: value, hashed: hash(value), root: drawn, url: `x:${value}` }),
];

test("an X-ray holds names only, so that it can be kept in the cluster", () => {
  expect(JSON.stringify(xray(mixed))).not.toMatch(/hwcanary|hwstandin|draw-/);
});
