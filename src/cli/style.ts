import { stripVTControlCharacters, styleText } from "node:util";

type Tone = "good" | "bad" | "warn" | "faint" | "strong";

export type Style = (tone: Tone, text: string) => string;

/** Colours where the terminal takes them; plain text otherwise. */
export function styleFor(color: boolean): Style {
  if (!color) return (_, text) => text;
  return (tone, text) => styleText(FORMATS[tone], text, { validateStream: false });
}

const FORMATS = { good: "green", bad: "red", warn: "yellow", faint: "dim", strong: "bold" } as const;

/** Words of `text` in lines of at most `width` columns, each behind `indent`. */
export function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && indent.length + stripVTControlCharacters(longer).length > width) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  return [...lines, line].map((one) => indent + one).join("\n");
}

/**
 * Rows in columns as wide as their widest cell, two blanks between. Where that is more than `width`, the first column
 * gives way, and its cells end in dots.
 */
export function table(rows: readonly (readonly string[])[], width = Infinity): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    rows.reduce((widest, row) => Math.max(widest, visible(row[column] ?? "")), 0),
  );
  const [first = 0, ...others] = widths;
  const left = width - others.reduce((sum, other) => sum + other + 2, 0);
  widths[0] = Math.min(first, Math.max(20, left));
  return rows
    .map((row) =>
      row
        .map((cell, column) => padTo(column === 0 ? cut(cell, widths[0] ?? 0) : cell, widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** At most `width` characters of a text without colours. */
export function cut(text: string, width: number): string {
  return visible(text) <= width ? text : `${text.slice(0, width - 1)}…`;
}

function padTo(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - visible(text)));
}

function visible(text: string): number {
  return stripVTControlCharacters(text).length;
}
