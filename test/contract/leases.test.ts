import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { HelmwardenError } from "../../src/errors.ts";
import type { Cluster } from "../../src/ports.ts";
import { clusterApi } from "../support/clusterApi.ts";
import { type FaultProxy, startFaultProxy } from "../support/faultProxy.ts";
import { makeNamespace, type TestNamespace } from "../support/namespace.ts";
import { openCluster } from "../support/openCluster.ts";
import { type ServerProcess, startProcess, waitUntil } from "../support/process.ts";
import { sharedServers } from "../support/servers.ts";
import { makeServiceAccount } from "../support/serviceAccount.ts";
import { expectFault } from "../support/silence.ts";

const { kubeconfig, runDir } = sharedServers();
const signal = new AbortController().signal;
const api = clusterApi(kubeconfig);
const LEASES = /\/leases/;
const DURATION_MS = 3_000;

let namespace: TestNamespace;
let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(runDir, "leases-"));
});
beforeEach(async () => {
  namespace = await makeNamespace(kubeconfig, "leases");
});
afterEach(() => namespace.remove());

const path = (name = ""): string => `/apis/coordination.k8s.io/v1/namespaces/${namespace.name}/leases/${name}`;
const lease = (name = "one"): { namespace: string; name: string } => ({ namespace: namespace.name, name });

interface Spec {
  readonly holderIdentity: string;
  readonly leaseTransitions: number;
}
const specOf = async (name = "one"): Promise<Spec> => ((await api("GET", path(name))).body as { spec: Spec }).spec;
const rewrite = (change: object, name = "one"): Promise<unknown> =>
  api("PATCH", path(name), change, "application/merge-patch+json");
const until = (what: string, ready: () => Promise<boolean> | boolean, timeoutMs = 20_000): Promise<void> =>
  waitUntil(what, async () => await ready(), { processes: [], timeoutMs });
const done = (): Promise<string> => Promise.resolve("done");
const failing = (): Promise<never> => Promise.reject(new HelmwardenError("VerifyFailed", "A reason; do this."));
const aborted = (held: AbortSignal): Promise<void> =>
  new Promise((resolve) => held.addEventListener("abort", () => resolve(), { once: true }));

describe("one process", () => {
  let proxy: FaultProxy;
  let cluster: Cluster;
  const others: Cluster[] = [];

  const another = async (options = {}): Promise<Cluster> => {
    const made = await openCluster(kubeconfig, { leaseDurationMs: DURATION_MS, ...options });
    others.push(made);
    return made;
  };
  beforeEach(async () => {
    proxy = await startFaultProxy(kubeconfig);
    cluster = await openCluster(proxy.kubeconfig(join(dir, "kubeconfig")), { leaseDurationMs: DURATION_MS });
  });
  afterEach(async () => {
    await Promise.all([cluster, ...others.splice(0)].map((each) => each.close()));
    await proxy.close();
  });

  test("undisturbed work costs two calls, and leaves the lease without a holder", async () => {
    expect(await cluster.withLease(lease(), done, signal)).toEqual({ kind: "held", result: "done" });
    expect(await specOf()).toMatchObject({ holderIdentity: "", leaseTransitions: 0 });
    proxy.forget();
    await cluster.withLease(lease(), done, signal);
    expect(proxy.requests.map(({ method }) => method)).toEqual(["PUT", "PUT"]);
    expect(await specOf()).toMatchObject({ holderIdentity: "", leaseTransitions: 1 });
  });

  test("while it is held, it is taken for others and for ourselves", async () => {
    const other = await another({ holder: "other" });
    await cluster.withLease(
      lease(),
      async () => {
        const { holderIdentity: by } = await specOf();
        expect(await other.withLease(lease(), failing, signal)).toEqual({ kind: "taken", by });
        expect(await cluster.withLease(lease(), failing, signal)).toEqual({ kind: "taken", by });
      },
      signal,
    );
    const result = await other.withLease(lease(), () => specOf(), signal);
    expect(result).toMatchObject({ kind: "held", result: { holderIdentity: "other", leaseTransitions: 1 } });
  });

  test("ten workers on one lease are never two at once, and all get their turns", async () => {
    const workers = await Promise.all(Array.from({ length: 10 }, () => another()));
    let inside = 0;
    let most = 0;
    let turns = 0;
    const takeTurns = async (worker: Cluster): Promise<void> => {
      for (let own = 0; own < 5;) {
        const outcome = await worker.withLease(
          lease(),
          async () => {
            turns += 1;
            inside += 1;
            most = Math.max(most, inside);
            await pause(5);
            inside -= 1;
          },
          signal,
        );
        if (outcome.kind === "held") own += 1;
        else await pause(Math.random() * 50);
      }
    };
    await Promise.all(workers.map(takeTurns));
    expect({ most, turns }).toEqual({ most: 1, turns: 50 });
    expect(await specOf()).toMatchObject({ holderIdentity: "", leaseTransitions: 49 });
  });

  test("it is renewed for as long as the work runs, also when others annotate it", async () => {
    const other = await another();
    const outcome = await cluster.withLease(
      lease(),
      async (held) => {
        await rewrite({ metadata: { annotations: { by: "a person" } } });
        const deadline = performance.now() + 2 * DURATION_MS;
        while (performance.now() < deadline) {
          expect(await other.withLease(lease(), async () => "both hold it", signal)).toMatchObject({ kind: "taken" });
          await pause(200);
        }
        return held.aborted;
      },
      signal,
    );
    expect(outcome).toEqual({ kind: "held", result: false });
    expect(await specOf()).toMatchObject({ holderIdentity: "", leaseTransitions: 0 });
  });

  test("work that throws or is aborted releases it", async () => {
    await expectFault("VerifyFailed", () => cluster.withLease(lease(), failing, signal));
    expect(await specOf()).toMatchObject({ holderIdentity: "" });
    const controller = new AbortController();
    const outcome = cluster.withLease(
      lease(),
      async (held) => {
        setImmediate(() => controller.abort());
        await aborted(held);
      },
      controller.signal,
    );
    expect(await outcome).toMatchObject({ kind: "held" });
    expect(await specOf()).toMatchObject({ holderIdentity: "", leaseTransitions: 1 });
  });

  test("when somebody else takes it, the work is aborted, and the lease is left alone", async () => {
    await cluster.withLease(
      lease(),
      async (held) => {
        await rewrite({ spec: { holderIdentity: "thief", leaseTransitions: 7 } });
        await aborted(held);
        expect(held.reason).toMatchObject({ code: "ReleaseConflict" });
      },
      signal,
    );
    expect(await specOf()).toMatchObject({ holderIdentity: "thief", leaseTransitions: 7 });
  });

  test.each(["hang", "reset"] as const)(
    "when renewals %s, the work is aborted before others may take it",
    async (kind) => {
      const startedAt = performance.now();
      await cluster.withLease(
        lease(),
        async (held) => {
          proxy.inject({ path: LEASES, fault: { kind } });
          await aborted(held);
        },
        signal,
      );
      const took = performance.now() - startedAt;
      expect(took).toBeGreaterThan((DURATION_MS * 2) / 3 - 200);
      expect(took).toBeLessThan(DURATION_MS - 200);
    },
  );

  test("one renewal that hangs or fails does not end the work", async () => {
    const outcome = await cluster.withLease(
      lease(),
      async (held) => {
        proxy.inject({ path: LEASES, times: 1, fault: { kind: "hang" } });
        await pause(DURATION_MS);
        return held.aborted;
      },
      signal,
    );
    expect(outcome).toEqual({ kind: "held", result: false });
  });

  test("after a pause, whatever is begun with the signal or one made from it knows at once", async () => {
    await cluster.withLease(
      lease(),
      async (held) => {
        const derived = AbortSignal.any([held, AbortSignal.timeout(60_000)]);
        expect(held.aborted).toBe(false);
        const wakesAt = performance.now() + (DURATION_MS * 2) / 3;
        while (performance.now() < wakesAt);
        proxy.forget();
        await expectFault("Cancelled", () => cluster.secrets.get(namespace.name, "any", derived));
        expect(proxy.requests.filter(({ path: asked }) => !LEASES.test(asked))).toEqual([]);
        expect(() => held.throwIfAborted()).toThrow("was lost while we worked");
      },
      signal,
    );
  });

  test("answers that are lost on the way cost no turn", async () => {
    for (const method of ["POST", "PUT", "PUT"]) {
      proxy.inject({ method, path: LEASES, times: 1, fault: { kind: "lose" } });
      expect(await cluster.withLease(lease(), () => specOf(), signal)).toMatchObject({ kind: "held" });
      expect(await specOf()).toMatchObject({ holderIdentity: "" });
    }
  });

  test("a lease that a person deleted is made anew", async () => {
    await cluster.withLease(lease(), () => specOf(), signal);
    await api("DELETE", path("one"));
    expect(await cluster.withLease(lease(), () => specOf(), signal)).toMatchObject({ kind: "held" });
    expect(await specOf()).toMatchObject({ holderIdentity: "" });
  });

  test("a missing permission is named", async () => {
    const token = await makeServiceAccount(kubeconfig, [namespace.name], []);
    const limited = await openCluster(proxy.kubeconfig(join(dir, "limited"), { token }));
    others.push(limited);
    const fault = await expectFault("ClusterDenied", () => limited.withLease(lease(), () => specOf(), signal));
    expect(fault.message).toContain('{apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["get"]}');
  });
});

describe("processes that die or pause", () => {
  const children: ServerProcess[] = [];
  const program = fileURLToPath(new URL("../fixtures/holdLease.ts", import.meta.url));
  let file: string;

  beforeEach(() => {
    file = join(dir, `${namespace.name}.log`);
  });
  afterEach(async () => {
    await Promise.all(children.splice(0).map((child) => child.end("SIGKILL")));
  });

  const lines = (): string[] => readFileSync(file, "utf8").trimEnd().split("\n");
  const startHolder = async (holder: string, word: string): Promise<ServerProcess> => {
    const child = startProcess({
      name: holder,
      program: process.execPath,
      args: [program, kubeconfig, namespace.name, holder, file, String(DURATION_MS)],
      logFile: join(dir, `${namespace.name}-${holder}.log`),
    });
    children.push(child);
    const ready = async (): Promise<boolean> => lines().includes(`${word} ${holder}`);
    await waitUntil(`${holder} says ${word}`, ready, { processes: [child], timeoutMs: 30_000 });
    return child;
  };
  /** Nobody wrote but the one who started last. */
  const expectOneWriter = (): void => {
    let holder = "";
    for (const line of lines()) {
      const [word = "", who = ""] = line.split(" ");
      if (word === "start") holder = who;
      if (word === "write") expect(who).toBe(holder);
    }
  };

  test("the lease of a holder that was killed is taken over, not before its time", async () => {
    const first = await startHolder("first", "start");
    const second = await startHolder("second", "ready");
    const killedAt = performance.now();
    await first.end("SIGKILL");
    await until("the second has it", () => lines().includes("start second"));
    expect(performance.now() - killedAt).toBeGreaterThan((DURATION_MS * 2) / 3 - 200);
    await second.end("SIGTERM", 15_000);
    expect(second.ended()).toBe("exit code 0");
    expect(lines().at(-1)).toBe("end second");
    expect(await specOf("shared")).toMatchObject({ holderIdentity: "", leaseTransitions: 1 });
    expectOneWriter();
  });

  test("a holder that was stopped and wakes up writes nothing more, and does not disturb the new one", async () => {
    const first = await startHolder("first", "start");
    const second = await startHolder("second", "ready");
    first.child.kill("SIGSTOP");
    await until("the second has it", () => lines().includes("start second"));
    first.child.kill("SIGCONT");
    await until("the first knows", () => lines().includes("lost first"));
    await until("the first is gone", () => first.ended() !== undefined);
    const soFar = lines().length;
    await until("the second writes on", () => lines().length > soFar + 10);
    expect(await specOf("shared")).toMatchObject({ holderIdentity: "second", leaseTransitions: 1 });
    await second.end("SIGTERM", 15_000);
    expect(await specOf("shared")).toMatchObject({ holderIdentity: "" });
    expectOneWriter();
  });
});
