import { Buffer } from "node:buffer";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SecretValue } from "../../../src/core/secretValue.ts";
import { parseTemplate, renderTemplate, type Template } from "../../../src/core/template.ts";
import { canary } from "../../support/canary.ts";

const texts = fc.string({ unit: fc.constantFrom(...Array.from("aZ0%/@: '()!*~-._ö🔑{}$|\n\\")) });

function render(text: string, parts: Record<string, string | Uint8Array>): SecretValue {
  const template = parseTemplate(text);
  if ("error" in template) throw new Error(template.error);
  const values = Object.entries(parts).map(
    ([name, value]) =>
      [name, typeof value === "string" ? SecretValue.fromText(value) : SecretValue.fromBytes(value)] as const,
  );
  return renderTemplate(template, new Map(values));
}

describe("renderTemplate", () => {
  const password = `${canary("template")} p@ss/w"ö\n`;
  test.each([
    ["postgres://app:${p|urlencode}@db:5432/app", `postgres://app:${encodeURIComponent(password)}@db:5432/app`],
    ["${p}${p}", password + password],
    ["${p|base64}", Buffer.from(password).toString("base64")],
    ["${ p | base64url }", Buffer.from(password).toString("base64url")],
    ['{"pw":"${p|json}"}', JSON.stringify({ pw: password })],
    ["${p|trim|upper}", password.trim().toUpperCase()],
    ["${p|lower}", password.toLowerCase()],
    ["$${p} ${p}", `\${p} ${password}`],
    ["$$${p}", `$${password}`],
    ["$$$${p} ${p}", `$\${p} ${password}`],
    ["$5 a$$b } { ${p}", `$5 a$$b } { ${password}`],
  ])("%s", (text, expected) => {
    expect(render(text, { p: password }).reveal()).toBe(expected);
  });

  test("urlencode keeps only unreserved characters and gives every text back", () => {
    fc.assert(
      fc.property(texts, (text) => {
        const encoded = render("${p|urlencode}", { p: text }).reveal();
        expect(encoded).toMatch(/^(?:[A-Za-z0-9\-._~]|%[0-9A-F]{2})*$/);
        expect(decodeURIComponent(encoded)).toBe(text);
      }),
    );
  });

  test("parts are put in as they are: what looks like a part in a value is not one", () => {
    expect(render("${a}-${b}", { a: "${b}", b: "$&" }).reveal()).toBe("${b}-$&");
  });

  test("bytes that are not UTF-8 stay so, and can be encoded", () => {
    const bytes = Uint8Array.of(0xff, 0x00, 0x41);
    expect(render("x${p|trim|json}", { p: bytes }).isText).toBe(false);
    expect(render("${p|base64}", { p: bytes }).reveal()).toBe("/wBB");
    expect(render("${p|urlencode}", { p: bytes }).reveal()).toBe("%FF%00A");
  });

  test("a part that was not given is a bug of ours", () => {
    const template = parseTemplate("${p}") as Template;
    expect(() => renderTemplate(template, new Map())).toThrow(expect.objectContaining({ code: "Internal" }));
  });
});

describe("parseTemplate", () => {
  test("names are listed once", () => {
    expect(parseTemplate("${a}${b|lower}${a}")).toMatchObject({ names: ["a", "b"] });
  });

  test.each([
    ["plain", "no part"],
    ["$${a}", "no part"],
    ["a ${b", "character 3 has no closing brace"],
    ["${}", "character 1 needs a name"],
    ["${1a}", "needs a name"],
    ["${a-b}", "needs a name"],
    ["${a|}", "unknown filter"],
    ["${a|sha256}", "unknown filter; there are urlencode, base64, base64url, json, lower, upper, trim"],
    ["${a|toString}", "unknown filter"],
    ["${a${b}}", "needs a name"],
  ])("refuses %j", (text, error) => {
    expect(parseTemplate(text)).toEqual({ error: expect.stringContaining(error) as string });
  });

  test("text without dollars comes out as it went in", () => {
    fc.assert(
      fc.property(texts, texts, (before, value) => {
        const text = before.replaceAll("$", "");
        expect(render(`${text}\${p}`, { p: value }).reveal()).toBe(Buffer.from(text + value).toString());
      }),
    );
  });
});
