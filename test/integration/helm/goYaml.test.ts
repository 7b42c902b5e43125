import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseManifest } from "../../../src/helm/manifest.ts";
import { helmRun, writeChart } from "../../support/helmRun.ts";

const PLAIN = `
y Y yes Yes YES yEs n N no No NO on On ON off Off OFF oFF true True TRUE tRue false False FALSE
0 -0 +1 7 0123 0o17 0O17 089 0_7 1_000 1__0 1_ -0123 0x1F 0X1f 0xG 0b101 -0b11 0b2 0b 0x 0_x1
9007199254740991 9007199254740993 -9007199254740993
18446744073709551615 18446744073709551616 +9223372036854775808 12345678901234567890123
1.5 -1.5 +.5 .5 .5e1 .5_0 1. 1.10 1e3 1E3 1e+3 1e-3 1e400 1e . + .e3 1.2.3 1_0.5 1.5_0 12e03 0.10
190:20:30 12:30 2001-01-01 2001-01-01T00:00:00Z 2001-1-1 1-2 = _1 x 10GiB
`;
const SCALARS = [
  ...PLAIN.trim().split(/\s+/),
  '"yes"',
  "'0123'",
  "!!str yes",
  "!!str 0123",
  "!!int 7",
  "!!float 7",
  "!!binary eWVz",
];
/** What stands for nothing is no key: helm refuses it. */
const ONLY_VALUES = ["~", "null", "Null", "NULL", "", "nULL"];

let dir: string;
beforeAll(() => void (dir = mkdtempSync(join(tmpdir(), "hw-go-yaml-"))));
afterAll(() => rmSync(dir, { recursive: true }));

/** What helm itself makes of documents: each as JSON, and `Error` in place of one that it refuses. */
async function asHelmReads(major: 3 | 4, texts: readonly string[]): Promise<Record<string, unknown>[]> {
  const template =
    '{{ range $path, $_ := .Files.Glob "reads/*" }}\n# {{ $.Files.Get $path | fromYaml | toJson }}{{ end }}\n';
  const own = join(dir, String(major));
  mkdirSync(own, { recursive: true });
  const chart = writeChart(own, { name: "reads", version: "1.0.0", values: "", templates: { "x.txt": template } });
  rmSync(join(chart, "reads"), { recursive: true, force: true });
  mkdirSync(join(chart, "reads"));
  for (const [index, text] of texts.entries())
    writeFileSync(join(chart, "reads", `${String(index).padStart(4, "0")}.yaml`), text);
  const printed = await helmRun(major, { kubeconfig: "", namespace: "x", dir: own }).run("template", chart);
  const lines = printed.split("\n").filter((line) => line.startsWith("# {"));
  return lines.map((line) => JSON.parse(line.slice(2)) as Record<string, unknown>);
}

/** Numbers of more digits than a float holds are one; helm's own JSON has them rounded. */
function rounded(value: unknown): unknown {
  return typeof value === "string" && /^-?\d{16,}$/.test(value) ? Number(value) : value;
}

test.each([3, 4] as const)("helm %i reads each plain scalar as we do, as a value and as a key", async (major) => {
  const scalars = [...SCALARS, ...ONLY_VALUES];
  const helms = await asHelmReads(major, [
    ...scalars.map((scalar) => `is: ${scalar}`),
    ...SCALARS.map((scalar) => `? ${scalar}\n: here`),
  ]);
  expect(helms).toHaveLength(scalars.length + SCALARS.length);
  const refused: string[] = [];
  for (const [index, scalar] of scalars.entries()) {
    const value = rounded(parseManifest(`is: ${scalar}`)[0]?.["is"]);
    expect([scalar, value]).toEqual([scalar, helms[index]?.["is"]]);
    if (index >= SCALARS.length) continue;
    const keys = Object.keys(helms[scalars.length + index] ?? {});
    const own = Object.keys(parseManifest(`? ${scalar}\n: here`)[0] ?? {});
    // Large floats as keys (1.8446744e+19): Kubernetes takes none with a plus.
    const isKey = !keys.includes("Error") && !keys.some((key) => key.includes("+"));
    if (keys.includes("Error")) refused.push(scalar);
    expect([scalar, own]).toEqual([scalar, isKey ? keys : own]);
  }
  // Go has no key of that type, so no release has one either.
  expect(refused).toEqual(["18446744073709551615"]);
});

test.each([3, 4] as const)("helm %i merges, aliases and lets the last of two keys win as we do", async (major) => {
  const text = "base: &b {yes: 1, off: two}\nmerged: {<<: *b, off: 3}\nplain: *b\ntwice: 1\ntwice: 2\n";
  expect(parseManifest(text)).toEqual(await asHelmReads(major, [text]));
});
