// A store and a database that forget nothing and fail where a test wants: the saga is run against every crash.
import { SecretValue } from "../../../../src/core/secretValue.ts";
import type { DigestKey } from "../../../../src/core/digest.ts";
import type { DatabaseStrategy, RotationPolicy } from "../../../../src/core/rotation/policy.ts";
import { HelmwardenError } from "../../../../src/errors.ts";
import type { Ask } from "../../../../src/operations/rotate/rotate.ts";
import type { RotatePorts } from "../../../../src/operations/rotate/rotatePorts.ts";
import type { RotationTarget, Store, StoredSecret, TargetCredential } from "../../../../src/ports.ts";

export class Crash extends Error {}

/** Counts effects, and dies before or after one of them. */
export class Effects {
  count = 0;
  at: { readonly effect: number; readonly when: "before" | "after" } | undefined;

  async run<T>(effect: () => T): Promise<T> {
    const mine = this.count;
    this.count += 1;
    const dies = this.at?.effect === mine ? this.at.when : undefined;
    if (dies === "before") throw new Crash("killed before the effect");
    const result = effect();
    if (dies === "after") throw new Crash("killed after the effect");
    return result;
  }
}

export class ModelStore {
  readonly keys = new Map<string, string>();
  readonly #effects: Effects;
  /** Called before each write: a person at work. */
  beforeWrite: (() => void) | undefined;

  constructor(effects: Effects) {
    this.#effects = effects;
  }

  readonly store: Store = {
    name: "vault",
    readPath: () => Promise.resolve({ kind: "found", secrets: this.#secrets() }),
    check: () => Promise.resolve({ subject: "store", ok: true, message: "" }),
    close: () => Promise.resolve(),
    writer: {
      create: () => Promise.reject(new Error("unused")),
      remove: () => Promise.reject(new Error("unused")),
      replace: (_path, changes) => {
        this.beforeWrite?.();
        return this.#effects.run(() => {
          const wanted = [...changes].map(([key, { from, to }]) => [key, from?.reveal(), to?.reveal()] as const);
          const isSame = wanted.every(([key, from, to]) => [from, to].includes(this.keys.get(key)));
          if (!isSame) return "moved";
          for (const [key, , to] of wanted)
            if (to === undefined) this.keys.delete(key);
            else this.keys.set(key, to);
          return "written";
        });
      },
    },
  };

  #secrets(): Map<string, StoredSecret> {
    return new Map(
      [...this.keys].map(([key, text]) => [
        key,
        { kind: "value", value: SecretValue.fromText(text), version: 1, updatedAt: new Date(0) },
      ]),
    );
  }
}

/** Users and the passwords that each may log in with. */
export class ModelDatabase {
  readonly users = new Map<string, Set<string>>();
  refuses: ((password: string) => boolean) | undefined;
  /** The statement works, and its answer is lost. */
  dropsAnswer = false;
  readonly #effects: Effects;
  readonly #strategy: DatabaseStrategy["kind"];

  constructor(effects: Effects, strategy: DatabaseStrategy["kind"]) {
    this.#effects = effects;
    this.#strategy = strategy;
  }

  takes({ user, value }: Pick<TargetCredential, "user" | "value">): boolean {
    return this.users.get(user ?? "")?.has(value.reveal()) ?? false;
  }

  get target(): RotationTarget {
    return {
      keepsOld: this.#strategy !== "single",
      test: (credential) => Promise.resolve(this.takes(credential) ? "accepted" : "refused"),
      set: ({ current, next }) =>
        this.#effects.run(() => {
          if (this.refuses?.(next.value.reveal())) throw new HelmwardenError("TargetRefused", "The policy says no.");
          const kept = this.#strategy === "dual" ? [current.value.reveal()] : [];
          this.users.set(next.user ?? "", new Set([next.value.reveal(), ...kept]));
          if (!this.dropsAnswer) return;
          this.dropsAnswer = false;
          throw new HelmwardenError("TargetUnavailable", "The connection broke.");
        }),
      undo: ({ current, next }) =>
        this.#effects.run(() => {
          if (next.user !== current.user) this.users.set(next.user ?? "", new Set());
          this.users.set(current.user ?? "", new Set([current.value.reveal()]));
        }),
      retire: ({ current, next }) =>
        this.#effects.run(() => {
          if (current.user !== next.user) this.users.set(current.user ?? "", new Set());
          this.users.set(next.user ?? "", new Set([next.value.reveal()]));
        }),
      check: () => Promise.resolve({ subject: "target", ok: true, message: "" }),
      close: () => Promise.resolve(),
    };
  }
}

const STRATEGIES: Readonly<Record<DatabaseStrategy["kind"], DatabaseStrategy>> = {
  dual: { kind: "dual", user: "app" },
  single: { kind: "single", user: "app" },
  alternating: { kind: "alternating", users: ["app", "app_b"], userKey: "DB_USER" },
};

/** One policy with its store and its database, begun with `password` everywhere. */
export function openModel(strategy: DatabaseStrategy["kind"], password: string) {
  const effects = new Effects();
  const store = new ModelStore(effects);
  const database = new ModelDatabase(effects, strategy);
  store.keys.set("PASSWORD", password);
  store.keys.set("OTHER", "stays");
  if (strategy === "alternating") store.keys.set("DB_USER", "app");
  database.users.set("app", new Set([password]));
  database.users.set("app_b", new Set());
  const policy: RotationPolicy = {
    name: "db",
    namespace: "web",
    cluster: "default",
    secret: { store: "vault", path: "apps/db", key: "PASSWORD" },
    every: { kind: "interval", ms: 90 * 86_400_000 },
    window: undefined,
    deadlineMs: 86_400_000,
    jitterMs: 0,
    countStoreChanges: false,
    generate: { kind: "hex", bytes: 16 },
    target: {
      kind: "postgres",
      host: "db",
      port: 5432,
      database: undefined,
      tls: { mode: "prefer", caFile: undefined },
      userHost: "%",
      strategy: STRATEGIES[strategy],
      admin: { user: "root", password: { fromEnv: "ADMIN" } },
    },
    overlap: undefined,
    owner: undefined,
    notify: undefined,
    where: { file: "test.yaml", line: 1 },
  };
  const records: { kind: string; action: string }[] = [];
  let made = 0;
  const ports: RotatePorts = {
    stores: new Map([["vault", store.store]]),
    target: database.target,
    generate: () => {
      made += 1;
      return Promise.resolve({ value: SecretValue.fromText(`${password}-next-${made}`), beside: new Map() });
    },
    dependents: [],
    portsOf: () => Promise.reject(new Error("no dependents")),
    withLease: () => Promise.reject(new Error("no dependents")),
    audit: {
      append: (record) => {
        records.push(record);
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    },
    clock: { now: () => new Date("2026-11-23T00:00:00Z"), monotonic: () => 0, sleep: () => Promise.resolve() },
    digestKey: new Uint8Array(32) as DigestKey,
    run: "run",
    random: (length) => new Uint8Array(length),
    onStep: () => undefined,
  };
  const current = (): TargetCredential => ({
    value: SecretValue.fromText(store.keys.get("PASSWORD") ?? ""),
    user: store.keys.get("DB_USER") ?? "app",
    id: undefined,
  });
  return { effects, store, database, policy, ports, records, current, made: () => made };
}

export const NOW: Ask = { reason: "test", asked: true, isDue: ({ state }) => state.rotatedAt === undefined };
