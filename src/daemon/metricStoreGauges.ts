import type { Gauge } from "prom-client";
import type { StatusPage } from "./statusPage.ts";

type StoreRow = StatusPage["stores"][number];
type MakeGauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]) => Gauge<Label>;

const STATES = ["ok", "failing", "suspicious", "open"] as const satisfies readonly StoreRow["state"][];

/** What is known of the stores. */
export function openStoreGauges(gauge: MakeGauge) {
  const age = gauge("store_age_seconds", "Time since the oldest reading of the store's paths.", "store");
  const state = gauge("store_state", "1 for the state that the store is in.", "store", "state");
  const calls = gauge("store_calls_per_minute", "Calls a minute that the polls of the store come to.", "store");
  const budget = gauge("store_budget_calls_per_minute", "Calls per minute that the store may get, if set.", "store");
  const events = gauge("store_events_connected", "1 while the store's stream of events stands, if asked for.", "store");
  const tokenEnds = gauge(
    "store_token_expires_timestamp_seconds",
    "When a given token ends that is not renewed any more.",
    "store",
  );
  const certificateEnds = gauge(
    "store_certificate_expires_timestamp_seconds",
    "When the certificate ends that the store showed last.",
    "store",
  );
  return (rows: readonly StoreRow[]): void => {
    for (const one of [age, state, calls, budget, events, tokenEnds, certificateEnds]) one.reset();
    for (const { name: store, ...known } of rows) {
      if (known.ageMs !== undefined) age.set({ store }, known.ageMs / 1000);
      for (const one of STATES) state.set({ store, state: one }, known.state === one ? 1 : 0);
      calls.set({ store }, known.callsPerMinute);
      if (known.budget !== undefined) budget.set({ store }, known.budget);
      if (known.eventsConnected !== undefined) events.set({ store }, known.eventsConnected ? 1 : 0);
      if (known.tokenEndsAt !== undefined) tokenEnds.set({ store }, seconds(known.tokenEndsAt));
      if (known.certificateEndsAt !== undefined) certificateEnds.set({ store }, seconds(known.certificateEndsAt));
    }
  };
}

function seconds(time: string): number {
  return Date.parse(time) / 1000;
}
