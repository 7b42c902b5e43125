// What a benchmark says: a figure and its goal, and the arithmetic behind it.

export interface Figure {
  readonly name: string;
  readonly value: string;
  /** In words; a figure without one is only told. */
  readonly goal?: string;
  readonly met: boolean;
}

/** "name: value (goal …)". */
export function formatFigure({ name, value, goal, met }: Figure): string {
  const end = goal === undefined ? "" : ` (goal ${goal}${met ? "" : ", MISSED"})`;
  return `${name}: ${value}${end}`;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 0 ? (sorted[middle - 1]! + sorted[middle]!) / 2 : sorted[Math.floor(middle)]!;
}

/** How long it took, in milliseconds of the wall clock. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

export interface Pairs {
  readonly ours: number;
  readonly theirs: number;
  /** Median of the quotients: each pair ran under the same load. */
  readonly times: number;
}

/** Runs both `count` times in alternation, each first every other time; medians. The first pair is not counted. */
export async function inPairs(
  count: number,
  ours: () => Promise<number>,
  theirs: () => Promise<number>,
): Promise<Pairs> {
  const pairs: { ours: number; theirs: number }[] = [];
  for (let round = 0; round <= count; round += 1) {
    const theirsFirst = round % 2 === 0 ? await theirs() : undefined;
    const own = await ours();
    const pair = { ours: own, theirs: theirsFirst ?? (await theirs()) };
    if (round > 0) pairs.push(pair);
  }
  return {
    ours: median(pairs.map((pair) => pair.ours)),
    theirs: median(pairs.map((pair) => pair.theirs)),
    times: median(pairs.map((pair) => pair.ours / pair.theirs)),
  };
}

/** A figure "at most so many times as long as". */
export function timesFigure(name: string, pairs: Pairs, most: number): Figure {
  const { ours, theirs, times } = pairs;
  return {
    name,
    value: `${times.toFixed(2)} times (${ours.toFixed(0)} ms against ${theirs.toFixed(0)} ms)`,
    goal: `at most ${most} times`,
    met: times <= most,
  };
}

/** A figure "less than so many milliseconds". */
export function timeFigure(name: string, ms: number, most: number, more = ""): Figure {
  return { name, value: `${ms.toFixed(0)} ms${more}`, goal: `less than ${most.toFixed(0)} ms`, met: ms < most };
}
