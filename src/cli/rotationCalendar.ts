import type { RotationRow } from "../core/rotation/row.ts";

const LONGEST_LINE = 75;

/**
 * An iCalendar file (RFC 5545): an event for each policy, at the time at which it starts. The UID stays the same, so
 * that a later file moves the events of an earlier one.
 */
export function formatCalendar(rows: readonly RotationRow[], now: Date): string {
  const lines = [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//helmwarden//rotation status//EN",
    "METHOD:PUBLISH",
    ...rows.flatMap((row) => eventOf(row, now)),
    "END:VCALENDAR",
  ];
  return lines.map((line) => `${fold(line)}\r\n`).join("");
}

function eventOf(row: RotationRow, now: Date): string[] {
  const { namespace, name, secret, owner, state, window, dueAt, nextAt, lastRotated, message } = row;
  const start = nextAt ?? dueAt;
  if (start === undefined) return [];
  const about = [
    `Secret: ${secret}`,
    `State: ${state}`,
    owner === undefined ? [] : `Owner: ${owner}`,
    `Last rotated: ${lastRotated?.toISOString() ?? "unknown"}`,
    `Due: ${dueAt?.toISOString() ?? "at once"}`,
    window === undefined ? [] : `Window: ${window}`,
    message ?? [],
  ].flat();
  return [
    "BEGIN:VEVENT",
    `UID:rotation.${namespace}.${name}@helmwarden`,
    `DTSTAMP:${utc(now)}`,
    `DTSTART:${utc(start)}`,
    `SUMMARY:${escape(`${state === "overdue" ? "Overdue: rotation" : "Rotation"} of ${namespace}/${name}`)}`,
    `DESCRIPTION:${escape(about.join("\n"))}`,
    "TRANSP:TRANSPARENT",
    "END:VEVENT",
  ];
}

function utc(date: Date): string {
  return date.toISOString().replaceAll(/[-:]|\.\d{3}/g, "");
}

/** A value of the type TEXT; of control characters it holds line ends alone, as `\n`. */
function escape(text: string): string {
  return text
    .replaceAll(/[\\;,]/g, String.raw`\$&`)
    .replaceAll(/\r?\n/g, String.raw`\n`)
    .replaceAll(/\p{Cc}/gu, " ");
}

/** No line is longer than 75 octets; the next one begins with a blank. No character is cut in two. */
function fold(line: string): string {
  const folded: string[] = [];
  let current = "";
  let octets = 0;
  for (const character of line) {
    const size = Buffer.byteLength(character);
    if (octets + size > LONGEST_LINE) {
      folded.push(current);
      current = " ";
      octets = 1;
    }
    current += character;
    octets += size;
  }
  return [...folded, current].join("\r\n");
}
