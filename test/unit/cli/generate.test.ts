import { createPublicKey, sign, verify } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { CommandContext } from "../../../src/cli/context.ts";
import { runProgram } from "../../../src/cli/program.ts";

async function generate(line: string, rows?: number): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const context: CommandContext = {
    signal: new AbortController().signal,
    surroundings: { environment: {}, cacheFolder: "/nonexistent", namespace: "helmwarden" },
    terminal: {
      out: (text) => (out += text),
      err: (text) => (err += text),
      color: false,
      interactive: false,
      columns: 80,
      rows,
    },
  };
  const code = await runProgram(["generate", ...line.split(" ").filter((word) => word !== "")], context);
  return { code, out, err };
}

describe("prints one value", () => {
  test.each([
    ["hex", /^[0-9a-f]{64}$/],
    ["hex --bytes 16", /^[0-9a-f]{32}$/],
    ["base64 --bytes 24", /^[A-Za-z0-9+/]{32}$/],
    ["base64url", /^[\w-]{43}$/],
    ["password", /^[A-Za-z0-9]{32}$/],
    ["password --length 12 --classes digit=3,symbol=2 --symbols #+ --exclude 01", /^[2-9][2-9#+]{11}$/],
    ["uuid", /^[0-9a-f-]{36}$/],
    ["jwtSecret --algorithm HS384", /^[\w-]{64}$/],
    ["template hw_${id}.${key|upper} --part id=uuid --part key=hex", /^hw_[0-9a-f-]{36}\.[0-9A-F]{64}$/],
  ])("generate %s", async (line, shape) => {
    const [piped, again, shown] = [await generate(line), await generate(line), await generate(line, 24)];
    expect(piped).toEqual({ code: 0, out: expect.stringMatching(shape) as string, err: "" });
    expect(again.out).not.toBe(piped.out);
    expect(shown.out).toMatch(/[^\n]\n$/);
    expect(shown.out.slice(0, -1)).toMatch(shape);
  });

  test("a key pair, its public part last", async () => {
    const { out } = await generate("ed25519", 24);
    expect(out.match(/^-----BEGIN [A-Z ]+-----$/gm)).toEqual([
      "-----BEGIN PRIVATE KEY-----",
      "-----BEGIN PUBLIC KEY-----",
    ]);
    expect(out.endsWith("-----END PUBLIC KEY-----\n")).toBe(true);
    const publicKey = out.slice(out.indexOf("-----BEGIN PUBLIC"));
    const message = Buffer.from("m");
    expect(verify(null, message, publicKey, sign(null, message, out))).toBe(true);
    const jwk = await generate("ed25519 --format jwk");
    const [own, others] = jwk.out.split("\n").map((line) => JSON.parse(line) as Record<string, string>);
    expect(own!["kid"]).toBe(others!["kid"]);
    expect(createPublicKey({ key: others!, format: "jwk" }).asymmetricKeyType).toBe("ed25519");
  });

  test("WordPress' salts, a line each", async () => {
    const { out } = await generate("wordpressSalts");
    const lines = out.split("\n");
    expect(lines).toHaveLength(8);
    for (const line of lines) expect(line).toMatch(/^(SECURE_)?(AUTH|LOGGED_IN|NONCE)_(KEY|SALT)=\S{64}$/);
  });
});

describe("what cannot be made is wrong usage, and says which option", () => {
  test.each([
    ["hex --bytes 8", "--bytes must be at least 16. See helmwarden generate hex --help."],
    ["hex --bytes x", "It must be a whole number."],
    [
      "password --length 8 --classes digit=9",
      "The kind password asks for at least 9 characters of its classes, and its length is 8.",
    ],
    ["password --classes digits", "It must be a list such as lower=1,digit=2,symbol."],
    ["password --symbols #", "--symbols has no effect, as `classes` does not name `symbol`."],
    ["rsa --bits 1024", "--bits must be 2048, 3072 or 4096."],
    ["ed25519 --format der", "--format must be pem or jwk."],
    ["jwtSecret --algorithm none", "--algorithm must be HS256 or HS384 or HS512."],
    ["template a", "The text is not a template: it has no part"],
    ["template ${a} --part a=rsa", "--part a must be exactly one of hex, base64,"],
    ["template ${a}", "The text uses the part a, which `parts` does not give."],
    ["template ${a} --part a", "It must be NAME=KIND, such as key=hex."],
    ["md5", "unknown command 'md5'"],
  ])("generate %s", async (line, message) => {
    const { code, out, err } = await generate(line);
    expect({ code, out }).toEqual({ code: 64, out: "" });
    expect(err).toContain(message);
  });
});

test("the help shows every kind, and how to keep a value off the screen", async () => {
  const { code, out } = await generate("--help");
  expect(code).toBe(0);
  for (const kind of [
    "hex",
    "base64",
    "base64url",
    "password",
    "uuid",
    "jwtSecret",
    "rsa",
    "ed25519",
    "wordpressSalts",
    "template",
  ])
    expect(out).toMatch(new RegExp(`^  ${kind} `, "m"));
  expect(out).toContain("| vault kv put");
  expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
});
