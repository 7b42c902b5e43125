import * as z from "zod";

const UNITS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
export const DURATION = /^(?=\d)(?:\d{1,6}d)?(?:\d{1,6}h)?(?:\d{1,6}m)?(?:\d{1,6}s)?(?:\d{1,6}ms)?$/;

/** `90d`, `1h30m`, `500ms` as milliseconds; undefined for anything else, a number without a unit included. */
export function parseDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|[dhms])/g)) {
    sum += Number(amount) * UNITS[unit as keyof typeof UNITS];
  }
  return sum;
}

/** A field that holds a duration between the two, and is milliseconds once parsed. */
export function duration(shortest: string, longest: string) {
  const rule = "must be a duration such as 60s, 5m or 1h30m";
  const [min = 0, max = Infinity] = [parseDuration(shortest), parseDuration(longest)];
  return z
    .string(rule)
    .regex(DURATION, rule)
    .transform((text, context) => {
      const milliseconds = parseDuration(text) ?? Number.NaN;
      if (milliseconds >= min && milliseconds <= max) return milliseconds;
      context.addIssue({ code: "custom", message: `must be between ${shortest} and ${longest}` });
      return z.NEVER;
    });
}
