import type * as prom from "prom-client";
import type { RotationRow } from "../core/rotation/row.ts";
import { openStoreGauges } from "./metricStoreGauges.ts";
import type { StatusPage } from "./statusPage.ts";
import type { SecretAge } from "./view.ts";

/** What is so at the moment of asking. Series of what is gone (a store, a cluster, a secret) go with it. */
export function openGauges(Gauge: typeof prom.Gauge, registry: prom.Registry) {
  const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Gauge({ name: `helmwarden_${name}`, help, labelNames, registers: [registry] });
  const build = gauge("build_info", "Always 1; the version is a label.", "version");
  const started = gauge("start_time_seconds", "When the daemon started, in Unix time.");
  const subjects = gauge("subjects", "Releases and Secrets, by outcome of their last pass.", "outcome");
  const held = gauge("held", "Releases and Secrets that are held, by reason.", "reason");
  const queue = gauge("queue_jobs", "Jobs on the queue, by state.", "state");
  const fillStores = openStoreGauges(gauge);
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
  const decided = gauge(
    "rotation_last_decision_timestamp_seconds",
    "When it was last decided what is due; before the first time, since when there is something to decide.",
  );
  const current = [subjects, held, queue, watchAge, watchHealthy, age];

  return {
    build,
    fillRotations(rows: readonly RotationRow[], tickedAt: Date | undefined): void {
      for (const one of [overdue, rotating]) one.reset();
      for (const { namespace, name: policy, state, late } of rows) {
        overdue.set({ namespace, policy }, late ? 1 : 0);
        rotating.set({ namespace, policy }, state === "rotating" ? 1 : 0);
      }
      // Without policies there is nothing to decide, and 0 would be long ago.
      if (tickedAt === undefined) decided.remove();
      else decided.set(tickedAt.getTime() / 1000);
    },
    fill(page: StatusPage, ages: Iterable<SecretAge>): void {
      for (const one of current) one.reset();
      started.set(Date.parse(page.startedAt) / 1000);
      for (const { outcome, reason } of page.subjects) {
        subjects.inc({ outcome });
        if (outcome === "held" && reason !== undefined) for (const one of reason.split(" ")) held.inc({ reason: one });
      }
      for (const state of ["waiting", "delayed", "running"] as const) queue.set({ state }, page.queue[state]);
      fillStores(page.stores);
      for (const { cluster, ageMs, healthy } of page.watches) {
        watchAge.set({ cluster }, ageMs / 1000);
        watchHealthy.set({ cluster }, healthy ? 1 : 0);
      }
      for (const { ageMs, ...labels } of ages) age.set(labels, ageMs / 1000);
    },
  };
}
