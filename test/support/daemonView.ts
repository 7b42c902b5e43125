import type { RotationRow } from "../../src/core/rotation/row.ts";
import type { StatusPage } from "../../src/daemon/statusPage.ts";
import type { DaemonView, LoopState, Readiness, SecretAge } from "../../src/daemon/view.ts";

const PAGE: StatusPage = {
  version: "1.2.3",
  startedAt: "2026-01-01T00:00:00.000Z",
  stores: [
    { name: "vault", paths: 20, ageMs: 12_000, state: "ok", callsPerMinute: 40, budget: 120, eventsConnected: true },
    {
      name: "infisical",
      paths: 1,
      state: "failing",
      callsPerMinute: 0,
      tokenEndsAt: "2026-01-02T00:00:00.000Z",
      certificateEndsAt: "2026-01-03T00:00:00.000Z",
    },
  ],
  subjects: [
    {
      subject: "default/Release/web/matomo",
      outcome: "inSync",
      revision: 7,
      at: "2026-01-01T00:59:00.000Z",
      attempts: 0,
    },
    {
      subject: "berlin/Release/web/wordpress",
      outcome: "held",
      reason: "statefulCredential",
      revision: 3,
      at: "2026-01-01T00:30:00.000Z",
      attempts: 0,
    },
    {
      subject: "default/Secret/vaultwarden/admin",
      outcome: "failed",
      reason: "ClusterUnavailable",
      at: "2026-01-01T00:59:50.000Z",
      nextTryAt: "2026-01-01T01:00:20.000Z",
      attempts: 2,
    },
  ],
  queue: { waiting: 1, delayed: 1, running: 2 },
  watches: [{ cluster: "default", ageMs: 3000, healthy: true }],
};

const AGES: readonly SecretAge[] = [{ store: "vault", path: "apps/matomo", key: "DB_PASSWORD", ageMs: 86_400_000 }];

const ROTATION: RotationRow = {
  name: "matomo-db",
  namespace: "web",
  secret: "vault:apps/matomo#DB_PASSWORD",
  owner: undefined,
  ageMs: 100 * 86_400_000,
  lastRotated: new Date("2025-09-23T01:00:00Z"),
  dueAt: new Date("2025-12-22T01:00:00Z"),
  nextAt: new Date("2026-01-01T01:00:00Z"),
  window: undefined,
  state: "overdue",
  step: undefined,
  late: true,
  message: undefined,
};

export interface SettableView extends DaemonView {
  loops: LoopState[];
  readiness: Readiness;
  /** `store path` of each call, `*` for all paths. */
  readonly hooked: string[];
}

/** A daemon's view that says what it is told to. */
export function viewOf(page = PAGE, ages = AGES): SettableView {
  const hooked: string[] = [];
  const view: SettableView = {
    loops: [{ loop: "poll", ageMs: 10, ok: true }],
    readiness: { ok: true, detail: "ready" },
    hooked,
    live: () => view.loops,
    ready: () => view.readiness,
    status: () => page,
    secretAges: () => ages,
    rotations: () => ({ rows: [ROTATION], tickedAt: new Date("2026-01-01T01:00:00Z") }),
    hook: (store, path) => void hooked.push(`${store} ${path ?? "*"}`),
  };
  return view;
}
