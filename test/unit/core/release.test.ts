import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  chooseRevisions,
  formatKey,
  isPending,
  type ReleaseStatus,
  type RevisionHead,
} from "../../../src/core/release.ts";

const STATUSES: readonly ReleaseStatus[] = [
  "deployed",
  "failed",
  "superseded",
  "uninstalled",
  "uninstalling",
  "pending-install",
  "pending-upgrade",
  "pending-rollback",
  "unknown",
];

/** `1:superseded 2:deployed` as heads. */
function heads(text: string): RevisionHead[] {
  return text
    .split(" ")
    .filter((word) => word !== "")
    .map((word) => {
      const [revision, status] = word.split(":");
      return { revision: Number(revision), status: status as ReleaseStatus, resourceVersion: "1", labels: {} };
    });
}

describe("chooseRevisions, as prepareUpgrade of helm 3 and 4 chooses", () => {
  test.each<[string, number, number | undefined]>([
    ["1:deployed", 1, 1],
    ["1:superseded 2:deployed", 2, 2],
    ["2:deployed 1:superseded", 2, 2],
    ["1:superseded 2:superseded 10:deployed 9:superseded", 10, 10],
    ["1:deployed 2:failed", 2, 1],
    ["1:superseded 2:deployed 3:failed 4:failed", 4, 2],
    ["1:deployed 2:pending-upgrade", 2, 1],
    ["1:deployed 2:pending-rollback", 2, 1],
    ["1:deployed 2:deployed", 2, 2],
    ["1:deployed 2:deployed 3:failed", 3, 2],
    ["1:failed", 1, 1],
    ["1:failed 2:failed", 2, 2],
    ["1:superseded", 1, 1],
    ["1:failed 2:superseded", 2, 2],
    ["1:pending-install", 1, undefined],
    ["1:failed 2:pending-upgrade", 2, undefined],
    ["1:uninstalled", 1, undefined],
    ["1:superseded 2:uninstalled", 2, undefined],
    ["1:superseded 2:uninstalling", 2, undefined],
    ["1:superseded 2:unknown", 2, undefined],
    ["1:deployed 2:uninstalled", 2, 1],
  ])("%s: last %i, base %s", (text, last, base) => {
    const chosen = chooseRevisions(heads(text));
    expect(chosen?.last.revision).toBe(last);
    expect(chosen?.base?.revision).toBe(base);
  });

  test("nothing of nothing", () => {
    expect(chooseRevisions([])).toBeUndefined();
  });

  test("the order of the list does not count, and it stays as it is", () => {
    const revisions = fc.uniqueArray(fc.record({ revision: fc.nat(30), status: fc.constantFrom(...STATUSES) }), {
      minLength: 1,
      selector: ({ revision }) => revision,
    });
    fc.assert(
      fc.property(revisions, (list) => {
        const given = list.map((one) => ({ ...one, resourceVersion: "1", labels: {} }));
        const before = [...given];
        const chosen = chooseRevisions(given);
        expect(given).toEqual(before);
        expect(chooseRevisions(given.toReversed())).toEqual(chosen);
        expect(chosen?.last.revision).toBe(Math.max(...given.map(({ revision }) => revision)));
        const deployed = given.filter(({ status }) => status === "deployed").map(({ revision }) => revision);
        const bases = deployed.length > 0 ? [Math.max(...deployed)] : [undefined, chosen?.last.revision];
        expect(bases).toContain(chosen?.base?.revision);
      }),
    );
  });
});

test("only the three pending states lock", () => {
  expect(STATUSES.filter(isPending)).toEqual(["pending-install", "pending-upgrade", "pending-rollback"]);
});

test("a key reads cluster/namespace/name", () => {
  expect(formatKey({ cluster: "default", namespace: "apps", name: "blog" })).toBe("default/apps/blog");
});
