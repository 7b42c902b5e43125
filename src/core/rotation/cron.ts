import { Cron } from "croner";

/** Five fields, and none that depends on when it is read (`?`) or that few other programs know. */
const FIVE_FIELDS = /^[\dA-Za-z*,/#-]+(?: +[\dA-Za-z*,/#-]+){4}$/;
/** Judged from here on, so that it does not depend on today; the four years from it hold a leap day. */
const REFERENCE = new Date("2024-01-01T00:00:00Z");
const JUDGED_UNTIL = new Date("2036-12-31T00:00:00Z");
const JUDGED_TIMES = 200;

/** Between `from` (inclusive) and `until` (exclusive) nothing happens but at `until`. */
interface Gap {
  from: number;
  readonly until: number;
}

interface Parsed {
  readonly cron: Cron;
  /** By `until`. What was asked once answers every later question about the same stretch of time. */
  readonly gaps: Gap[];
}

/** Bounds of what is remembered; beyond them it is forgotten, and found again. */
const MOST_PARSED = 1_000;
const MOST_GAPS = 1_000;
const parsedByText = new Map<string, Parsed>();

/**
 * The first time after `after` that the expression means in the time zone; undefined: there is none. A time that the
 * clocks skip in spring is the first one after it, and one that comes twice in autumn is its first.
 */
export function nextTime(cron: string, timezone: string, after: Date): Date | undefined {
  const parsed = parse(cron, timezone);
  const at = after.getTime();
  const index = firstEndingAfter(parsed.gaps, at);
  const gap = parsed.gaps[index];
  if (gap !== undefined && gap.from <= at) return new Date(gap.until);
  const next = parsed.cron.nextRun(after)?.getTime();
  if (next === undefined) return undefined;
  if (gap?.until === next) gap.from = at;
  else parsed.gaps.splice(index, 0, { from: at, until: next });
  if (parsed.gaps.length > MOST_GAPS) parsed.gaps.length = 0;
  return new Date(next);
}

/** Why it is no cron expression that we take; undefined: it is one. */
export function cronFault(cron: string): string | undefined {
  const rule = "must be five fields: minute, hour, day of month, month, day of week, as in `0 2 * * 6`";
  if (!FIVE_FIELDS.test(cron)) return rule;
  try {
    return nextTime(cron, "UTC", REFERENCE) === undefined ? "means a day that no calendar has" : undefined;
  } catch {
    return rule;
  }
}

export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

/** The shortest and the longest time, in milliseconds, between two times of a valid expression. */
export function spacingOf(cron: string, timezone: string): { readonly shortest: number; readonly longest: number } {
  let before = nextTime(cron, timezone, REFERENCE);
  let [shortest, longest] = [Infinity, 0];
  for (let count = 0; count < JUDGED_TIMES && before !== undefined; count += 1) {
    const next = nextTime(cron, timezone, before);
    if (next === undefined || next > JUDGED_UNTIL) break;
    shortest = Math.min(shortest, next.getTime() - before.getTime());
    longest = Math.max(longest, next.getTime() - before.getTime());
    before = next;
  }
  return { shortest, longest };
}

function parse(cron: string, timezone: string): Parsed {
  const text = `${timezone} ${cron}`;
  const known = parsedByText.get(text);
  if (known !== undefined) return known;
  const parsed = { cron: new Cron(cron, { timezone, mode: "5-part", paused: true }), gaps: [] };
  if (parsedByText.size >= MOST_PARSED) parsedByText.clear();
  parsedByText.set(text, parsed);
  return parsed;
}

function firstEndingAfter(gaps: readonly Gap[], at: number): number {
  let [low, high] = [0, gaps.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((gaps[middle]?.until ?? Infinity) > at) high = middle;
    else low = middle + 1;
  }
  return low;
}
