import type { Outcome } from "../core/outcome.ts";
import type { RotationOutcome } from "../core/rotation/outcome.ts";
import { RETRY, type ErrorCode } from "../errors.ts";
import { openCounters } from "./metricCounters.ts";
import { openGauges } from "./metricGauges.ts";
import type { DaemonView } from "./view.ts";

/** The daemon's counters, named for what happened. docs/operations.md lists what comes of them. */
export interface Metrics {
  passEnded(outcome: Outcome["kind"], seconds: number): void;
  jobEnqueued(reason: string): void;
  storeRead(store: string, result: "changed" | "same" | "failed", seconds: number): void;
  hookCalled(store: string, result: HookResult): void;
  driftSeen(kind: "Release" | "Secret"): void;
  errorSeen(code: ErrorCode): void;
  /** 1 when one is taken, -1 when it is given back. */
  leaseHeld(change: 1 | -1): void;
  /** 1 when a helm process starts, -1 when it ends. */
  helmRunning(change: 1 | -1): void;
  /** A workload was restarted by us. */
  restarted(kind: string): void;
  rotationEnded(outcome: RotationOutcome["kind"]): void;
  configReloaded(result: "taken" | "refused"): void;
  /** The page for Prometheus. Ages, depths and holds are read from the view at that moment. */
  page(
    view: Pick<DaemonView, "status" | "secretAges" | "rotations">,
  ): Promise<{ readonly type: string; readonly text: string }>;
}

export type HookResult = "read" | "ignored" | "refused";

/** What alerts count. */
const BAD_PASSES = ["failed", "restored", "ineffective"] satisfies Outcome["kind"][];
const BAD_ROTATIONS = ["failed", "refused", "rolledBack", "unfinished"] satisfies RotationOutcome["kind"][];

/** A registry of its own; prom-client is loaded here. */
export async function createMetrics(version: string): Promise<Metrics> {
  // CommonJS: a bundle gives no more than the default.
  const { Counter, Gauge, Histogram, Registry } = (await import("prom-client")).default;
  const registry = new Registry();
  const counters = openCounters({ Counter, Histogram, Gauge }, registry);
  const gauges = openGauges(Gauge, registry);
  gauges.build.set({ version }, 1);
  // An alert on a rate misses the first of a series that begins at 1.
  for (const code of Object.keys(RETRY)) counters.errors.inc({ code }, 0);
  for (const outcome of BAD_PASSES) counters.passes.inc({ outcome }, 0);
  for (const outcome of BAD_ROTATIONS) counters.rotations.inc({ outcome }, 0);
  for (const kind of ["Release", "Secret"]) counters.drift.inc({ kind }, 0);
  counters.reloads.inc({ result: "refused" }, 0);
  return {
    passEnded(outcome, seconds) {
      counters.passes.inc({ outcome });
      counters.passSeconds.observe({ outcome }, seconds);
    },
    jobEnqueued: (reason) => counters.jobs.inc({ reason }),
    storeRead(store, result, seconds) {
      counters.reads.inc({ store, result });
      counters.readSeconds.observe({ store }, seconds);
    },
    hookCalled: (store, result) => counters.hooks.inc({ store, result }),
    driftSeen: (kind) => counters.drift.inc({ kind }),
    errorSeen: (code) => counters.errors.inc({ code }),
    leaseHeld: (change) => counters.leases.inc(change),
    helmRunning: (change) => counters.helm.inc(change),
    restarted: (kind) => counters.restarts.inc({ kind }),
    rotationEnded: (outcome) => counters.rotations.inc({ outcome }),
    configReloaded: (result) => counters.reloads.inc({ result }),
    async page(view) {
      gauges.fill(view.status(), view.secretAges());
      const { rows, tickedAt } = view.rotations();
      gauges.fillRotations(rows, tickedAt);
      return { type: registry.contentType, text: await registry.metrics() };
    },
  };
}
