import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Digest } from "../../../src/core/digest.ts";
import type { JsonObject } from "../../../src/core/json.ts";
import { type Plan, planRelease, type WantedValue, wantedDigest } from "../../../src/core/plan.ts";
import type { ReleaseStatus, StoredRelease } from "../../../src/core/release.ts";
import type { StatusRecord } from "../../../src/core/statusRecord.ts";
import { formatValuePath } from "../../../src/core/valuePath.ts";
import { mergeValues } from "../../../src/core/values.ts";
import { canary } from "../../support/canary.ts";
import { DIGEST_KEY, pathOf, releaseOf, revisionOf, wantedValue } from "../../support/revision.ts";

const [old, now, third] = ["old", "now", "third"].map(canary) as [string, string, string];
const values = [wantedValue("db.password", now)];

function plan(
  stored: StoredRelease,
  record?: StatusRecord,
  asked = false,
  wanted: readonly WantedValue[] = values,
): Plan {
  const keyless = false;
  return planRelease({
    release: stored,
    values: wanted,
    allowEmpty: false,
    record,
    digestKey: DIGEST_KEY,
    keyless,
    asked,
  });
}

/** What was recorded when `wanted` was settled, or begun, or taken back. */
function recordOf(wanted: readonly WantedValue[], change: Partial<StatusRecord> = {}): StatusRecord {
  const digest = wantedDigest(DIGEST_KEY, wanted);
  return {
    phase: "settled",
    wanted: digest,
    revision: 1,
    outcome: "changed",
    run: "r",
    at: "2026-01-01T00:00:00Z",
    ...change,
  };
}

const RECORDS: Readonly<Record<string, StatusRecord | undefined>> = {
  none: undefined,
  settled: recordOf(values),
  applying: recordOf(values, { phase: "applying", outcome: "applying" }),
  "settled old": recordOf([wantedValue("db.password", old)]),
  "applying old": recordOf([wantedValue("db.password", old)], { phase: "applying" }),
  restored: recordOf(values, { outcome: "restored" }),
};

/** `1:superseded=old 2:deployed=now`: revisions with what they hold at db.password; no `=`: nothing. */
function release(text: string): StoredRelease {
  return releaseOf(
    ...text.split(" ").map((part) => {
      const [, revision, status, held] = /^(\d+):([a-z-]+)(?:=(\w+))?$/.exec(part) ?? [];
      const texts: Record<string, string> = { old, now, third };
      const config: JsonObject = held === undefined ? {} : { db: { password: texts[held] ?? held, user: "app" } };
      return revisionOf({ revision: Number(revision), status: status as ReleaseStatus, config });
    }),
  );
}

/** `upgrade drift`, `hold locked`, `adopt unfinished`, `none`. */
function word(made: Plan): string {
  switch (made.kind) {
    case "upgrade":
      return `upgrade ${made.why}`;
    case "hold":
      return `hold ${made.holds.map(({ reason }) => reason).join(" ")}`;
    case "adopt":
      return made.unfinished ? "adopt unfinished" : "adopt";
    default:
      return made.kind;
  }
}

describe("release × record → plan", () => {
  test.each<[string, string, string]>([
    // Helm holds the wanted value.
    ["1:deployed=now", "none", "adopt"],
    ["1:deployed=now", "settled", "none"],
    ["1:deployed=now", "applying", "adopt unfinished"],
    ["1:deployed=now", "settled old", "adopt"],
    ["1:deployed=now", "applying old", "adopt"],
    ["1:deployed=now", "restored", "adopt"],
    ["3:superseded=old 4:deployed=now", "settled", "none"],
    // The store moved, or the release did.
    ["1:deployed=old", "none", "upgrade outdated"],
    ["1:deployed=old", "settled old", "upgrade outdated"],
    ["1:deployed=old", "applying", "upgrade outdated"],
    ["1:deployed=old", "settled", "upgrade drift"],
    ["1:superseded=now 2:deployed=third", "settled", "upgrade drift"],
    ["1:deployed", "none", "upgrade outdated"],
    ["1:deployed", "settled", "upgrade drift"],
    // A failed upgrade came after the deployed one.
    ["1:deployed=old 2:failed=now", "applying", "upgrade outdated"],
    ["1:deployed=now 2:failed=third", "settled", "upgrade repair"],
    ["1:deployed=now 2:failed=old", "none", "upgrade repair"],
    ["1:deployed=now 2:failed", "settled", "upgrade repair"],
    ["1:deployed=old 2:failed=third", "settled old", "upgrade repair"],
    ["1:deployed=now 2:failed=now", "settled", "none"],
    ["1:deployed=now 2:failed=now 3:failed=old", "settled", "upgrade repair"],
    // Only failed ones: Helm would build on the newest, we do not.
    ["1:failed=old", "none", "hold notDeployed"],
    ["1:failed=old 2:failed=now", "none", "hold notDeployed"],
    ["1:failed=now 2:superseded=old", "none", "upgrade outdated"],
    // It may not be touched.
    ["1:deployed=old 2:pending-upgrade=now", "settled", "hold locked"],
    ["1:deployed=now 2:pending-rollback=now", "settled", "hold locked"],
    ["1:pending-install=old", "none", "hold locked"],
    ["1:failed=old 2:pending-upgrade=old", "none", "hold locked"],
    ["1:uninstalled=now", "settled", "hold notDeployed"],
    ["1:superseded=now 2:uninstalled=now", "settled", "hold notDeployed"],
    ["1:deployed=now 2:uninstalling=now", "settled", "hold notDeployed"],
    ["1:unknown=now", "settled", "hold notDeployed"],
    // It was tried, and taken back.
    ["1:deployed=old", "restored", "hold stalled"],
    ["1:superseded=now 2:deployed=old", "restored", "upgrade outdated"],
  ])("%s, record %s: %s", (text, record, expected) => {
    const made = plan(release(text), RECORDS[record]);
    expect(word(made)).toBe(expected);
    expect(JSON.stringify(made)).not.toContain("hwcanary");
  });

  test("what stalled is tried once more when a person asks", () => {
    expect(word(plan(release("1:deployed=old"), RECORDS["restored"], true))).toBe("upgrade outdated");
    expect(word(plan(release("1:deployed=old 2:pending-upgrade=old"), RECORDS["restored"], true))).toBe("hold locked");
  });

  test("a failed revision that cannot even take the path is half applied as well", () => {
    const failed = revisionOf({ revision: 2, status: "failed", config: { db: "scalar" } });
    const made = plan(releaseOf(revisionOf({ config: { db: { password: now } } }), failed), RECORDS["settled"]);
    expect(word(made)).toBe("upgrade repair");
  });
});

describe("the upgrade", () => {
  const base = revisionOf({
    revision: 4,
    config: { db: { password: old, user: "app" }, replicas: 2 },
    defaults: { api: { token: third } },
  });
  const failed = revisionOf({ revision: 6, status: "failed", config: { db: { password: now } } });
  const wanted = [...values, wantedValue("api.token", now, { kind: "token" }), wantedValue("new.key", now)];

  test("builds on the deployed revision, and is to become the one after the newest", () => {
    const made = plan(releaseOf(base, failed), undefined, false, wanted);
    expect(made).toMatchObject({ kind: "upgrade", upgrade: { base: { revision: 4 }, lastRevision: 6 } });
    const { upgrade } = made as Plan & { kind: "upgrade" };
    expect(upgrade.overlay.open()).toEqual({ db: { password: now }, api: { token: now }, new: { key: now } });
    expect(upgrade.expected.open()).toEqual(mergeValues(base.config.open(), upgrade.overlay.open()));
  });

  test("lists each change by path, digests and sources, never by value; equal values have equal digests", () => {
    const { changes, upgrade } = plan(releaseOf(base), undefined, false, wanted) as Plan & { kind: "upgrade" };
    expect(changes.map(({ path }) => path)).toEqual(["db.password", "api.token", "new.key"]);
    expect(changes.map(({ from }) => from === undefined)).toEqual([false, false, true]);
    expect(new Set(changes.map(({ to }) => to)).size).toBe(1);
    expect(changes[0]?.sources).toEqual(["vault:apps/demo#db.password@1"]);
    expect(upgrade.changed).toEqual([
      { path: "db.password", kind: "credential", replaces: true },
      { path: "api.token", kind: "token", replaces: true },
      { path: "new.key", kind: "credential", replaces: false },
    ]);
  });

  test("a placeholder that is replaced was no value that data could depend on", () => {
    const made = plan(releaseOf(revisionOf({ config: { db: { password: "changeme" } } })));
    expect(made).toMatchObject({ upgrade: { changed: [{ replaces: false }] } });
  });
});

describe("holds", () => {
  test("of every kind are all told at once, with the changes that they keep back", () => {
    const wanted: WantedValue[] = [
      wantedValue("db.password", `{{ ${now} }}`),
      wantedValue("api.token", ""),
      wantedValue("db.user.name", now),
      wantedValue("app.encryptionKey", now),
      {
        ...wantedValue("gone", now),
        value: { kind: "hold", hold: { reason: "missing", where: "gone", message: "It is gone." } },
      },
      wantedValue("fine", now),
    ];
    const base = revisionOf({ config: { db: { user: "app" }, app: { encryptionKey: old } } });
    const made = plan(releaseOf(base), undefined, false, wanted);
    expect(word(made)).toBe("hold unsafeValue empty missing typeClash notRotatable");
    expect(made).toMatchObject({ changes: [{ path: "app.encryptionKey" }, { path: "fine" }] });
    expect(JSON.stringify(made)).not.toContain("hwcanary");
  });

  test("a lock is told alone: nothing else can be said of a release in motion", () => {
    const locked = release("1:deployed=old 2:pending-upgrade=old");
    expect(word(plan(locked, undefined, false, [wantedValue("db.password", "")]))).toBe("hold locked");
  });
});

describe("laws", () => {
  const paths = ["a", "b.c", "b.d", "list[0].value", String.raw`e\.f`];
  const wanted = fc
    .tuple(...paths.map((path) => fc.option(fc.constantFrom(old, now, third).map((text) => wantedValue(path, text)))))
    .map((list) => list.filter((one) => one !== null))
    .filter((list) => list.length > 0);
  const some = fc.constantFrom(old, now, third);
  const config: fc.Arbitrary<JsonObject> = fc.record(
    {
      a: some,
      b: fc.record({ c: some, x: some }, { requiredKeys: [] }),
      list: fc.constant([{ value: old, name: "n" }]),
    },
    { requiredKeys: ["list"] },
  );

  test("apply(plan) ⇒ the next plan is none, and before it is on record, adopt", () => {
    fc.assert(
      fc.property(config, config, wanted, (user, defaults, list) => {
        const base = revisionOf({ config: user, defaults });
        const made = plan(releaseOf(base), undefined, false, list);
        const expected = made.kind === "upgrade" ? made.upgrade.expected.open() : user;
        const next = revisionOf({ revision: 2, config: expected, defaults: mergeValues(defaults, user) });
        const after = releaseOf({ ...base, status: "superseded" }, next);
        expect(word(plan(after, undefined, false, list))).toBe("adopt");
        expect(word(plan(after, recordOf(list, { phase: "applying" }), false, list))).toBe("adopt unfinished");
        expect(word(plan(after, recordOf(list), false, list))).toBe("none");
      }),
    );
  });

  test("the same input gives the same plan, and the order of the mappings does not count", () => {
    fc.assert(
      fc.property(config, wanted, (user, list) => {
        const stored = releaseOf(revisionOf({ config: user }));
        const [one, other] = [plan(stored, undefined, false, list), plan(stored, undefined, false, list.toReversed())];
        expect(word(one)).toBe(word(other));
        expect(wantedDigest(DIGEST_KEY, list)).toBe(wantedDigest(DIGEST_KEY, list.toReversed()));
        const overlays = [one, other].map((made) =>
          made.kind === "upgrade" ? made.upgrade.overlay.open() : made.kind,
        );
        expect(overlays[0]).toEqual(overlays[1]);
      }),
    );
  });

  test("the identity of the wanted values tells any other value, path, or number of them", () => {
    const base = wantedDigest(DIGEST_KEY, values);
    const others = [
      [wantedValue("db.password", old)],
      [wantedValue("db.passwort", now)],
      [...values, wantedValue("b", now)],
      [],
    ];
    for (const list of others) expect(wantedDigest(DIGEST_KEY, list)).not.toBe(base);
    expect(formatValuePath(pathOf("db.password"))).toBe("db.password");
  });
});

test.each<[held: string, record: string, change: Partial<StatusRecord>, plan: string]>([
  ["the wanted value", "none", {}, "adopt"],
  ["the wanted value", "settled", {}, "none"],
  ["the wanted value", "settled", { outcome: "restored" }, "adopt"],
  ["the wanted value", "settled", { phase: "applying", outcome: "applying" }, "adopt unfinished"],
  ["another value", "settled", {}, "upgrade outdated"],
  ["another value, in somebody else's revision", "settled", { revision: 0 }, "upgrade drift"],
])("without the key of the record: %s, record %s %o: %s", (held, record, change, expected) => {
  const stored = release(`1:deployed=${held === "the wanted value" ? "now" : "old"}`);
  const recorded = record === "none" ? undefined : { ...recordOf(values, change), wanted: "of another key" as Digest };
  const input = { release: stored, values, allowEmpty: false, digestKey: DIGEST_KEY, keyless: true, asked: true };
  expect(word(planRelease({ ...input, record: recorded }))).toBe(expected);
});
