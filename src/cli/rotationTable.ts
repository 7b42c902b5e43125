import type { RotationRow } from "../core/rotation/row.ts";
import type { Terminal } from "./context.ts";
import { formatCalendar } from "./rotationCalendar.ts";
import { formatCsv } from "./rotationCsv.ts";
import { plain, span } from "./statusTable.ts";
import { cut, type Style, styleFor, table, wrap } from "./style.ts";

export type RotationForm = "table" | "json" | "csv" | "ics";

/** What needs a person first, then what runs, then by when it is due. */
const ORDER = ["overdue", "refused", "unknown", "rotating", "due", "waiting", "fresh"] as const satisfies State[];
type State = RotationRow["state"];

const TONES = {
  overdue: "bad",
  refused: "bad",
  unknown: "bad",
  rotating: "warn",
  due: "warn",
  waiting: "warn",
  fresh: "good",
} as const satisfies Record<State, unknown>;

/** What is left of 80 columns beside the others. */
const WIDEST_NAME = 26;

/** The rows as one text that ends with a line end. */
export function formatRotations(
  rows: readonly RotationRow[],
  form: RotationForm,
  { color, columns }: Pick<Terminal, "color" | "columns">,
  now: Date,
): string {
  const ordered = rows.toSorted(byUrgency);
  switch (form) {
    case "table":
      return drawTable(ordered, now, columns, styleFor(color));
    case "json":
      return `${JSON.stringify({ command: "rotation status", at: now, policies: ordered }, undefined, 2)}\n`;
    case "csv":
      return formatCsv(ordered);
    case "ics":
      return formatCalendar(ordered, now);
  }
}

function byUrgency(left: RotationRow, right: RotationRow): number {
  const order = ORDER.indexOf(left.state) - ORDER.indexOf(right.state);
  return order || timeOf(left) - timeOf(right) || nameOf(left).localeCompare(nameOf(right));
}

function timeOf({ nextAt, dueAt }: RotationRow): number {
  return (nextAt ?? dueAt)?.getTime() ?? 0;
}

/** A line of columns for each policy, and below it, faint, what is too long for a column. */
function drawTable(rows: readonly RotationRow[], now: Date, columns: number, style: Style): string {
  if (rows.length === 0) return "There is no RotationPolicy.\n";
  const head = ["POLICY", "STATE", "AGE", "ROTATED", "DUE", "STARTS (UTC)"].map((word) => style("faint", word));
  const cells = rows.map((row) => [
    endOf(nameOf(row)),
    style(TONES[row.state], row.state),
    row.ageMs === undefined ? "?" : span(row.ageMs),
    row.lastRotated === undefined ? "" : dayOf(row.lastRotated),
    row.dueAt === undefined ? "" : dayOf(row.dueAt),
    row.nextAt === undefined ? "" : row.nextAt <= now ? "now" : minuteOf(row.nextAt),
  ]);
  const [first = "", ...lines] = table([head, ...cells], columns).split("\n");
  const blocks = rows.flatMap((row, index) => [lines[index] ?? "", ...below(row, columns, style)]);
  return `${[first, ...blocks].join("\n")}\n`;
}

const UNBROKEN = "\u00A0";

/** A cron expression that is broken in two reads as another one. */
function together(text: string): string {
  return text.replaceAll(" ", UNBROKEN);
}

function below({ secret, owner, window, step, message }: RotationRow, columns: number, style: Style): string[] {
  const facts = [
    secret,
    owner === undefined ? [] : `owner ${owner}`,
    window === undefined ? [] : together(`window ${window}`),
    step === undefined ? [] : `step ${step}`,
  ].flat();
  const lines = (text: string): string[] =>
    wrap(plain(text), columns - 2, "  ")
      .split("\n")
      .map((line) => style("faint", cut(line.replaceAll(UNBROKEN, " "), columns)));
  return [...lines(facts.join("; ")), ...(message === undefined ? [] : lines(message))];
}

function nameOf({ namespace, name }: RotationRow): string {
  return `${namespace}/${name}`;
}

/** The end of a name tells more than its namespace. */
function endOf(name: string): string {
  return name.length <= WIDEST_NAME ? name : `…${name.slice(1 - WIDEST_NAME)}`;
}

function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}

function minuteOf(date: Date): string {
  return date.toISOString().slice(0, 16).replace("T", " ");
}
