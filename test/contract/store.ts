// The one contract of the port Store. Every provider runs it, against the real server or what stands for it.
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PathReading, Store } from "../../src/ports.ts";
import { canary } from "../support/canary.ts";
import { expectFault, expectSilent } from "../support/silence.ts";

/** A server with secrets on it, and stores that are connected to it. All its credentials hold canaries. */
export interface StoreWorld {
  /** A store with good credentials. */
  readonly store: Store;
  /** A path as this provider spells it, which no other test uses. */
  path(name: string): string;
  /** Writes all secrets of a path, replacing what was there. */
  put(path: string, secrets: Readonly<Record<string, string>>): Promise<void>;
  /** Puts a secret at this key which the store has and does not give as text, and tells its kind. */
  putOdd(path: string, key: string): Promise<"hidden" | "notText">;
  /** The same store with a wrong credential. */
  denied(): Store;
  /** The same store at another address, whose calls end after 1.5 seconds at most. */
  at(address: string): Store;
  /** Requests that the server has had so far. */
  requests(): Promise<number> | number;
  close(): Promise<void>;
}

const signal = new AbortController().signal;

export function storeContract(name: string, make: () => Promise<StoreWorld>): void {
  describe(`${name} keeps the contract of Store`, () => {
    let world: StoreWorld;
    let silent: Server;
    beforeAll(async () => {
      world = await make();
      silent = createServer().listen(0, "127.0.0.1");
    });
    afterAll(async () => {
      silent.close();
      await world.close();
    });
    const silentAddress = (): string => `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;

    it("gives every secret of a path as it was written", async () => {
      const path = world.path("found");
      const secrets = {
        PLAIN: canary("plain"),
        ODD: `${canary("odd")} "quotes"\nlines\\ é 🔑 \${ x } {{ y }} =,`,
        ZEROS: "0123",
        EMPTY: "",
      };
      await world.put(path, secrets);
      const reading = await world.store.readPath(path, signal);
      expect(textsOf(reading)).toEqual(secrets);
      expectSilent(reading);
    });

    it("reads a path again in one request", async () => {
      const path = world.path("one-request");
      await world.put(path, { A: canary("a"), B: canary("b") });
      await world.store.readPath(path, signal);
      const before = await world.requests();
      await world.store.readPath(path, signal);
      expect((await world.requests()) - before).toBe(1);
    });

    it("gives the same object until something moved", async () => {
      const path = world.path("moves");
      await world.put(path, { KEY: canary("first") });
      const first = await world.store.readPath(path, signal);
      expect(await world.store.readPath(path, signal)).toBe(first);
      const second = canary("second");
      await world.put(path, { KEY: second });
      const moved = await world.store.readPath(path, signal);
      expect(moved).not.toBe(first);
      expect(textsOf(moved)).toEqual({ KEY: second });
    });

    it("says missing for a path that was never written", async () => {
      expect(await world.store.readPath(world.path("never"), signal)).toEqual({ kind: "missing", why: "absent" });
    });

    it("lists the paths below one at any depth, nothing beside it, and the whole store", async () => {
      const below = ["tree/b", "tree/a/deep/er", "tree/a"].map((one) => world.path(one));
      const beside = world.path("treetop");
      for (const path of [...below, beside]) await world.put(path, { KEY: canary("tree") });
      const list = async (path: string): Promise<readonly string[]> =>
        (await world.store.listPaths!(path, signal)).toSorted();
      expect(await list(world.path("tree"))).toEqual(below.toSorted());
      expect(await list(world.path("tree/a"))).toEqual([world.path("tree/a/deep/er")]);
      expect(await list(world.path("no/such/tree"))).toEqual([]);
      expect(await list("")).toEqual(expect.arrayContaining([...below, beside]));
      await expectFault("StoreDenied", () => world.denied().listPaths!(world.path("tree"), signal));
    });

    it("shows that a secret is there though it is not text for us", async () => {
      const path = world.path("odd");
      const kind = await world.putOdd(path, "ODD");
      const reading = await world.store.readPath(path, signal);
      expect(reading).toMatchObject({ kind: "found" });
      expect(reading.kind === "found" && reading.secrets.get("ODD")?.kind).toBe(kind);
    });

    it("ends at once when the caller aborts", async () => {
      const aborted = AbortSignal.abort();
      await expectFault("Cancelled", () => world.store.readPath(world.path("found"), aborted));
      const store = world.at(silentAddress());
      const controller = new AbortController();
      const reading = expectFault("Cancelled", () => store.readPath(world.path("found"), controller.signal));
      silent.once("connection", () => controller.abort());
      await reading;
      await store.close();
    });

    it("gives up on a server that never answers", { timeout: 10_000 }, async () => {
      const store = world.at(silentAddress());
      await expectFault("StoreUnavailable", () => store.readPath(world.path("found"), signal));
      await store.close();
    });

    it("says that a server cannot be reached", async () => {
      const store = world.at("http://127.0.0.1:1");
      await expectFault("StoreUnavailable", () => store.readPath(world.path("found"), signal));
      expect(await store.check(signal)).toMatchObject({ ok: false, advice: expect.stringMatching(/./) as string });
      await store.close();
    });

    it("says that wrong credentials are refused", async () => {
      const store = world.denied();
      await expectFault("StoreDenied", () => store.readPath(world.path("found"), signal));
      const line = await store.check(signal);
      expectSilent(line);
      expect(line).toMatchObject({ ok: false, advice: expect.stringMatching(/./) as string });
      await store.close();
    });

    it("checks that all is well", async () => {
      const line = await world.store.check(signal);
      expect(line).toMatchObject({ ok: true });
      expect(line).not.toHaveProperty("advice");
    });
  });
}

function textsOf(reading: PathReading): Record<string, string> {
  if (reading.kind !== "found") throw new Error(`expected secrets, found ${JSON.stringify(reading)}`);
  const texts: Record<string, string> = {};
  for (const [key, secret] of reading.secrets) {
    if (secret.kind !== "value") throw new Error(`${key} is ${secret.kind}`);
    texts[key] = secret.value.reveal();
  }
  return texts;
}
