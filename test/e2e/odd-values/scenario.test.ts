import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

let scenario: Scenario;
afterEach(() => scenario.close());

/** What YAML, shells, `--set` and float64 would change, each to arrive byte for byte. */
const ODD: Readonly<Record<string, string>> = {
  quotes: `${canary("q")} "double" 'single' \`back\``,
  newlines: `${canary("n")}\nsecond\r\nthird\n`,
  blanks: `  ${canary("b")}\t `,
  equals: `${canary("e")}=a=b==`,
  commas: `${canary("c")},a=1,b[0]=2,{x,y}`,
  emoji: `${canary("m")}🔑日本\u202E\uFEFF`,
  backslashes: `${canary("s")}\\n\\u0041\\.`,
  dollars: `${canary("d")}$HOME $(id) \${x} %s`,
  braces: `${canary("r")}{ { }} }`,
  yes: "yes",
  off: "off",
  tilde: "~",
  exponent: "1e3",
  octal: "0123",
  hex: "0x1F",
  sexagesimal: "12:34:56",
  infinity: ".inf",
  date: "2026-11-23",
  digits: "12345678901234567890",
  decimal: "1.10",
  anchor: "&a *b !c |d >e",
  comment: "#comment: [not, a, list]",
  document: "---\nkind: Pod",
  long: `${canary("l")}${"x".repeat(65_536)}`,
  json: `{"a": "${canary("j")}", "b": null}`,
};

test.each([3, 4] as const)("helm %i: values arrive byte for byte, whatever they look like", async (helm) => {
  scenario = await openScenario(import.meta.dirname, { helm });
  const mappings = Object.keys(ODD).map(
    (key) => `    - path: secrets.${key}\n      from: { store: vault, path: __NAMESPACE__/odd, key: ${key} }\n`,
  );
  scenario.configure(scenario.config() + mappings.join(""));
  const odd = await scenario.install("odd", "map", { secrets: { kept: "as-it-is" } });
  await scenario.vault.put("odd", ODD);
  expect(await scenario.sync()).toMatchObject({ kind: "changed", revision: 2 });
  expect(await odd.values()).toEqual({ secrets: { ...ODD, kept: "as-it-is" } });
  expect(await scenario.secret("odd")).toEqual({ ...ODD, kept: "as-it-is" });
  expect(await scenario.sync()).toEqual({ kind: "inSync" });
});
