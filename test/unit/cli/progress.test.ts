import { expect, test } from "vitest";
import { createProgress, type Progress } from "../../../src/cli/progress.ts";
import { manualClock } from "../../support/clock.ts";

interface Shown {
  readonly progress: Progress;
  readonly advance: (ms: number) => Promise<void>;
  /** What was written since it was last asked. */
  readonly written: () => string;
}

function begin(interactive: boolean, total = 4): Shown {
  const clock = manualClock();
  let text = "";
  const progress = createProgress({ interactive, err: (more) => void (text += more) }, "imported", total, clock);
  const written = (): string => {
    const all = text;
    text = "";
    return all;
  };
  return { progress, advance: (ms) => clock.advance(ms), written };
}

const CLEARED = "\r\u001B[2K";

test("on a terminal: a bar with counts and what is left, drawn in place, once it takes longer", async () => {
  const { progress, advance, written } = begin(true);
  await advance(1_400);
  expect(written()).toBe("");
  await advance(600);
  expect(written().split(CLEARED).at(-1)).toBe("[....................] 0 of 4 imported, 2 s");
  progress.step();
  await advance(200);
  expect(written()).toBe(`${CLEARED}[#####...............] 1 of 4 imported, 2 s, 7 s left`);
  progress.step();
  progress.step();
  await advance(3_800);
  expect(written().split(CLEARED).at(-1)).toBe("[###############.....] 3 of 4 imported, 6 s, 2 s left");
  progress.end();
});

test("the bar makes way for what is printed, goes at the end, and is not drawn again", async () => {
  const { progress, advance, written } = begin(true);
  await advance(1_600);
  written();
  let before = "";
  progress.above(() => (before = written()));
  expect(before).toBe(CLEARED);
  await advance(200);
  expect(written()).toContain("0 of 4 imported");
  progress.end();
  expect(written()).toBe(CLEARED);
  await advance(60_000);
  expect(written()).toBe("");
});

test("elsewhere: a plain line each ten seconds, and nothing that a log file could not show", async () => {
  const { progress, advance, written } = begin(false);
  await advance(9_900);
  expect(written()).toBe("");
  progress.step();
  await advance(100);
  expect(written()).toBe("1 of 4 imported, 10 s, 30 s left\n");
  progress.above(() => undefined);
  await advance(10_000);
  expect(written()).toBe("1 of 4 imported, 20 s, 60 s left\n");
  progress.end();
  expect(written()).toBe("");
});

test.each([true, false])(
  "nothing is drawn any more when all is done, and no colour ever (terminal: %s)",
  async (at) => {
    const { progress, advance, written } = begin(at, 1);
    await advance(20_000);
    // NO_COLOR needs no answer: cursor movement is all there is, and only on a terminal.
    expect(written().replaceAll(CLEARED, "")).not.toContain("\u001B");
    progress.step();
    await advance(20_000);
    expect(written()).toBe("");
    progress.end();
  },
);
