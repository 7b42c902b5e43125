import * as z from "zod";
import { type PasswordSpec, passwordFault, SAFE_SYMBOLS } from "../core/rotation/password.ts";
import type { CharacterClass, Generator } from "../core/rotation/policy.ts";
import { template } from "./fields.ts";
import { checkParts, PART_NAME } from "./valueSource.ts";

const bytes = () => z.int().min(16).max(1024).default(32).describe("Random bytes, before they are encoded.");
const atLeast = (what: string) => z.int().min(0).max(1024).optional().describe(`${what}: at least so many.`);
const publicKey = () =>
  z
    .string()
    .min(1)
    .max(253)
    .optional()
    .describe(
      "Key at the same path that takes the public part. Without it, it is kept nowhere: the private part gives it.",
    );
const format = () => z.enum(["pem", "jwk"]).default("pem").describe("PEM (PKCS #8, SPKI), or JWK with a `kid`.");

const DEFAULT_CLASSES = { lower: 1, upper: 1, digit: 1 };

const password = z
  .strictObject({
    length: z.int().min(8).max(256).default(32).describe("Characters."),
    classes: z
      .strictObject({
        lower: atLeast("`a` to `z`"),
        upper: atLeast("`A` to `Z`"),
        digit: atLeast("`0` to `9`"),
        symbol: atLeast("Characters of `symbols`"),
      })
      .optional()
      .describe(
        "How many of each class at least; a class that is left out does not occur. Default: 1 of each but `symbol`.",
      ),
    symbols: z
      .string()
      .max(31)
      .regex(
        /^[!-/:-@[-`|}~]+$/,
        "must be ASCII symbols, without `{`: two of them would begin a template in many charts",
      )
      .optional()
      .describe(
        `The characters of the class \`symbol\`. Default: \`${SAFE_SYMBOLS}\`, which are safe in a URL and in a shell.`,
      ),
    exclude: z.string().max(100).optional().describe("Characters that do not occur, of whatever class: `0O1lI`."),
  })
  .superRefine((given, context) => {
    if (given.symbols !== undefined && given.classes?.symbol === undefined) {
      const message = "has no effect, as `classes` does not name `symbol`";
      context.addIssue({ code: "custom", path: ["symbols"], message });
    }
    const fault = passwordFault(passwordOf(given));
    if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
  });

const TEXTS = [
  z.strictObject({ hex: z.strictObject({ bytes: bytes() }).describe("Hexadecimal digits.") }),
  z.strictObject({ base64: z.strictObject({ bytes: bytes() }).describe("base64, with padding.") }),
  z.strictObject({ base64url: z.strictObject({ bytes: bytes() }).describe("base64url, without padding.") }),
  z.strictObject({ password: password.describe("A password; every one that fits is equally probable.") }),
  z.strictObject({ uuid: z.strictObject({}).describe("A random UUID (version 4).") }),
  z.strictObject({
    jwtSecret: z
      .strictObject({
        algorithm: z.enum(["HS256", "HS384", "HS512"]).default("HS256").describe("Says how long: 32, 48 or 64 bytes."),
      })
      .describe("A shared key for JSON Web Tokens, as base64url."),
  }),
] as const;

const part = z.union(TEXTS, "must be exactly one of hex, base64, base64url, password, uuid and jwtSecret");

/** Exactly one way to make a new value. */
export const generator = z.union(
  [
    ...TEXTS,
    z.strictObject({
      rsa: z
        .strictObject({
          bits: z.literal([2048, 3072, 4096], "must be 2048, 3072 or 4096").default(3072).describe("Size."),
          format: format(),
          publicKey: publicKey(),
        })
        .describe("An RSA key pair; the value is its private part."),
    }),
    z.strictObject({
      ed25519: z
        .strictObject({ format: format(), publicKey: publicKey() })
        .describe("An Ed25519 key pair; the value is its private part."),
    }),
    z.strictObject({
      wordpressSalts: z
        .strictObject({})
        .describe(
          "WordPress' eight keys and salts at one path, of which the secret's own key is one. It logs everybody out.",
        ),
    }),
    z.strictObject({
      template: z
        .strictObject({
          text: template().describe("Text with parts, as of a [mapping](#releasesync-specvalues)."),
          parts: z.record(z.string().regex(PART_NAME), part).describe("What makes each part, by its name."),
        })
        .superRefine(({ text, parts }, context) => {
          checkParts(text, parts, { template: ["text"], parts: ["parts"] }, context);
        })
        .describe("Several generated parts in one text."),
    }),
  ],
  "must be exactly one of hex, base64, base64url, password, uuid, jwtSecret, rsa, ed25519, wordpressSalts and template",
);

type GeneratorFields = z.output<typeof generator>;

export const DEFAULT_GENERATOR: z.input<typeof generator> = { password: {} };

/** What `generator` parsed, as the program works with it. */
export function generatorOf(given: GeneratorFields): Generator {
  if ("hex" in given) return { kind: "hex", ...given.hex };
  if ("base64" in given) return { kind: "base64", ...given.base64 };
  if ("base64url" in given) return { kind: "base64url", ...given.base64url };
  if ("password" in given) return passwordOf(given.password);
  if ("uuid" in given) return { kind: "uuid" };
  if ("jwtSecret" in given) return { kind: "jwtSecret", ...given.jwtSecret };
  if ("rsa" in given) return { kind: "rsa", ...given.rsa, publicKey: given.rsa.publicKey };
  if ("ed25519" in given) return { kind: "ed25519", ...given.ed25519, publicKey: given.ed25519.publicKey };
  if ("wordpressSalts" in given) return { kind: "wordpressSalts" };
  const parts = Object.entries(given.template.parts).map(([name, one]) => [name, generatorOf(one)] as const);
  return { kind: "template", template: given.template.text, parts: new Map(parts) };
}

interface PasswordFields {
  readonly length: number;
  readonly classes?: Readonly<Partial<Record<CharacterClass, number | undefined>>> | undefined;
  readonly symbols?: string | undefined;
  readonly exclude?: string | undefined;
}

function passwordOf({ length, classes, symbols, exclude }: PasswordFields): PasswordSpec {
  const named = Object.entries(classes ?? DEFAULT_CLASSES).filter(([, least]) => least !== undefined);
  return {
    kind: "password",
    length,
    classes: Object.fromEntries(named) as PasswordSpec["classes"],
    symbols: symbols ?? SAFE_SYMBOLS,
    exclude: exclude ?? "",
  };
}
