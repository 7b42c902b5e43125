import { beforeEach, expect, test } from "vitest";
import type { JsonObject } from "../../../src/core/json.ts";
import { Sealed, SecretValue } from "../../../src/core/secretValue.ts";
import type { SecretSync } from "../../../src/core/spec.ts";
import { digestKeyOf } from "../../../src/digestKey.ts";
import type { SecretPorts } from "../../../src/operations/reconcileSecret.ts";
import { secretsToPassWith } from "../../../src/operations/secretsTogether.ts";
import { createStorePass } from "../../../src/operations/storePass.ts";
import type { LiveSecret, Workload } from "../../../src/ports.ts";
import { canary } from "../../support/canary.ts";
import { manualClock } from "../../support/clock.ts";
import { memoryStore } from "../../support/memoryStore.ts";

const { signal } = new AbortController();

function specOf(secret: string, more: Partial<SecretSync> = {}): SecretSync {
  const source = { kind: "ref", ref: { store: "vault", path: "shop", key: secret } } as const;
  const data = [{ key: "value", kind: undefined, source }];
  const guards = { statefulCredential: "hold", empty: "hold" } as const;
  const fixed = { name: secret, cluster: "default", namespace: "web", type: undefined, restart: "auto" } as const;
  return { ...fixed, secret, data, guards, drift: "correct", ...more } as unknown as SecretSync;
}

/** A workload that reads these Secrets at its start. */
function reader(name: string, ...secrets: string[]): Workload {
  const envFrom = secrets.map((secret) => ({ secretRef: { name: secret } }));
  return {
    ref: { kind: "Deployment", namespace: "web", name },
    podTemplate: new Sealed<JsonObject>({ spec: { containers: [{ name: "main", envFrom }] } }),
    remembers: false,
    rollout: { generation: 1, observedGeneration: 1, wanted: 1, updated: 1, ready: 1, total: 1 },
  };
}

let workloads: Workload[];
let asked: string[];
/** Secrets that hold something else than the store says. */
let outdated: string[];
beforeEach(() => {
  asked = [];
  outdated = ["a", "b", "c", "d"];
});

async function together(of: string, more: Record<string, Partial<SecretSync>> = {}): Promise<string[]> {
  const store = memoryStore();
  store.put("shop", "a", "b", "c", "d");
  const reading = await store.readPath("shop", signal);
  const get = async (namespace: string, name: string): Promise<LiveSecret> => {
    asked.push(name);
    const wanted = reading.kind === "found" ? reading.secrets.get(name) : undefined;
    const held =
      wanted?.kind === "value" && !outdated.includes(name) ? wanted.value : SecretValue.fromText(canary("old"));
    const fixed = { type: "Opaque", immutable: false, ownedKeys: new Set<string>(), writtenAt: undefined };
    return { ...fixed, namespace, name, resourceVersion: "7", data: new Map([["value", held]]) };
  };
  const ports = {
    cluster: {
      secrets: { get },
      statuses: { get: async () => undefined },
      workloads: { list: async () => workloads },
    },
    clock: manualClock(),
    digestKey: digestKeyOf(Buffer.alloc(32)),
    asked: false,
  } as unknown as SecretPorts;
  const near = ["d", "c", "b", "a"].map((name) => specOf(name, more[name]));
  const spec = near.find(({ secret }) => secret === of)!;
  const found = await secretsToPassWith(
    ports,
    spec,
    near,
    createStorePass(new Map([["vault", store]]), signal),
    signal,
  );
  return found.map(({ secret }) => secret);
}

test("Secrets that one workload reads go together, and what is read with any of them, in one order for all", async () => {
  workloads = [reader("one", "a", "c"), reader("two", "c", "b"), reader("three", "d")];
  for (const of of ["a", "b", "c"]) expect(await together(of)).toEqual(["a", "b", "c"]);
  expect(await together("d")).toEqual(["d"]);
});

test("what is in step, elsewhere, or not to be restarted for goes by itself", async () => {
  workloads = [reader("one", "a", "b", "c", "d")];
  outdated = ["a", "c"];
  expect(await together("a")).toEqual(["a", "c"]);
  expect(await together("a", { c: { restart: "never" } })).toEqual(["a"]);
  expect(await together("a", { c: { namespace: "other" } })).toEqual(["a"]);
  expect(await together("a", { c: { cluster: "other" } })).toEqual(["a"]);
});

test("nothing is asked of the others for one that is in step itself", async () => {
  workloads = [reader("one", "a", "b")];
  outdated = ["b"];
  expect(await together("a")).toEqual(["a"]);
  expect(asked).toEqual(["a"]);
});
