import type { CharacterClass, Generator } from "./policy.ts";

export type PasswordSpec = Extract<Generator, { kind: "password" }>;

/** Neither a shell, a URL, a .env file nor a template reads anything into these. */
export const SAFE_SYMBOLS = "-._~";

const LETTERS = "abcdefghijklmnopqrstuvwxyz";
const FEWEST_CHARACTERS = 10;

/** The characters of each class that a password may have, each once. */
export function charactersOf({ classes, symbols, exclude }: PasswordSpec): ReadonlyMap<CharacterClass, string[]> {
  const all = { lower: LETTERS, upper: LETTERS.toUpperCase(), digit: "0123456789", symbol: symbols } as const;
  const named = (Object.keys(all) as CharacterClass[]).filter((name) => classes[name] !== undefined);
  return new Map(named.map((name) => [name, [...new Set(all[name])].filter((one) => !exclude.includes(one))]));
}

/** Why no password can be made so; undefined: one can. */
export function passwordFault(spec: PasswordSpec): string | undefined {
  const characters = charactersOf(spec);
  const least = [...characters.keys()].reduce((sum, name) => sum + (spec.classes[name] ?? 0), 0);
  if (least > spec.length)
    return `asks for at least ${least} characters of its classes, and its length is ${spec.length}`;
  const empty = [...characters].find(([name, of]) => of.length === 0 && (spec.classes[name] ?? 0) > 0);
  if (empty !== undefined) return `asks for characters of the class ${empty[0]}, and \`exclude\` leaves none of them`;
  const different = [...characters.values()].reduce((sum, of) => sum + of.length, 0);
  if (different < FEWEST_CHARACTERS)
    return `leaves ${different} different characters, and less than ${FEWEST_CHARACTERS} are too easy to guess`;
  return undefined;
}
