import type * as prom from "prom-client";

/** What happened, counted as it happens. */
export function openCounters(
  { Counter, Gauge, Histogram }: Pick<typeof prom, "Counter" | "Gauge" | "Histogram">,
  registry: prom.Registry,
) {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Counter({ name: `helmwarden_${name}_total`, help, labelNames, registers });
  const gauge = (name: string, help: string) => new Gauge({ name: `helmwarden_${name}`, help, registers });
  const histogram = <Label extends string>(name: string, help: string, buckets: number[], label: Label) =>
    new Histogram({ name: `helmwarden_${name}_seconds`, help, buckets, labelNames: [label], registers });
  return {
    passes: counter("passes", "Passes over a release or Secret, by outcome.", "outcome"),
    passSeconds: histogram(
      "pass_duration",
      "How long a pass took, by outcome.",
      [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
      "outcome",
    ),
    jobs: counter("jobs", "Jobs put on the queue, by reason.", "reason"),
    reads: counter("store_reads", "Reads of a store path, by result.", "store", "result"),
    readSeconds: histogram(
      "store_read_duration",
      "How long a read of a store path took.",
      [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      "store",
    ),
    hooks: counter("hooks", "Calls of a store's hook, by result.", "store", "result"),
    drift: counter("drift", "Changes by somebody else that were seen, by kind of subject.", "kind"),
    errors: counter("errors", "Faults, by code (docs/errors.md).", "code"),
    restarts: counter("restarts", "Workloads restarted by helmwarden, by kind.", "kind"),
    rotations: counter("rotations", "Tries to rotate a secret, by outcome.", "outcome"),
    reloads: counter("config_reloads", "Changed configurations, taken or refused.", "result"),
    leases: gauge("leases_held", "Leases that this process holds."),
    helm: gauge("helm_processes", "Helm processes that are running."),
  };
}
