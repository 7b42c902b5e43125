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
  /** It keeps bytes of any kind, and compares before it sets. */
  readonly exact: boolean;
  readonly close: () => Promise<void>;
}

const never = new AbortController().signal;
const text = (value: string): SecretValue => SecretValue.fromText(value);

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
