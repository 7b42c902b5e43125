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

/** Rows in columns as wide as their widest cell, two blanks between. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => visible(row[column] ?? ""))));
  return rows
    .map((row) =>
      row
        .map((cell, column) => padTo(cell, widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function padTo(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - visible(text)));
}

function visible(text: string): number {
  return stripVTControlCharacters(text).length;
}
