import { expect, test } from "vitest";
import { Sealed } from "../../../src/core/secretValue.ts";
import { overlayText } from "../../../src/helm/overlayText.ts";

test("is the same JSON, without the characters that YAML takes otherwise", () => {
  const overlay = { "k\u0085": "\u007f\u0080\u009f\u2028\u2029\ufeff\ufffe\uffff", kept: 'ä€🔑\t\n"\\ \u00a0' };
  const text = overlayText(new Sealed(overlay));
  expect(JSON.parse(text)).toEqual(overlay);
  expect(text).not.toMatch(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/);
  expect(text).toContain("ä€🔑");
  expect(text).toContain(String.raw`\u007f\u0080\u009f\u2028\u2029\ufeff\ufffe\uffff`);
});
