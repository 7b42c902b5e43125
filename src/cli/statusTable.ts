import type { StatusPage } from "../daemon/statusPage.ts";
import { outcomeWord } from "./results.ts";
import { cut, type Style, table } from "./style.ts";

export interface TableOptions {
  readonly now: Date;
  readonly style: Style;
  readonly columns: number;
  /** Lines that it may have at most; undefined: as many as it needs. */
  readonly rows: number | undefined;
}

/** The status as tables, what needs a person first. What does not fit on the screen is counted in the last line. */
export function drawStatus(page: StatusPage, { now, style, columns, rows }: TableOptions): string {
  const { waiting, running, delayed } = page.queue;
  const up = span(now.getTime() - Date.parse(page.startedAt));
  const head = `helmwarden ${plain(page.version)}, up ${up}; queue: ${waiting} waiting, ${running} running, ${delayed} delayed`;
  const stores = page.stores.map((store) => storeCells(store, style));
  const watches = page.watches.map(({ cluster, ageMs, healthy }) => [
    plain(cluster),
    healthy ? style("good", "ok") : style("bad", "silent"),
    `${span(ageMs)} ago`,
  ]);
  const above = [
    style("strong", head),
    ...section(["STORE", "STATE", "READ", "PATHS", "CALLS/MIN"], stores, columns, style),
    ...section(["CLUSTER", "WATCH", "HEARD"], watches, columns, style),
  ];
  const subjects = page.subjects.toSorted(byUrgency);
  const room = rows === undefined ? Infinity : Math.max(1, rows - above.length - 4);
  const shown = subjects.slice(0, room).map((one) => subjectCells(one, now, style));
  const rest = subjects.length - shown.length;
  return [
    ...above,
    ...section(["RELEASE OR SECRET", "OUTCOME", "REV", "AGO", "NEXT"], shown, columns, style),
    ...(rest > 0 ? [style("faint", `… and ${rest} more`)] : []),
    "",
  ].join("\n");
}

function section(head: readonly string[], rows: readonly string[][], columns: number, style: Style): string[] {
  if (rows.length === 0) return [];
  return ["", ...table([head.map((word) => style("faint", word)), ...rows], columns).split("\n")];
}

const STATE_TONES = { ok: "good", failing: "warn", suspicious: "bad", open: "bad" } as const;

function storeCells({ name, state, ageMs, paths, ...store }: StatusPage["stores"][number], style: Style): string[] {
  const { callsPerMinute: calls, budget } = store;
  return [
    plain(name),
    style(STATE_TONES[state], state),
    ageMs === undefined ? "not yet" : `${span(ageMs)} ago`,
    String(paths),
    budget === undefined ? String(calls) : `${calls} of ${budget}`,
  ];
}

const LONGEST_OUTCOME = 30;

type Row = StatusPage["subjects"][number];

function subjectCells({ subject, outcome, reason, revision, at, nextTryAt }: Row, now: Date, style: Style): string[] {
  const parts = plain(subject).split("/");
  const [kind = "", namespace = "", name = ""] = parts.slice(-3);
  const cluster = parts.slice(0, -3).join("/");
  const where = cluster === "default" || cluster === "" ? "" : `${cluster} `;
  const word = plain(outcomeWord(outcome));
  const until = nextTryAt === undefined ? undefined : Date.parse(nextTryAt) - now.getTime();
  return [
    `${kind.toLowerCase()} ${where}${namespace}/${name}`,
    style(toneOf(outcome), cut(reason === undefined ? word : `${word}: ${plain(reason)}`, LONGEST_OUTCOME)),
    revision === undefined || revision === 0 ? "" : String(revision),
    at === undefined ? "" : span(now.getTime() - Date.parse(at)),
    until === undefined ? "" : until > 0 ? `in ${span(until)}` : "now",
  ];
}

const URGENCY = ["stalled", "failed", "restored", "ineffective", "held", "drifted", "waiting"];

/** What needs a person, then what a person waits for, then the newest. */
function byUrgency(left: Row, right: Row): number {
  const rank = ({ outcome }: Row): number => URGENCY.indexOf(outcome) + 1 || URGENCY.length + 1;
  const order = rank(left) - rank(right);
  return order === 0 ? (right.at ?? "").localeCompare(left.at ?? "") : order;
}

function toneOf(outcome: string): "good" | "warn" | "bad" | "faint" {
  if (["stalled", "failed", "restored", "ineffective"].includes(outcome)) return "bad";
  if (outcome === "waiting" || outcome === "suspended") return "faint";
  return outcome === "held" || outcome === "drifted" ? "warn" : "good";
}

/** What another program says must not move our cursor. */
export function plain(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, " ");
}

/** `12 s`, `3 min`, `5 h`, `9 d`; what a wrong clock makes negative is 0. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}
