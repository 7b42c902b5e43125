import { stripVTControlCharacters } from "node:util";
import { shortDigest } from "../core/digest.ts";
import type { Hold } from "../core/hold.ts";
import type { Outcome } from "../core/outcome.ts";
import type { Change } from "../core/plan.ts";
import type { Result } from "../operations/pass.ts";
import type { Terminal } from "./context.ts";
import { type Style, styleFor, wrap } from "./style.ts";

/** One release or Secret for people; nothing for what is in sync. */
export function printResult({ subject, cluster, outcome }: Result, terminal: Terminal): void {
  const style = styleFor(terminal.color);
  const lines = linesOf(outcome, style, terminal.columns);
  if (lines === undefined) return;
  const where = cluster === "default" ? "" : `${cluster} `;
  const name = `${subject.kind.toLowerCase()} ${where}${subject.namespace}/${subject.name}`;
  const head = headLine(style("strong", name), lines.verdict, terminal.columns);
  terminal.out(`${head}\n${lines.body.map((line) => `${line}\n`).join("")}\n`);
}

/** The last line: how many of what. */
export function printSummary(mode: "plan" | "sync", results: readonly Result[], terminal: Terminal): void {
  const counts = new Map<string, number>();
  for (const { outcome } of results) {
    const word = WORDS[outcome.kind];
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const text = [...counts].map(([word, count]) => `${count} ${word}`).join(", ");
  terminal.out(`${mode === "plan" ? "Plan" : "Sync"}: ${text === "" ? "nothing is configured" : text}.\n`);
}

/** All results for programs; docs/cli.md describes the shape. `keyless`: the digests are of this run only. */
export function jsonResults(mode: "plan" | "sync", results: readonly Result[], keyless: boolean): string {
  const items = results.map(({ cluster, subject, outcome }) => ({ cluster, subject, outcome }));
  const digests = keyless ? { digests: "ofThisRun" } : {};
  return `${JSON.stringify({ command: mode, ...digests, results: items }, undefined, 2)}\n`;
}

/** An outcome as people read it; what is none (stalled, waiting) stays as it is. */
export function outcomeWord(outcome: string): string {
  return Object.hasOwn(WORDS, outcome) ? WORDS[outcome as Outcome["kind"]] : outcome;
}

const WORDS: Readonly<Record<Outcome["kind"], string>> = {
  inSync: "in sync",
  suspended: "suspended",
  adopted: "adopted",
  pending: "to change",
  changed: "changed",
  held: "held",
  drifted: "drifted",
  corrected: "corrected",
  restored: "restored",
  ineffective: "ineffective",
  failed: "failed",
};

const WHY: Readonly<Record<string, string>> = {
  outdated: ": the store has another value",
  drift: ": it was changed, the store was not",
  repair: ": a failed upgrade left it half applied",
  missing: ": there is no such Secret yet",
  "first contact": ": the wanted values are there already",
  unfinished: ": a sync ended before it had proven them",
};

/** Name and verdict side by side where they fit. */
function headLine(name: string, verdict: string, columns: number): string {
  const head = `${name}  ${verdict}`;
  return stripVTControlCharacters(head).length <= columns ? head : `${name}\n${wrap(verdict, columns, "  ")}`;
}

interface Lines {
  readonly verdict: string;
  readonly body: readonly string[];
}

function linesOf(outcome: Outcome, style: Style, columns: number): Lines | undefined {
  switch (outcome.kind) {
    case "inSync":
      return undefined;
    case "suspended":
      return { verdict: style("faint", "suspended"), body: [] };
    case "adopted":
      return { verdict: style("good", "adopted: the wanted values were there already"), body: [] };
    case "pending":
      return {
        verdict: style("warn", `to ${outcome.action} (${outcome.why}${WHY[outcome.why] ?? ""})`),
        body: changeLines(outcome.changes, style),
      };
    case "changed":
      return { verdict: style("good", changedVerdict(outcome)), body: changeLines(outcome.changes, style) };
    case "held":
      return {
        verdict: style("warn", "held"),
        body: [
          ...changeLines(outcome.changes, style),
          ...outcome.holds.flatMap((one) => holdLines(one, style, columns)),
        ],
      };
    case "drifted":
      return {
        verdict: style("warn", "drifted; `drift: report` leaves it"),
        body: outcome.where.map((one) => `  ~ ${one}`),
      };
    case "corrected":
      return {
        verdict: style("good", "corrected: what somebody had changed is put back"),
        body: outcome.where.map((one) => `  ~ ${one}`),
      };
    case "restored":
    case "ineffective":
      return {
        verdict: style("bad", outcome.kind),
        body: [...changeLines(outcome.changes, style), wrap(outcome.reason, columns, "    ")],
      };
    case "failed":
      return { verdict: style("bad", `failed (${outcome.code})`), body: [wrap(outcome.message, columns, "    ")] };
  }
}

function changedVerdict({ revision, restarted }: Outcome & { kind: "changed" }): string {
  const made = revision === 0 ? "written" : `revision ${revision}`;
  return restarted.length === 0 ? `changed: ${made}` : `changed: ${made}, restarted ${restarted.join(", ")}`;
}

function changeLines(changes: readonly Change[], style: Style): string[] {
  return changes.flatMap(({ path, from, to, sources }) => {
    const mark = from === undefined ? style("good", "+") : style("warn", "~");
    const digests = `${from === undefined ? "(none)" : shortDigest(from)} -> ${shortDigest(to)}`;
    return [`  ${mark} ${path}  ${digests}`, ...sources.map((source) => style("faint", `      ${source}`))];
  });
}

function holdLines({ reason, where, message }: Hold, style: Style, columns: number): string[] {
  return [`  ${style("bad", "!")} ${reason}  ${where}`, wrap(message, columns, "      ")];
}
