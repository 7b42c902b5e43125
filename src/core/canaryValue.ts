import { isJsonObject, type Json } from "./json.ts";

/** Fewer letters and digits than this cannot be told from text that is there by chance. */
const ENOUGH = 12;

/** Random bytes, given in so that the core stays pure. */
export type RandomBytes = (length: number) => Uint8Array;

/**
 * A stand-in for a wanted value, to be followed through a render: of the same length and kind of characters, so
 * that schemas and parsers take it, or, where the value is too short to be traced, a longer word of its own.
 * `sameShape` keeps the shape even of a short value, for charts that refuse the longer word.
 */
export function canaryFor(wanted: Json, random: RandomBytes, sameShape: boolean): Json {
  if (typeof wanted === "string") return canaryText(wanted, random, sameShape);
  if (typeof wanted === "number") return canaryNumber(wanted, random);
  if (typeof wanted === "boolean" || wanted === null) return wanted;
  if (Array.isArray(wanted)) return wanted.map((item) => canaryFor(item, random, sameShape));
  return Object.fromEntries(Object.entries(wanted).map(([key, item]) => [key, canaryFor(item, random, sameShape)]));
}

/** The texts to look for in a render that was made with this canary. */
export function canaryNeedles(canary: Json): string[] {
  if (typeof canary === "string") return [canary];
  if (typeof canary === "number") return [String(canary)];
  if (Array.isArray(canary)) return canary.flatMap(canaryNeedles);
  return isJsonObject(canary) ? Object.values(canary).flatMap(canaryNeedles) : [];
}

function canaryText(wanted: string, random: RandomBytes, sameShape: boolean): string {
  const traceable = wanted.replaceAll(/[^A-Za-z0-9]/g, "").length >= ENOUGH;
  const shape = traceable || sameShape ? wanted : `hw${"x".repeat(ENOUGH + 2)}`;
  const bytes = random(shape.length);
  return shape.replaceAll(/[A-Za-z0-9]/g, (character, index: number) => standIn(character, bytes[index] ?? 0));
}

function standIn(character: string, byte: number): string {
  if (/[0-9]/.test(character)) return String(byte % 10);
  if (/[a-z]/.test(character)) return String.fromCodePoint(97 + (byte % 26));
  return String.fromCodePoint(65 + (byte % 26));
}

/** Six digits: from seven on, templates print a float64 as 1.234567e+06. */
function canaryNumber(wanted: number, random: RandomBytes): number {
  const digits = [...random(6)].map((byte) => byte % 9);
  return Math.sign(wanted || 1) * Number(`1${digits.join("")}`.slice(0, 6));
}
