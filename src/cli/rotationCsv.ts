import type { RotationRow } from "../core/rotation/row.ts";

const COLUMNS: readonly (readonly [name: string, value: (row: RotationRow) => string | undefined])[] = [
  ["namespace", ({ namespace }) => namespace],
  ["name", ({ name }) => name],
  ["secret", ({ secret }) => secret],
  ["owner", ({ owner }) => owner],
  ["state", ({ state }) => state],
  ["age_days", ({ ageMs }) => (ageMs === undefined ? undefined : String(Math.floor(ageMs / 86_400_000)))],
  ["last_rotated", ({ lastRotated }) => lastRotated?.toISOString()],
  ["due", ({ dueAt }) => dueAt?.toISOString()],
  ["starts", ({ nextAt }) => nextAt?.toISOString()],
  ["window", ({ window }) => window],
  ["step", ({ step }) => step],
  ["message", ({ message }) => message],
];

/** RFC 4180, with a header. A cell that a spreadsheet would take for a formula begins with an apostrophe. */
export function formatCsv(rows: readonly RotationRow[]): string {
  const lines = [COLUMNS.map(([name]) => name), ...rows.map((row) => COLUMNS.map(([, value]) => value(row) ?? ""))];
  return lines.map((cells) => `${cells.map(cellOf).join(",")}\r\n`).join("");
}

/** OWASP's list of what begins a formula; spaces before it do not help. */
function cellOf(text: string): string {
  const safe = /^\s*[=+\-@\t\r\n|%]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
