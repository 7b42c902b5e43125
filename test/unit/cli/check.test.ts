import * as fc from "fast-check";
import { expect, test } from "vitest";
import { checkText } from "../../../src/cli/check.ts";
import { styleFor } from "../../../src/cli/style.ts";

const plain = styleFor(false);
const line = {
  subject: "permissions in web",
  ok: false,
  message: "missing get, list secrets (Helm's storage: a Secret per revision, whose names grow with each upgrade)",
  advice: "`helmwarden rbac` prints the Roles for this configuration; apply them as an administrator.",
};

test("on a terminal a line hangs behind its verdict, and what to do stands below", () => {
  expect(checkText(line, 60, plain)).toBe(`FAIL  permissions in web: missing get, list secrets (Helm's
      storage: a Secret per revision, whose names grow with
      each upgrade)
      \`helmwarden rbac\` prints the Roles for this
      configuration; apply them as an administrator.
`);
});

test("elsewhere each is one line, whatever its length", () => {
  expect(checkText(line, undefined, plain)).toBe(`FAIL  ${line.subject}: ${line.message}. ${line.advice}\n`);
  expect(checkText({ subject: "s", ok: false, message: "It ends.", advice: "Do it." }, undefined, plain)).toBe(
    "FAIL  s: It ends. Do it.\n",
  );
  const good = { subject: "helm", ok: true, message: "4.1.4" };
  expect(checkText(good, undefined, plain)).toBe("ok    helm: 4.1.4\n");
  expect(checkText(good, 80, plain)).toBe("ok    helm: 4.1.4\n");
});

test("property: no line on a terminal is wider than it, with colours or without", () => {
  const text = fc
    .array(fc.stringMatching(/^[a-z]{1,20}$/), { minLength: 1, maxLength: 30 })
    .map((all) => all.join(" "));
  fc.assert(
    fc.property(text, text, text, fc.boolean(), (subject, message, advice, ok) => {
      const printed = checkText({ subject, message, advice, ok }, 80, plain);
      for (const one of printed.split("\n")) expect(one.length).toBeLessThanOrEqual(80);
    }),
  );
});
