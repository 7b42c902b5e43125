import { isNode, isScalar, type Pair, type Scalar, type YAMLMap } from "yaml";

type Ranged = Scalar & { range: [number, number, number] };

/** `key: value`, both written out as scalars. */
export interface StrictPair extends Pair {
  key: Ranged;
  value: Ranged;
}

interface Cut {
  readonly from: number;
  readonly to: number;
  readonly instead: string;
}

export function isStrictPair(pair: Pair): pair is StrictPair {
  return [pair.key, pair.value].every((node) => isScalar(node) && Array.isArray(node.range));
}

/** The text without these pairs. A map of which nothing is left becomes `{}`; the outermost one, nothing. */
export function cutOut(text: string, pairs: ReadonlyMap<YAMLMap, ReadonlySet<Pair>>, root: unknown): string {
  const cuts = [...pairs].flatMap(([map, gone]) => {
    if (map !== root && gone.size === map.items.length) return emptied(text, map);
    return map.items.flatMap((pair, at) => {
      if (!gone.has(pair)) return [];
      return map.flow === true ? flowCut(map.items, at) : blockCut(text, map.items, gone, at);
    });
  });
  return joined(cuts).reduceRight(
    (rest, { from, to, instead }) => rest.slice(0, from) + instead + rest.slice(to),
    text,
  );
}

/** Neighbours in a flow map share the comma between them. */
function joined(cuts: readonly Cut[]): Cut[] {
  const all: Cut[] = [];
  for (const cut of cuts.toSorted((left, right) => left.from - right.from)) {
    const last = all.at(-1);
    if (last === undefined || cut.from >= last.to) all.push(cut);
    else all.splice(-1, 1, { ...last, to: Math.max(last.to, cut.to), instead: last.instead + cut.instead });
  }
  return all;
}

function emptied(text: string, map: YAMLMap): Cut[] {
  const [first, ...others] = map.items;
  if (first === undefined) return [];
  if (map.flow === true) return [{ from: map.range?.[0] ?? 0, to: map.range?.[1] ?? 0, instead: "{}" }];
  // A text over several lines (`|`) ends behind its last one.
  const [from, to] = [startOf(first), endOf(first)];
  return [{ from, to, instead: text[to - 1] === "\n" ? "{}\n" : "{}" }, ...others.map((pair) => lineCut(text, pair))];
}

function flowCut(items: readonly Pair[], at: number): Cut[] {
  const [pair, next, before] = [items[at], items[at + 1], items[at - 1]];
  if (pair === undefined) return [];
  if (next !== undefined) return [{ from: startOf(pair), to: startOf(next), instead: "" }];
  return [{ from: before === undefined ? startOf(pair) : endOf(before), to: endOf(pair), instead: "" }];
}

function blockCut(text: string, items: readonly Pair[], gone: ReadonlySet<Pair>, at: number): Cut[] {
  const pair = items[at];
  if (pair === undefined) return [];
  const isAlone = text.slice(lineStart(text, startOf(pair)), startOf(pair)).trim() === "";
  if (isAlone) return [lineCut(text, pair)];
  // Behind the dash of a list's item: the next one that stays takes its place.
  const next = items.slice(at + 1).find((one) => !gone.has(one));
  return next === undefined ? [] : [{ from: startOf(pair), to: startOf(next), instead: "" }];
}

/** Whole lines; a comment at the end stays as a line of its own. */
function lineCut(text: string, pair: Pair): Cut {
  const [from, end] = [lineStart(text, startOf(pair)), endOf(pair)];
  if (text[end - 1] === "\n") return { from, to: end, instead: "" };
  const newline = text.indexOf("\n", end);
  const to = newline === -1 ? text.length : newline + 1;
  const comment = text.indexOf("#", end);
  const hasComment = comment !== -1 && comment < to;
  return hasComment ? { from: startOf(pair), to: comment, instead: "" } : { from, to, instead: "" };
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf("\n", offset - 1) + 1;
}

function startOf({ key }: Pair): number {
  return isNode(key) ? (key.range?.[0] ?? 0) : 0;
}

function endOf({ key, value }: Pair): number {
  const last = isNode(value) ? value : key;
  return isNode(last) ? (last.range?.[1] ?? 0) : 0;
}
