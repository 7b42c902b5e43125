import { createHash } from "node:crypto";
import { AUDIT_FORMAT, type AuditRecord } from "./auditRecord.ts";

/** Where a chain stands: number of records so far, and the hash of the last line's exact bytes. */
export interface ChainHead {
  readonly sequence: number;
  readonly hash: string;
}

export const CHAIN_START: ChainHead = { sequence: 0, hash: "0".repeat(64) };

/** sha256 of a line's exact bytes, without its newline, as hex. Lines hold no values, only keyed digests. */
export function hashLine(line: string): string {
  return createHash("sha256").update(line).digest("hex");
}

/** The next line of a chain: one JSON object, `prev` being the hash of the line before. */
export function chainLine(
  head: ChainHead,
  record: AuditRecord,
  at: Date,
): { readonly line: string; readonly head: ChainHead } {
  const sequence = head.sequence + 1;
  const line = JSON.stringify({ v: AUDIT_FORMAT, sequence, at: at.toISOString(), ...record, prev: head.hash });
  return { line, head: { sequence, hash: hashLine(line) } };
}
