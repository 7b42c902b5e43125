import { STALLED } from "../core/statusRecord.ts";
import { clusterOf, type SubjectId, subjectIdOf, type SubjectSpec } from "../core/subject.ts";
import { toHelmwardenError } from "../errors.ts";
import { createStorePass, type StorePass } from "../operations/storePass.ts";
import { unsettledSubjects } from "../operations/unsettled.ts";
import type { Log } from "../ports.ts";
import type { Generation } from "./generation.ts";
import { LEFT_ALONE } from "./leftAlone.ts";
import type { News } from "./news.ts";
import type { ReleaseWatch } from "./releaseWatch.ts";
import { isEnd, type Rollouts } from "./rollouts.ts";
import type { StatusRows } from "./statusRows.ts";

export interface ComparisonDeps {
  readonly generation: () => Generation;
  readonly rows: Pick<StatusRows, "learn">;
  readonly watch: Pick<ReleaseWatch, "learn">;
  readonly rollouts: Pick<Rollouts, "begin" | "worked" | "underWay">;
  readonly news: Pick<News, "mark">;
  readonly log: Log;
}

/** From so many on, a change is first compared with the records, and only who needs a pass gets one. */
const COMPARE_FROM = 5;

/** Finds out who needs a pass, and sends them wave by wave, each cluster by itself. */
export class Comparisons {
  readonly #deps: ComparisonDeps;

  constructor(deps: ComparisonDeps) {
    this.#deps = deps;
  }

  /** Waves go on by passes of other processes too, which tell by their records. */
  async followOthers(signal: AbortSignal): Promise<void> {
    const { stores, app } = this.#deps.generation();
    const pass = createStorePass(stores, signal);
    const underWay = [...this.#byCluster(this.#deps.rollouts.underWay())];
    const looks = underWay.map(async ([cluster, group]) => {
      const { unsettled, records } = await unsettledSubjects(await app.portsOf(cluster), group, pass, signal);
      for (const id of group.map(subjectIdOf)) {
        const record = records.get(id);
        const word = record?.noted?.outcome ?? record?.outcome;
        const outcome = word === STALLED ? "failed" : word;
        if (!unsettled.includes(id)) this.#deps.rollouts.worked(id, "inSync", false);
        else if (isEnd(outcome)) this.#deps.rollouts.worked(id, outcome, false);
      }
    });
    // A cluster that is away is looked at again in a moment.
    await Promise.allSettled(looks);
  }

  /** Each cluster is compared, and its waves go, by themselves: one that is away keeps no other waiting. */
  async begin(name: string, ids: readonly SubjectId[], reason: string, signal: AbortSignal): Promise<void> {
    const { stores } = this.#deps.generation();
    const pass = createStorePass(stores, signal);
    const isFew = ids.length < COMPARE_FROM && reason === "store";
    const marked = this.#deps.news.mark(reason);
    const compared = [...this.#byCluster(ids)].map(async ([cluster, group]) => {
      const all = group.map(subjectIdOf);
      const due = isFew ? all : ((await this.#unsettledIn(cluster, group, pass, reason, signal)) ?? all);
      if (!signal.aborted) this.#deps.rollouts.begin(`${cluster} ${name}`, due, marked);
    });
    await Promise.all(compared);
    // Whoever reads a path first is told of no change: all have been compared with just that.
    if (reason === "start") for (const store of stores.values()) store.forgetNews();
  }

  /** Undefined where the cluster cannot be asked. */
  async #unsettledIn(
    cluster: string,
    group: readonly SubjectSpec[],
    pass: StorePass,
    reason: string,
    signal: AbortSignal,
  ): Promise<readonly SubjectId[] | undefined> {
    try {
      const ports = await this.#deps.generation().app.portsOf(cluster);
      const { unsettled, records } = await unsettledSubjects(ports, group, pass, signal, LEFT_ALONE[reason]);
      for (const [id, record] of records) {
        this.#deps.rows.learn(id, record);
        this.#deps.watch.learn(id, record);
      }
      return unsettled;
    } catch (caught) {
      const { code } = toHelmwardenError(caught);
      if (!signal.aborted)
        this.#deps.log.warn("the subjects of a cluster could not be compared; each gets a pass", { cluster, code });
      return undefined;
    }
  }

  #byCluster(ids: readonly SubjectId[]): ReadonlyMap<string, SubjectSpec[]> {
    return Map.groupBy(
      ids.flatMap((id) => this.#deps.generation().subjects.get(id) ?? []),
      clusterOf,
    );
  }
}
