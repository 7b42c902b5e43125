// What every rotation target promises, whichever system it is.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { SecretValue } from "../../src/core/secretValue.ts";
import type { RotationTarget, TargetChange, TargetCredential } from "../../src/ports.ts";
import { canary } from "../support/canary.ts";
import { expectFault, expectSilent } from "../support/silence.ts";

export interface TargetWorld {
  readonly target: RotationTarget;
  /** A rotation that nothing has been done for yet: `current` works, `next` does not. */
  readonly begin: () => Promise<TargetChange>;
  /** Asks the system by other means than ours. */
  readonly accepts: (credential: TargetCredential) => Promise<boolean>;
  readonly close: () => Promise<void>;
}

const signal = new AbortController().signal;

export function describeTarget(name: string, make: () => Promise<TargetWorld>): void {
  describe(`${name} keeps the contract of RotationTarget`, { timeout: 150_000 }, () => {
    let world: TargetWorld;
    let change: TargetChange;
    beforeAll(async () => {
      world = await make();
    }, 150_000);
    afterAll(() => world.close(), 150_000);
    beforeEach(async () => {
      change = await world.begin();
    }, 150_000);

    /** Which of the two work, as the system says, and as the target says. */
    const expectWorking = async (current: boolean, next: boolean): Promise<void> => {
      expect(await Promise.all([change.current, change.next].map(world.accepts))).toEqual([current, next]);
      expect(await world.target.test(change.current, signal)).toBe(wordOf(current));
      expect(await world.target.test(change.next, signal)).toBe(wordOf(next));
    };

    test("tells what works from what does not, and changes nothing by asking", async () => {
      await expectWorking(true, false);
      const wrong = { ...change.current, value: SecretValue.fromText(canary("wrong")) };
      expect(await world.target.test(wrong, signal)).toBe("refused");
      await expectWorking(true, false);
    });

    test("set makes it take the new value, however often, and keeps the old one if it says so", async () => {
      await world.target.set(change, signal);
      await expectWorking(world.target.keepsOld, true);
      await world.target.set(change, signal);
      await world.target.set(change, signal);
      await expectWorking(world.target.keepsOld, true);
    });

    test("undo leaves just the old value, before set and after it, however often", async () => {
      await world.target.undo(change, signal);
      await expectWorking(true, false);
      await world.target.set(change, signal);
      await world.target.undo(change, signal);
      await world.target.undo(change, signal);
      await expectWorking(true, false);
      await world.target.set(change, signal);
      await expectWorking(world.target.keepsOld, true);
    });

    test("retire leaves just the new value, however often", async () => {
      await world.target.set(change, signal);
      await world.target.retire(change, signal);
      await expectWorking(false, true);
      await world.target.retire(change, signal);
      await expectWorking(false, true);
    });

    test("the next rotation begins where this one ended", async () => {
      await world.target.set(change, signal);
      await world.target.retire(change, signal);
      const { current, next } = change;
      const back = { ...current, value: SecretValue.fromText(canary("back")) };
      change = { rotation: "the-next", current: next, next: back };
      await expectWorking(true, false);
      await world.target.set(change, signal);
      await expectWorking(world.target.keepsOld, true);
      await world.target.retire(change, signal);
      await expectWorking(false, true);
    });

    test("a cancelled call changes nothing, and says that it was cancelled", async () => {
      const stop = AbortSignal.abort();
      await expectFault("Cancelled", async () => await world.target.set(change, stop));
      await expectFault("Cancelled", async () => await world.target.test(change.current, stop));
      await expectWorking(true, false);
    });

    test("check finds it in order, and shows nothing", async () => {
      const line = await world.target.check(signal);
      expect(line).toMatchObject({ ok: true });
      expectSilent(line);
    });
  });
}

function wordOf(works: boolean): string {
  return works ? "accepted" : "refused";
}
