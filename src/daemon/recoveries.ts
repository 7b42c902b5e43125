import type { SubjectId } from "../core/subject.ts";
import type { ErrorCode } from "../errors.ts";
import type { ReleaseWatch } from "./releaseWatch.ts";
import type { StatusPage } from "./statusPage.ts";

type Row = Pick<StatusPage["subjects"][number], "subject" | "outcome" | "reason">;

/**
 * What a pass fails with while its cluster is away, comes up (roles are read last) or is not in the kubeconfig, and
 * while its store is away.
 */
const OF_CLUSTER: ReadonlySet<string> = new Set<ErrorCode>(["ClusterUnavailable", "ClusterDenied", "ConfigInvalid"]);
const OF_STORE: ReadonlySet<string> = new Set<ErrorCode>(["StoreUnavailable", "StoreDenied"]);

/** What an outage left behind is tried again as soon as it is over: the delay may have grown to many minutes by then. */
export class Recoveries {
  readonly #rows: () => readonly Row[];
  readonly #send: (subjects: readonly SubjectId[], reason: string) => void;
  readonly #away = new Set<string>();

  constructor(rows: () => readonly Row[], send: (subjects: readonly SubjectId[], reason: string) => void) {
    this.#rows = rows;
    this.#send = send;
  }

  /** Called again and again with all watches: one that stands again tells that its cluster is there. */
  watches(seen: ReturnType<ReleaseWatch["states"]>): void {
    for (const { cluster: watch, state } of seen) {
      if (!this.#isBack(`watch ${watch}`, state.healthy)) continue;
      const cluster = watch.slice(0, watch.lastIndexOf(" "));
      this.#sendFailed("cluster", OF_CLUSTER, (subject) => subject.startsWith(`${cluster}/`));
    }
  }

  /** Called after each read of a store, with who depends on it. */
  store(name: string, answers: boolean, dependents: Iterable<ReadonlySet<SubjectId>>): void {
    if (!this.#isBack(`store ${name}`, answers)) return;
    const all = [...dependents];
    this.#sendFailed("answers", OF_STORE, (subject) => all.some((some) => some.has(subject)));
  }

  #isBack(name: string, there: boolean): boolean {
    if (!there) this.#away.add(name);
    return there && this.#away.delete(name);
  }

  #sendFailed(why: string, codes: ReadonlySet<string>, isConcerned: (subject: SubjectId) => boolean): void {
    const failed = this.#rows().filter(
      ({ subject, outcome, reason = "" }) =>
        (outcome === "failed" || outcome === "stalled") && codes.has(reason) && isConcerned(subject),
    );
    if (failed.length > 0)
      this.#send(
        failed.map(({ subject }) => subject),
        why,
      );
  }
}
