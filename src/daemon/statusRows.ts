import type { Outcome } from "../core/outcome.ts";
import type { StatusRecord } from "../core/statusRecord.ts";
import type { SubjectId } from "../core/subject.ts";
import type { StatusPage } from "./statusPage.ts";
import type { Worked } from "./worker.ts";

type Row = StatusPage["subjects"][number];

/** What this process knows of each subject, for the status page: its own passes, and others' by their records. */
export class StatusRows {
  readonly #rows = new Map<SubjectId, Row>();

  /** Forgets the subjects that are gone from the configuration. */
  follow(subjects: ReadonlySet<SubjectId>): void {
    for (const id of this.#rows.keys()) if (!subjects.has(id)) this.#rows.delete(id);
    for (const id of subjects) {
      if (!this.#rows.has(id)) this.#rows.set(id, { subject: id, outcome: "waiting", attempts: 0 });
    }
  }

  learn(id: SubjectId, { noted, revision, at, ...done }: StatusRecord): void {
    const { outcome, reason } = noted ?? done;
    const row: Row = { subject: id, outcome, revision, at, attempts: 0, ...(reason === undefined ? {} : { reason }) };
    const known = this.#rows.get(id);
    if (known?.at === undefined || known.at < at) this.#rows.set(id, row);
  }

  worked({ subject, outcome, attempt, againMs, stalled }: Worked, now: Date): void {
    const revision = "revision" in outcome ? outcome.revision : this.#rows.get(subject)?.revision;
    const reason = reasonOf(outcome);
    this.#rows.set(subject, {
      subject,
      outcome: stalled ? "stalled" : outcome.kind,
      attempts: outcome.kind === "failed" ? attempt : 0,
      at: now.toISOString(),
      ...(reason === undefined ? {} : { reason }),
      ...(revision === undefined ? {} : { revision }),
      ...(againMs === undefined ? {} : { nextTryAt: new Date(now.getTime() + againMs).toISOString() }),
    });
  }

  /** `waiting`: subjects that wait for the first ones of their wave. */
  list(waiting: ReadonlySet<SubjectId>): Row[] {
    return [...this.#rows.values()].map((row) =>
      waiting.has(row.subject) ? { ...row, outcome: "held", reason: "rollout" } : row,
    );
  }
}

function reasonOf(outcome: Outcome): string | undefined {
  switch (outcome.kind) {
    case "held":
      return [...new Set(outcome.holds.map(({ reason }) => reason))].join(" ");
    case "failed":
      return outcome.code;
    case "restored":
    case "ineffective":
      return outcome.reason;
    default:
      return undefined;
  }
}
