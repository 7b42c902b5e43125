import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { createMetrics, type Metrics } from "../../../src/daemon/metrics.ts";
import { RETRY } from "../../../src/errors.ts";
import { viewOf } from "../../support/daemonView.ts";

let metrics: Metrics;

beforeAll(async () => {
  metrics = await createMetrics("1.2.3");
});

/** `name{labels}` and its value, of each line that is no comment. */
async function series(view = viewOf()): Promise<Map<string, number>> {
  const { text } = await metrics.page(view);
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
}

function everythingHappens(): void {
  metrics.passEnded("changed", 0.3);
  metrics.jobEnqueued("drift");
  metrics.storeRead("vault", "same", 0.02);
  metrics.hookCalled("vault", "read");
  metrics.driftSeen("Release");
  metrics.errorSeen("StoreUnavailable");
  metrics.leaseHeld(1);
  metrics.helmRunning(1);
  metrics.restarted("Deployment");
  metrics.configReloaded("refused");
  metrics.rotationEnded("rotated");
}

test("docs/operations.md lists every metric with its type, labels and help, and no other", async () => {
  everythingHappens();
  const { text } = await metrics.page(viewOf());
  const labels = new Map<string, Set<string>>();
  for (const [, name = "", inner = ""] of text.matchAll(
    /^(helmwarden_\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? \S+$/gm,
  )) {
    const known = labels.get(name) ?? new Set<string>();
    for (const [, label = ""] of inner.matchAll(/(\w+)="/g)) if (label !== "le") known.add(label);
    labels.set(name, known);
  }
  const shown = [...text.matchAll(/^# HELP (\w+) (.+)\n# TYPE \w+ (\w+)$/gm)].map(
    ([, name = "", help = "", type = ""]) =>
      `| \`${name}\` | ${type} | ${[...(labels.get(name) ?? [])].map((label) => `\`${label}\``).join(", ")} | ${help} |`,
  );
  const page = readFileSync(new URL("../../../docs/operations.md", import.meta.url), "utf8");
  const documented = page.split("\n").filter((line) => line.startsWith("| `helmwarden_"));
  expect(documented.toSorted()).toEqual(shown.toSorted());
});

describe("counters", () => {
  test("count, and gauges go up and down", async () => {
    everythingHappens();
    const before = await series();
    everythingHappens();
    metrics.leaseHeld(-1);
    metrics.helmRunning(-1);
    const after = await series();
    const growth = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0);
    expect(growth('helmwarden_passes_total{outcome="changed"}')).toBe(1);
    expect(growth('helmwarden_pass_duration_seconds_bucket{le="0.5",outcome="changed"}')).toBe(1);
    expect(growth('helmwarden_pass_duration_seconds_bucket{le="0.25",outcome="changed"}')).toBe(0);
    expect(growth('helmwarden_store_reads_total{store="vault",result="same"}')).toBe(1);
    expect(growth("helmwarden_leases_held")).toBe(0);
    expect(growth("helmwarden_helm_processes")).toBe(0);
  });

  test("of errors are there from the start, for alerts on their rate, as is all else that alerts count", async () => {
    const codes = [...(await series()).keys()].filter((name) => name.startsWith("helmwarden_errors_total"));
    expect(codes).toHaveLength(Object.keys(RETRY).length);
    const alerts = readFileSync(new URL("../../../deploy/chart/files/alerts.yaml", import.meta.url), "utf8");
    const counted = [...alerts.matchAll(/(helmwarden_\w+_total)\{(\w+)=~?"([\w|]+)"\}/g)].flatMap(
      ([, name, label, values = ""]) => values.split("|").map((value) => `${name}{${label}="${value}"}`),
    );
    expect(counted.length).toBeGreaterThan(6);
    metrics = await createMetrics("1.2.3");
    const fromTheStart = await series();
    expect(counted.filter((name) => fromTheStart.get(name) !== 0)).toEqual([]);
    expect(fromTheStart.get('helmwarden_drift_total{kind="Secret"}')).toBe(0);
  });
});

describe("gauges", () => {
  test("show the view as it is when they are asked for", async () => {
    const now = await series();
    expect(Object.fromEntries(now)).toMatchObject({
      'helmwarden_subjects{outcome="inSync"}': 1,
      'helmwarden_subjects{outcome="held"}': 1,
      'helmwarden_held{reason="statefulCredential"}': 1,
      'helmwarden_queue_jobs{state="running"}': 2,
      'helmwarden_store_age_seconds{store="vault"}': 12,
      'helmwarden_store_state{store="vault",state="ok"}': 1,
      'helmwarden_store_state{store="vault",state="open"}': 0,
      'helmwarden_store_calls_per_minute{store="vault"}': 40,
      'helmwarden_store_budget_calls_per_minute{store="vault"}': 120,
      'helmwarden_store_events_connected{store="vault"}': 1,
      'helmwarden_store_token_expires_timestamp_seconds{store="infisical"}': Date.UTC(2026, 0, 2) / 1000,
      'helmwarden_store_certificate_expires_timestamp_seconds{store="infisical"}': Date.UTC(2026, 0, 3) / 1000,
      'helmwarden_watch_age_seconds{cluster="default"}': 3,
      'helmwarden_watch_healthy{cluster="default"}': 1,
      'helmwarden_secret_age_seconds{store="vault",path="apps/matomo",key="DB_PASSWORD"}': 86_400,
    });
  });

  test("of a store, cluster or secret that is gone go with it", async () => {
    await series();
    const gone = viewOf({ ...viewOf().status(), stores: [], subjects: [], watches: [] }, []);
    const left = [...(await series(gone)).keys()].filter((name) =>
      /^helmwarden_(store_(?!read)|watch|secret|subjects|held)/.test(name),
    );
    expect(left).toEqual([]);
  });

  test("a scheduler without policies has no last decision, rather than one of 1970", async () => {
    const name = "helmwarden_rotation_last_decision_timestamp_seconds";
    expect((await series()).get(name)).toBe(Date.UTC(2026, 0, 1, 1) / 1000);
    const none = { ...viewOf(), rotations: () => ({ rows: [], tickedAt: undefined }) };
    expect((await series(none)).has(name)).toBe(false);
    metrics = await createMetrics("1.2.3");
    expect((await series(none)).has(name)).toBe(false);
  });
});
