import type { ReadBySomebody, ReadTally } from "../core/migration/secretReads.ts";
import type { HistoryCount } from "../operations/migrate/countHistory.ts";
import type { HandedOver } from "../operations/migrate/handOver.ts";
import type { Difference } from "../operations/migrate/verifyAll.ts";
import type { Original } from "../operations/migrate/watchOriginals.ts";
import type { Terminal } from "./context.ts";
import type { StrippedFile } from "./cutoverStrip.ts";
import type { CutoverOptions } from "./migrateCutover.ts";
import { wrap } from "./style.ts";

/** Names, counts and times: printed whole with `-o json`. */
export interface CutoverReport {
  readonly command: "migrate cutover";
  readonly dryRun: boolean;
  /** The shadow period. */
  readonly begun: string;
  readonly until: string;
  readonly isOver: boolean;
  readonly files: readonly StrippedFile[];
  readonly handedOver: readonly HandedOver[];
  readonly originals: readonly Original[];
  readonly wideReaders: readonly ReadBySomebody[];
  readonly auditSpan: ReadTally["span"];
  readonly history: readonly HistoryCount[];
  /** Originals that nothing was seen to need, those that are deleted included. */
  readonly mayGo: number;
  readonly deleted: number;
  readonly kept: readonly Difference[];
}

const ETCD =
  "What is deleted may still be in etcd until it is compacted and defragmented, and stays in its backups and snapshots as long as those are kept; the backup of this migration has it, too. What was readable by others is to be rotated.";
const NO_LOG =
  "Readers are found by what workloads, Ingresses and ServiceAccounts refer to. Whoever reads by the API itself is seen only in the API server's audit log: --audit-log FILE.";
const VALUES =
  "Upgrade by hand with --reuse-values or --reset-then-reuse-values from now on: a plain `helm upgrade -f` of these files takes what was in them away, until helmwarden puts it back. What git or a backup has of the files stays there.";

/** Who reads each original, before any is deleted. */
export function printOriginals(originals: readonly Original[], { out, columns }: Terminal): void {
  for (const { namespace, name, reasons } of originals) {
    const why = reasons.length === 0 ? "nothing was seen to read it" : `stays: ${reasons.join("; ")}`;
    out(`${wrap(`${namespace}/${name}: ${why}`, columns, "  ").trimStart()}\n`);
  }
}

export function printCutover(report: CutoverReport, options: CutoverOptions, terminal: Terminal): void {
  const { out, columns } = terminal;
  if (options.output === "json") return out(`${JSON.stringify(report, undefined, 2)}\n`);
  const line = (text: string): void => out(`${wrap(text, columns, "  ").trimStart()}\n`);
  const { dryRun } = report;
  for (const { file, paths, left } of report.files) {
    line(`${file}: ${dryRun ? "would take out" : "took out"} ${paths.length === 0 ? "nothing" : paths.join(", ")}`);
    for (const { path, why } of left) line(`! ${file}: ${path} stays: ${why}`);
  }
  if (report.files.some(({ paths }) => paths.length > 0)) line(VALUES);
  for (const { namespace, name, result, why } of report.handedOver)
    line(`${namespace}/${name} ${handedWord(result, dryRun)}${why === undefined ? "" : `: ${why}`}`);
  if (report.deleted === 0) printOriginals(report.originals, terminal);
  for (const { user, verbs, times, last } of report.wideReaders) {
    line(
      `! ${user} read many Secrets at once (${verbs.join(", ")}, ${times} times, last ${last}): whether it uses one of these cannot be told`,
    );
  }
  line(
    report.auditSpan === undefined
      ? NO_LOG
      : `The audit log tells of ${report.auditSpan.from} to ${report.auditSpan.to}.`,
  );
  for (const { release, revisions, holding } of report.history) {
    line(
      `Helm's history: ${holding} of ${revisions} revisions of release ${release} hold migrated values; \`upgrade: {historyMax, scrub}\` lets them go.`,
    );
  }
  for (const { where, what } of report.kept) line(`! ${where} ${what}`);
  const shadow = report.isOver ? `was over at ${report.until}` : `goes on until ${report.until}`;
  line(
    `The shadow period began at ${report.begun} and ${shadow}. ${report.originals.length} originals, ${report.mayGo} of them unread, ${report.deleted} deleted.`,
  );
  if (!report.isOver && options.deleteUnread)
    line("Nothing is deleted before that; a shorter --shadow ends it earlier.");
  if (options.deleteUnread) line(ETCD);
  if (dryRun) line("Dry run: nothing was written.");
}

function handedWord(result: HandedOver["result"], dryRun: boolean): string {
  if (result === "taken") return dryRun ? "would be handed over" : "is handed over: not a byte of it changed";
  return result === "ours" ? "was ours already" : "is left as it is";
}
