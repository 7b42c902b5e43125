import { expect, test } from "vitest";
import { SecretValue } from "../../../src/core/secretValue.ts";
import { scramVerifier } from "../../../src/targets/scramVerifier.ts";

const of = (password: string, salt?: Buffer): string | undefined => scramVerifier(SecretValue.fromText(password), salt);

test("it is what RFC 7677's example stores", () => {
  const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
  expect(of("pencil", salt)).toBe(
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
  );
});

test("each has a salt of its own, and none holds the password or ends the literal that it stands in", () => {
  const [one, other] = [of("it's $100"), of("it's $100")];
  expect(one).toMatch(/^SCRAM-SHA-256\$4096:[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$/);
  expect(one).not.toBe(other);
});

test.each([
  ["empty", ""],
  ["NUL", "a\0b"],
  ["no-break space", "a\u00A0b"],
  ["ideographic space", "a\u3000b"],
  ["soft hyphen", "a\u00ADb"],
  ["zero-width joiner", "a\u200Db"],
  ["variation selector", "a\uFE0Fb"],
  ["ligature", "a\uFB01b"],
  ["decomposed", "e\u0301"],
])("%s: clients would not agree on it", (_, password) => {
  expect(of(password)).toBeUndefined();
});

test("bytes that are no text are refused; signs, blanks and composed letters are not", () => {
  expect(scramVerifier(SecretValue.fromBytes(Buffer.from([0xff, 0xfe])))).toBeUndefined();
  for (const fine of ["a b", "é漢😀", `'"\\\`$`, " "]) expect(of(fine)).toBeDefined();
});
