import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { configurationPage, schemaPage } from "../../../scripts/generate-docs.ts";
import { jsonSchema } from "../../../src/config/jsonSchema.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { RETRY } from "../../../src/errors.ts";

const root = new URL("../../../", import.meta.url);
const textOf = (path: string): string => readFileSync(new URL(path, root), "utf8");

describe("generated pages are current (else run: node scripts/generate-docs.ts)", () => {
  test("docs/configuration.md", () => {
    expect(textOf("docs/configuration.md")).toBe(configurationPage());
  });

  test("docs/schema.json", () => {
    expect(textOf("docs/schema.json")).toBe(schemaPage());
  });

  test("every field in a table says what it does", () => {
    const rows = configurationPage()
      .split("\n")
      .filter((line) => line.startsWith("| `"));
    expect(rows.length).toBeGreaterThan(80);
    expect(rows.filter((line) => /\| *\|$/.test(line))).toEqual([]);
  });
});

test("every pattern in the JSON Schema is one that other programs can read", () => {
  const patterns: string[] = [];
  JSON.stringify(jsonSchema(), (key, value: unknown) => {
    if (key === "pattern" && typeof value === "string") patterns.push(value);
    return value;
  });
  expect(patterns.length).toBeGreaterThan(10);
  for (const pattern of patterns) expect(new RegExp(pattern, "u")).toBeInstanceOf(RegExp);
});

describe("examples", () => {
  const names = readdirSync(new URL("examples/", root)).filter((name) =>
    existsSync(new URL(`examples/${name}/config.yaml`, root)),
  );

  test("the situations that the README promises are there", () => {
    const promised = [
      "connection-string-template",
      "existing-secret",
      "infisical-universal-auth",
      "rotation-api-key",
      "rotation-chart-job",
      "rotation-mariadb-dual",
      "rotation-postgres",
      "vault-kubernetes-auth",
    ];
    expect(names).toEqual(expect.arrayContaining(promised));
  });

  test.each(names)("%s loads, and says what it is for", async (name) => {
    const folder = new URL(`examples/${name}/`, root);
    const config = await loadConfig(new URL("config.yaml", folder).pathname, new AbortController().signal);
    expect(config.releases.length + config.secrets.length).toBeGreaterThan(0);
    expect(existsSync(new URL("README.md", folder))).toBe(true);
  });
});

test("docs/errors.md lists every code with its retry rule, and no other", () => {
  const rows = [...textOf("docs/errors.md").matchAll(/^\| `(\w+)` \| (\w+) \| ([^|]+) \| ([^|]+) \|$/gm)];
  expect(Object.fromEntries(rows.map(([, code, retry]) => [code, retry]))).toEqual(RETRY);
  expect(rows).toHaveLength(Object.keys(RETRY).length);
});
