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

/** What something of this size costs. */
export interface Cost {
  readonly size: number;
  readonly cost: number;
}

/**
 * By how much the cost grows faster than the size, at the worst step from one size to the next larger: 1 is linear,
 * less is better. A cost below `least`, which cannot be told from nothing, counts as that.
 */
export function worstGrowth(costs: readonly Cost[], least: number): number {
  const steps = costs.slice(1).map((to, index) => {
    const from = costs[index]!;
    const grown = Math.max(to.cost, least) / Math.max(from.cost, least);
    return grown / (to.size / from.size);
  });
  return Math.max(...steps);
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
