// What every store promises that a migration may write into.
import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SecretValue } from "../../src/core/secretValue.ts";
import type { Store } from "../../src/ports.ts";
import { canary } from "../support/canary.ts";

export interface WriterWorld {
  readonly store: Store;
  /** A store object of its own: nothing that the writer remembers helps it to read. */
  readonly reader: Store;
  readonly path: (name: string) => string;
  /** Writes by other means than ours. */
  readonly put: (path: string, secrets: Readonly<Record<string, string>>) => Promise<void>;
  /** Once, after the next reading of the path and before what is then written. */
  readonly beforeWrite: (path: string, work: () => void | Promise<void>) => void;
  /** It keeps bytes of any kind, and compares before it sets. */
  readonly exact: boolean;
  readonly close: () => Promise<void>;
}

const never = new AbortController().signal;
const text = (value: string): SecretValue => SecretValue.fromText(value);

const given = (value: string | undefined): SecretValue | undefined => (value === undefined ? undefined : text(value));

export function writerContract(name: string, make: () => Promise<WriterWorld>): void {
  describe(`${name} as a target`, () => {
    let world: WriterWorld;
    beforeEach(async () => {
      world = await make();
    });
    afterEach(() => world.close());

    const read = async (path: string): Promise<Map<string, SecretValue>> => {
      const reading = await world.reader.readPath(path, never);
      if (reading.kind !== "found") return new Map();
      return new Map(
        [...reading.secrets].flatMap(([key, secret]) => (secret.kind === "value" ? [[key, secret.value]] : [])),
      );
    };
    const create = async (path: string, secrets: Readonly<Record<string, SecretValue>>) =>
      Object.fromEntries(await world.store.writer!.create(path, new Map(Object.entries(secrets)), never));
    const remove = async (path: string, secrets: Readonly<Record<string, SecretValue>>) =>
      Object.fromEntries(await world.store.writer!.remove(path, new Map(Object.entries(secrets)), never));

    const replace = (
      path: string,
      changes: Readonly<Record<string, readonly [string | undefined, string | undefined]>>,
    ) =>
      world.store.writer!.replace(
        path,
        new Map(Object.entries(changes).map(([key, [from, to]]) => [key, { from: given(from), to: given(to) }])),
        never,
      );
    const texts = async (path: string): Promise<Record<string, string>> =>
      Object.fromEntries([...(await read(path))].map(([key, value]) => [key, value.reveal()]));
    const versions = async (path: string): Promise<Record<string, number>> => {
      const reading = await world.reader.readPath(path, never);
      if (reading.kind !== "found") return {};
      return Object.fromEntries([...reading.secrets].map(([key, { version }]) => [key, version]));
    };

    test("keys are changed, made and removed together; others stay, and a repetition writes nothing", async () => {
      const path = world.path("replaced");
      const [old, next, beside] = [canary("old"), canary("next"), canary("beside")];
      await world.put(path, { PASSWORD: old, GONE: old, BESIDE: beside, SAME: beside });
      const changes = {
        PASSWORD: [old, next],
        NEW: [undefined, next],
        GONE: [old, undefined],
        SAME: [beside, beside],
      } as const;
      expect(await replace(path, changes)).toBe("written");
      expect(await texts(path)).toEqual({ PASSWORD: next, NEW: next, BESIDE: beside, SAME: beside });
      const before = await versions(path);
      expect(await replace(path, changes)).toBe("written");
      expect(await versions(path)).toEqual(before);
      expect(await replace(world.path("nothing/yet"), { NEW: [undefined, next] })).toBe("written");
      expect(await texts(world.path("nothing/yet"))).toEqual({ NEW: next });
    });

    test("half of it done already, as after a crash, is finished", async () => {
      const path = world.path("half");
      const [old, next] = [canary("old"), canary("next")];
      await world.put(path, { PASSWORD: old, STATE: next });
      expect(await replace(path, { PASSWORD: [old, next], STATE: [undefined, next] })).toBe("written");
      expect(await texts(path)).toEqual({ PASSWORD: next, STATE: next });
    });

    test("one key that somebody changed, made or removed: nothing is written", async () => {
      const path = world.path("moved");
      const [old, next, theirs] = [canary("old"), canary("next"), canary("theirs")];
      await world.put(path, { A: old, B: theirs });
      const before = await versions(path);
      expect(await replace(path, { A: [old, next], B: [old, next] })).toBe("moved");
      expect(await replace(path, { A: [old, next], B: [undefined, next] })).toBe("moved");
      expect(await replace(path, { A: [old, next], C: [old, next] })).toBe("moved");
      expect(await replace(path, { A: [old, next], C: [old, undefined] })).toBe("written");
      expect({ ...(await texts(path)), A: old }).toEqual({ A: old, B: theirs });
      expect((await versions(path))["B"]).toBeLessThanOrEqual(before["B"]! + 1);
    });

    test("another key that is written between our reading and our write stays", async () => {
      const path = world.path("race");
      const [old, next, theirs] = [canary("old"), canary("next"), canary("theirs")];
      await world.put(path, { PASSWORD: old });
      world.beforeWrite(path, () => world.put(path, { PASSWORD: old, THEIRS: theirs }));
      expect(await replace(path, { PASSWORD: [old, next] })).toBe("written");
      expect(await texts(path)).toEqual(world.exact ? { PASSWORD: next, THEIRS: theirs } : { PASSWORD: next });
    });

    test("our key that is written between our reading and our write is theirs, where the store can compare", async () => {
      const path = world.path("lost");
      const [old, next, theirs] = [canary("old"), canary("next"), canary("theirs")];
      await world.put(path, { PASSWORD: old, STATE: old });
      world.beforeWrite(path, () => world.put(path, { PASSWORD: theirs, STATE: old }));
      expect(await replace(path, { PASSWORD: [old, next], STATE: [old, next] })).toBe(
        world.exact ? "moved" : "written",
      );
      expect((await texts(path))["PASSWORD"]).toBe(world.exact ? theirs : next);
    });

    test("new keys beside a guarded one: theirs wins there, too", async () => {
      const path = world.path("guard");
      const [old, next, theirs] = [canary("old"), canary("next"), canary("theirs")];
      await world.put(path, { PASSWORD: theirs });
      expect(await replace(path, { PASSWORD: [old, old], STATE: [undefined, next] })).toBe("moved");
      expect(await texts(path)).toEqual({ PASSWORD: theirs });
    });

    test("every text that is written comes back as it was", async () => {
      const path = world.path("rewritten");
      const c = canary("rewritten");
      const values = [`  ${c}\n\n`, `${c}\${OTHER}`, `${c}\n`, c, ""];
      await world.put(path, { KEY: c, OTHER: c });
      let last = c;
      for (const value of values) {
        expect(await replace(path, { KEY: [last, value] })).toBe("written");
        expect((await texts(path))["KEY"]).toBe(value);
        last = value;
      }
    });

    test("new keys are made beside what is there; an equal one is done, another one stays", async () => {
      const path = world.path("beside");
      const [theirs, ours] = [canary("theirs"), canary("ours")];
      await world.put(path, { SAME: ours, OTHER: theirs, BESIDE: theirs });
      expect(await create(path, { SAME: text(ours), OTHER: text(ours), NEW: text(ours) })).toEqual({
        SAME: "equal",
        OTHER: "conflict",
        NEW: "created",
      });
      const found = [...(await read(path))].map(([key, value]) => [key, value.reveal()]);
      expect(Object.fromEntries(found)).toEqual({ SAME: ours, OTHER: theirs, BESIDE: theirs, NEW: ours });
      expect(await create(path, { NEW: text(ours) })).toEqual({ NEW: "equal" });
    });

    test("every text comes back as it was", async () => {
      const path = world.path("texts");
      const c = canary("texts");
      const values = {
        empty: "",
        lines: `-----BEGIN-----\n${c}\n-----END-----\n`,
        blanks: `  ${c}\t\n\n`,
        reference: `${c}\${OTHER}`,
        unicode: `${c} ü 🔑  "\\ {{x}}`,
        large: c.padEnd(600_000, "x"),
      };
      const secrets = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, text(value)]));
      await create(path, secrets);
      const found = await read(path);
      for (const [key, value] of Object.entries(secrets))
        expect([key, found.get(key)?.equals(value)]).toEqual([key, true]);
    });

    test("bytes that are no text come back as they were, or are refused in words", async () => {
      const path = world.path("bytes");
      const bytes = SecretValue.fromBytes(Buffer.concat([Buffer.from([0, 255]), randomBytes(200)]));
      const secrets = { blob: bytes, text: text(canary("beside")) };
      const made = await create(path, secrets).catch((caught: unknown) => (caught as { code: string }).code);
      expect(made).toEqual(world.exact ? { blob: "created", text: "created" } : "StoreInvalid");
      const found = await read(path);
      expect(found.get("blob")?.equals(bytes)).toBe(world.exact || undefined);
      expect(await remove(path, { blob: bytes })).toEqual({ blob: world.exact ? "removed" : "absent" });
      expect([...(await read(path)).keys()]).toEqual(world.exact ? ["text"] : []);
    });

    test("two writers at one path lose nothing, where the store can compare", async () => {
      const path = world.path("race");
      const names = ["A", "B", "C", "D"];
      await Promise.all(names.map((key) => create(path, { [key]: text(canary(key)) })));
      const found = [...(await read(path)).keys()].sort();
      expect(world.exact ? found : names).toEqual(names);
    });

    test("only what still holds our bytes is removed, and it can be made again", async () => {
      const path = world.path("removed");
      const [ours, theirs] = [text(canary("ours")), canary("theirs")];
      await create(path, { MINE: ours });
      await world.put(path, { MINE: ours.reveal(), CHANGED: theirs });
      expect(await remove(path, { MINE: ours, CHANGED: ours, GONE: ours })).toEqual({
        MINE: "removed",
        CHANGED: "conflict",
        GONE: "absent",
      });
      expect([...(await read(path)).keys()]).toEqual(["CHANGED"]);
      expect(await remove(path, { CHANGED: text(theirs) })).toEqual({ CHANGED: "removed" });
      expect((await read(path)).size).toBe(0);
      expect(await create(path, { MINE: ours })).toEqual({ MINE: "created" });
      expect((await read(path)).get("MINE")!.equals(ours)).toBe(true);
    });
  });
}
