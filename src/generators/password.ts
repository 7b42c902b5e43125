import { randomBytes, randomInt } from "node:crypto";
import { charactersOf, passwordFault, type PasswordSpec } from "../core/rotation/password.ts";
import { HelmwardenError } from "../errors.ts";

interface CharacterSet {
  readonly characters: readonly string[];
  readonly least: number;
}

/**
 * Of all passwords that have the length and enough of each class, each is equally probable; but none begins with a
 * symbol that could begin otherwise, as it may look like an option. ConfigInvalid where there is none.
 */
export function makePassword(spec: PasswordSpec): string {
  const fault = passwordFault(spec);
  if (fault !== undefined) throw new HelmwardenError("ConfigInvalid", `\`generate.password\` ${fault}: change it.`);
  const sets = [...charactersOf(spec)].map(([name, characters]) => ({
    name,
    characters,
    least: spec.classes[name] ?? 0,
  }));
  const symbols = sets.find(({ name }) => name === "symbol");
  const others = sets.some(({ name, characters }) => name !== "symbol" && characters.length > 0);
  const mayBegin = !others || (symbols?.least ?? 0) >= spec.length ? undefined : symbols?.characters;
  for (;;) {
    const password = drawPassword(sets, spec.length);
    if (mayBegin?.includes(password[0] ?? "") !== true) return password;
  }
}

/** How many characters come from each class, then where they stand, then which they are. */
function drawPassword(sets: readonly CharacterSet[], length: number): string {
  const places = drawCounts(sets, length).flatMap((count, index) => Array<number>(count).fill(index));
  for (let last = places.length - 1; last > 0; last -= 1) {
    const other = randomInt(last + 1);
    [places[last], places[other]] = [places[other] ?? 0, places[last] ?? 0];
  }
  return places
    .map((index) => {
      const characters = sets[index]?.characters ?? [];
      return characters[randomInt(characters.length)];
    })
    .join("");
}

/**
 * Draws the counts of the classes, each combination as often as there are passwords with it. (Drawing passwords until
 * one has enough of each class gives the same, but need not end in anybody's lifetime.)
 */
function drawCounts(sets: readonly CharacterSet[], length: number): number[] {
  const known = new Map<number, bigint>();
  /** How many of the passwords of the classes from `index` on have that length. */
  const passwords = (index: number, left: number): bigint => {
    const id = index * (length + 1) + left;
    const sum = known.get(id) ?? withCounts(index, left).reduce((total, one) => total + one.passwords, 0n);
    known.set(id, sum);
    return sum;
  };
  const withCounts = (index: number, left: number): { readonly count: number; readonly passwords: bigint }[] => {
    const set = sets[index];
    if (set === undefined) return left === 0 ? [{ count: 0, passwords: 1n }] : [];
    const size = BigInt(set.characters.length);
    let arrangements = 1n;
    return Array.from({ length: left + 1 }, (_, count) => {
      if (count > 0) arrangements = (arrangements * BigInt(left - count + 1)) / BigInt(count);
      const isEnough = count >= set.least;
      return {
        count,
        passwords: isEnough ? arrangements * size ** BigInt(count) * passwords(index + 1, left - count) : 0n,
      };
    });
  };
  let left = length;
  return sets.map((_, index) => {
    let drawn = randomBelow(passwords(index, left));
    const chosen = withCounts(index, left).find((one) => {
      if (drawn < one.passwords) return true;
      drawn -= one.passwords;
      return false;
    });
    left -= chosen?.count ?? 0;
    return chosen?.count ?? 0;
  });
}

/** Each number from 0 to `bound` - 1 is equally probable: what is too large is drawn again. */
function randomBelow(bound: bigint): bigint {
  const bits = (bound - 1n).toString(2).length;
  for (;;) {
    const bytes = randomBytes(Math.ceil(bits / 8)).toString("hex");
    const drawn = BigInt(`0x${bytes}`) >> BigInt(Math.ceil(bits / 8) * 8 - bits);
    if (drawn < bound) return drawn;
  }
}
