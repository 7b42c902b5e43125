import { expect, test } from "vitest";
import { closingLine, skippedIn, type VitestSummary } from "../../../scripts/testSummary.ts";

const file = (name: string, ...assertionResults: { status: string; fullName: string }[]) => ({
  name: `/sources/${name}`,
  status: "passed",
  assertionResults,
});
const summary = (...testResults: VitestSummary["testResults"]): VitestSummary => ({
  numPassedTests: 1,
  numFailedTests: 1,
  testResults,
});

test("a test that was not run is named with its file, whatever vitest calls it", () => {
  const made = summary(
    file("test/a.test.ts", { status: "passed", fullName: "one" }, { status: "skipped", fullName: "as root" }),
    file("test/b.test.ts", { status: "failed", fullName: "two" }, { status: "pending", fullName: "may not mount" }),
    file("test/c.test.ts", { status: "todo", fullName: "later" }),
  );
  expect(skippedIn(made, "/sources")).toEqual([
    "test/a.test.ts: as root",
    "test/b.test.ts: may not mount",
    "test/c.test.ts: later",
  ]);
  expect(skippedIn(summary(), "/sources")).toEqual([]);
});

test("the closing line counts all three", () => {
  expect(closingLine({ passed: 3, failed: 0, skipped: 2 })).toBe("3 passed, 0 failed, 2 skipped");
});
