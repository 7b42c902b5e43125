// Issue 5, "Figures": how long logins fail while a database of one user is rotated, and what a decision costs.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RotationPolicy } from "../src/core/rotation/policy.ts";
import { formatState, markOf, NEVER_ROTATED, stateKeyOf } from "../src/core/rotation/state.ts";
import { SecretValue } from "../src/core/secretValue.ts";
import { rotationRows } from "../src/operations/rotate/rotationRows.ts";
import type { PathReading, StoredSecret } from "../src/ports.ts";
import { helmBinary } from "../test/support/binaries.ts";
import { clusterApi } from "../test/support/clusterApi.ts";
import { chartFixture } from "../test/support/release.ts";
import { makeNamespace } from "../test/support/namespace.ts";
import { type PostgresServer, startPostgres } from "../test/support/postgres.ts";
import { type Figure, inPairs, median, timed, timeFigure, timesFigure } from "./figures.ts";
import { freshValue } from "./sync.ts";
import type { World } from "./world.ts";

const PAIRS = 9;
const POLICIES = 10_000;
const DECISIONS = 11;
/** Between two logins of the client. */
const EVERY_MS = 5;

export async function* rotation(world: World): AsyncGenerator<Figure> {
  yield await decisions();
  yield* downtime(world);
}

/** As the daemon's tick decides, with stores that answer from memory. Most are fresh, some due, every tenth has a window. */
async function decisions(): Promise<Figure> {
  const now = new Date("2026-11-23T12:00:00Z");
  const { signal } = new AbortController();
  const policies = Array.from({ length: POLICIES }, (_, index) => policyOf(index));
  const paths = new Map<string, PathReading>();
  for (const [index, policy] of policies.entries()) {
    const rotatedAt = new Date(now.getTime() - (index % 100) * 86_400_000);
    paths.set(policy.secret.path, readingOf(policy, rotatedAt));
  }
  const readPath = (path: string): Promise<PathReading> => Promise.resolve(paths.get(path)!);
  const stores = new Map([["vault", { readPath }]]);
  const times: number[] = [];
  for (let round = 0; round <= DECISIONS; round += 1) {
    times.push(await timed(() => rotationRows(policies, stores, new Map(), now, signal)));
  }
  const [first = 0, ...next] = times;
  const beside = ` (the first of a process ${first.toFixed(0)} ms)`;
  return timeFigure(`${POLICIES} policies, one decision pass`, median(next), 100, beside);
}

/** A rotated secret with the state of its last rotation beside it. */
function readingOf({ secret }: RotationPolicy, rotatedAt: Date): PathReading {
  const value = SecretValue.fromText(freshValue());
  const state = { ...NEVER_ROTATED, rotatedAt, mark: markOf("0123456789abcdef", value) };
  const keys = [
    [secret.key, value],
    [stateKeyOf(secret.key), formatState(state)],
  ] as const;
  const stored = (one: SecretValue): StoredSecret => ({ kind: "value", value: one, version: 3, updatedAt: rotatedAt });
  return { kind: "found", secrets: new Map(keys.map(([key, one]) => [key, stored(one)])) };
}

function policyOf(index: number): RotationPolicy {
  return {
    name: `policy-${index}`,
    namespace: "bench",
    cluster: "default",
    secret: { store: "vault", path: `apps/${index}`, key: "PASSWORD" },
    every: { kind: "interval", ms: 90 * 86_400_000 },
    window:
      index % 10 === 0
        ? { cron: `0 ${index % 24} * * 6`, durationMs: 4 * 3_600_000, timezone: "Europe/Berlin" }
        : undefined,
    deadlineMs: 14 * 86_400_000,
    jitterMs: 3_600_000,
    countStoreChanges: false,
    generate: { kind: "hex", bytes: 32 },
    target: { kind: "none" },
    overlap: undefined,
    owner: undefined,
    notify: undefined,
    where: { file: "bench.yaml", line: 1 },
  };
}

/** The time between the first failed login and the next good one, with what the app's Secret holds. */
async function* downtime(world: World): AsyncGenerator<Figure> {
  const dir = join(world.dir, "postgres");
  mkdirSync(dir);
  const database = await startPostgres({ dir });
  const namespace = await makeNamespace(world.kubeconfig, "bench");
  try {
    const bench = await prepare(world, database, namespace.name);
    const pairs = await inPairs(world.isSmall ? 1 : PAIRS, bench.ours, bench.bare);
    yield timesFigure("downtime of `single`, against ALTER USER and `helm upgrade --wait`", pairs, 1.5);
  } finally {
    await namespace.remove();
    await database.stop();
  }
}

async function prepare(world: World, database: PostgresServer, namespace: string) {
  const helm = helmBinary(4);
  const chart = chartFixture("login");
  const api = clusterApi(world.kubeconfig);
  for (const name of ["ours", "bare"]) {
    const password = freshValue();
    await database.query(`CREATE ROLE ${name} LOGIN PASSWORD '${password}'`);
    await world.putSecret(`rotation/${name}`, { PASSWORD: password });
    const values = JSON.stringify({ username: name, password });
    await world.run(helm, ["install", name, chart, "-n", namespace, "--wait", "-f", "-"], values);
  }
  const secret = { store: "vault", path: "rotation/ours", key: "PASSWORD" };
  const admin = { user: database.superuser.user, password: { fromFile: join(world.dir, "rotation", "admin") } };
  const config = world.writeConfig("rotation", [
    {
      kind: "ReleaseSync",
      metadata: { name: "ours", namespace },
      spec: { chart: { path: chart }, values: [{ path: "password", from: secret }] },
    },
    {
      kind: "RotationPolicy",
      metadata: { name: "ours", namespace },
      spec: { secret, target: { postgres: { host: "127.0.0.1", port: database.port, user: "ours", admin } } },
    },
  ]);
  writeFileSync(join(world.dir, "rotation", "admin"), database.superuser.password);
  await world.run(process.execPath, [world.main, "sync", "-c", config]);

  const gapOf = async (name: string, change: () => Promise<unknown>): Promise<number> => {
    const seen: { first?: number; gap?: number; over: boolean } = { over: false };
    const login = async (): Promise<void> => {
      const { body } = await api("GET", `/api/v1/namespaces/${namespace}/secrets/${name}`);
      const { password = "" } = (body as { data: Record<string, string> }).data;
      const at = performance.now();
      const ok = await database.canLogin(name, Buffer.from(password, "base64").toString("utf8"));
      if (!ok) seen.first ??= at;
      else if (seen.first !== undefined) seen.gap ??= at - seen.first;
    };
    const changing = timed(change).finally(() => (seen.over = true));
    while (!seen.over || (seen.first !== undefined && seen.gap === undefined)) {
      await login();
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
    await changing;
    if (seen.gap === undefined) throw new Error(`no login of ${name} failed: nothing was measured`);
    return seen.gap;
  };
  const rotate = ["rotate", "-c", config, "ours", "--now", "--reason", "bench"];
  return {
    ours: () => gapOf("ours", () => world.run(process.execPath, [world.main, ...rotate])),
    bare: () =>
      gapOf("bare", async () => {
        const password = freshValue();
        await database.query(`ALTER USER bare PASSWORD '${password}'`);
        const args = ["upgrade", "bare", chart, "-n", namespace, "--reuse-values", "--wait", "-f", "-"];
        await world.run(helm, args, JSON.stringify({ password }));
      }),
  };
}
