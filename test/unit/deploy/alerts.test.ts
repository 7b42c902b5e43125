import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { repository } from "../../../scripts/artifacts.mjs";
import { RETRY } from "../../../src/errors.ts";

const read = (path: string): string => readFileSync(join(repository, path), "utf8");
const files = "deploy/chart/files";
const operations = read("docs/operations.md");

const Rules = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^Helmwarden[A-Z]\w+$/),
          expr: z.string(),
          for: z
            .string()
            .regex(/^\d+[smhd]$/)
            .optional(),
          labels: z.strictObject({ severity: z.enum(["warning", "critical"]) }),
          annotations: z.strictObject({ summary: z.string(), description: z.string(), runbook: z.string() }),
        }),
      ),
    }),
  ),
});
const rules = Rules.parse(parse(read(`${files}/alerts.yaml`))).groups.flatMap((group) => group.rules);

const Dashboard = z.object({
  panels: z.array(z.object({ title: z.string(), targets: z.array(z.object({ expr: z.string() })) })),
});
const panels = Dashboard.parse(JSON.parse(read(`${files}/dashboard.json`))).panels;

/** Metrics and their labels, as docs/operations.md has them; another test compares that with the program. */
const metrics = new Map(
  [...operations.matchAll(/^\| `(helmwarden_\w+)` \| (\w+) \| ([^|]*) \|/gm)].map(
    ([, name = "", kind, labels = ""]) => [
      name,
      { kind, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label) },
    ],
  ),
);

const expressions = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
];

describe.each(expressions)("%s: %s", (_, expr) => {
  test("names metrics and labels that there are, in balanced brackets", () => {
    const named = [...expr.matchAll(/helmwarden_\w+/g)].map(([name]) => name.replace(/_bucket$/, ""));
    expect(named).not.toEqual([]);
    for (const name of named) {
      expect([...metrics.keys()]).toContain(name);
      const { kind, labels } = metrics.get(name)!;
      expect(kind !== "counter" || /(increase|rate)\(/.test(expr)).toBe(true);
      const used = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(", "));
      const matched = [...expr.matchAll(/[{,](\w+)=~?"/g)].map(([, label]) => label);
      for (const label of [...used, ...matched]) expect([...labels, "le"]).toContain(label);
    }
    for (const [open, close] of [
      ["(", ")"],
      ["{", "}"],
      ["[", "]"],
    ] as const)
      expect(expr.split(open).length).toBe(expr.split(close).length);
  });
});

test("error codes in the rules are ones that the program has", () => {
  const codes = rules.flatMap(({ expr }) => [...expr.matchAll(/code="(\w+)"/g)].map(([, code = ""]) => code));
  expect(codes.length).toBeGreaterThan(0);
  for (const code of codes) expect(Object.keys(RETRY)).toContain(code);
});

test("every alert has its runbook section, and every section an alert", () => {
  const sections = [...operations.matchAll(/^### (Helmwarden\w+)$/gm)].map(([, name]) => name);
  expect(new Set(sections)).toEqual(new Set(rules.map(({ alert }) => alert)));
  for (const { alert, annotations } of rules)
    expect(annotations.runbook).toBe(`docs/operations.md#${alert.toLowerCase()}`);
});
