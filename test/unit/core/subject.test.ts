import { expect, test } from "vitest";
import type { Config } from "../../../src/core/spec.ts";
import { dependentsOf, subjectsOf } from "../../../src/core/subject.ts";
import { tryParse, WHOLE, whole } from "../config/documents.ts";

const subjectsIn = (text: string) => subjectsOf(tryParse(text) as Config);
const MATOMO = "default/Release/analytics/matomo";
const ADMIN = "default/Secret/vaultwarden/admin";

test("a subject is called by cluster, kind, namespace and the name that it has there", () => {
  expect([...subjectsIn(WHOLE).keys()]).toEqual([MATOMO, ADMIN]);
  const elsewhere = whole("spec:\n  chart: {", "spec:\n  cluster: berlin\n  release: other\n  chart: {");
  expect([...subjectsIn(elsewhere).keys()]).toEqual(["berlin/Release/analytics/other", ADMIN]);
});

test("what is suspended is not kept in step, nor read for", () => {
  const subjects = subjectsIn(whole("  guards: { regeneration: allow }", "  suspend: true"));
  expect([...subjects.keys()]).toEqual([ADMIN]);
  expect([...dependentsOf(subjects).keys()]).toEqual(["vault"]);
});

test("who reads which path of which store, parts of templates included", () => {
  const dependents = dependentsOf(subjectsIn(WHOLE));
  const flat = [...dependents].map(([store, paths]) => [store, [...paths].map(([path, ids]) => [path, [...ids]])]);
  expect(flat).toEqual([
    ["infisical", [["/apps/matomo", [MATOMO]]]],
    [
      "vault",
      [
        ["apps/matomo", [MATOMO]],
        ["apps/vaultwarden", [ADMIN]],
      ],
    ],
  ]);
});
