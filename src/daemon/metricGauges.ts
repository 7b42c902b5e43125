import type * as prom from "prom-client";
import type { RotationRow } from "../core/rotation/row.ts";
import type { StatusPage } from "./statusPage.ts";
import type { SecretAge } from "./view.ts";

const STATES = [
  "ok",
  "failing",
  "suspicious",
  "open",
] as const satisfies readonly StatusPage["stores"][number]["state"][];

/** What is so at the moment of asking. Series of what is gone (a store, a cluster, a secret) go with it. */
export function openGauges(Gauge: typeof prom.Gauge, registry: prom.Registry) {
  const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Gauge({ name: `helmwarden_${name}`, help, labelNames, registers: [registry] });
  const build = gauge("build_info", "Always 1; the version is a label.", "version");
  const started = gauge("start_time_seconds", "When the daemon started, in Unix time.");
  const subjects = gauge("subjects", "Releases and Secrets, by outcome of their last pass.", "outcome");
  const held = gauge("held", "Releases and Secrets that are held, by reason.", "reason");
  const queue = gauge("queue_jobs", "Jobs on the queue, by state.", "state");
  const storeAge = gauge("store_age_seconds", "Time since the oldest reading of the store's paths.", "store");
  const storeState = gauge("store_state", "1 for the state that the store is in.", "store", "state");
  const calls = gauge("store_calls_per_minute", "Calls a minute that the polls of the store come to.", "store");
  const budget = gauge("store_budget_calls_per_minute", "Calls per minute that the store may get, if set.", "store");
  const watchAge = gauge("watch_age_seconds", "Time since the cluster's watch last heard anything.", "cluster");
  const watchHealthy = gauge("watch_healthy", "1 while the cluster's watch is believed.", "cluster");
  const age = gauge("secret_age_seconds", "Time since the store changed the secret.", "store", "path", "key");
  const overdue = gauge("rotation_overdue", "1 for a policy that is past its deadline.", "namespace", "policy");
  const rotating = gauge(
    "rotation_under_way",
    "1 for a policy of which a rotation is under way.",
    "namespace",
    "policy",
  );
  const decided = gauge("rotation_last_decision_timestamp_seconds", "When it was last decided what is due.");
  const current = [subjects, held, queue, storeAge, storeState, calls, budget, watchAge, watchHealthy, age];

  return {
    build,
    fillRotations(rows: readonly RotationRow[], tickedAt: Date | undefined): void {
      for (const one of [overdue, rotating]) one.reset();
      for (const { namespace, name: policy, state } of rows) {
        overdue.set({ namespace, policy }, state === "overdue" ? 1 : 0);
        rotating.set({ namespace, policy }, state === "rotating" ? 1 : 0);
      }
      if (tickedAt !== undefined) decided.set(tickedAt.getTime() / 1000);
    },
    fill(page: StatusPage, ages: Iterable<SecretAge>): void {
      for (const one of current) one.reset();
      started.set(Date.parse(page.startedAt) / 1000);
      for (const { outcome, reason } of page.subjects) {
        subjects.inc({ outcome });
        if (outcome === "held" && reason !== undefined) for (const one of reason.split(" ")) held.inc({ reason: one });
      }
      for (const state of ["waiting", "delayed", "running"] as const) queue.set({ state }, page.queue[state]);
      for (const { name: store, ...known } of page.stores) {
        if (known.ageMs !== undefined) storeAge.set({ store }, known.ageMs / 1000);
        for (const state of STATES) storeState.set({ store, state }, known.state === state ? 1 : 0);
        calls.set({ store }, known.callsPerMinute);
        if (known.budget !== undefined) budget.set({ store }, known.budget);
      }
      for (const { cluster, ageMs, healthy } of page.watches) {
        watchAge.set({ cluster }, ageMs / 1000);
        watchHealthy.set({ cluster }, healthy ? 1 : 0);
      }
      for (const { ageMs, ...labels } of ages) age.set(labels, ageMs / 1000);
    },
  };
}
