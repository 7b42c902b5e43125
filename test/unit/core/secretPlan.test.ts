import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Resolved } from "../../../src/core/plan.ts";
import { planSecret, type PresentSecret, type SecretPlan, type WantedKey } from "../../../src/core/secretPlan.ts";
import { SecretValue } from "../../../src/core/secretValue.ts";
import type { StatusRecord } from "../../../src/core/statusRecord.ts";
import { canary } from "../../support/canary.ts";
import { DIGEST_KEY } from "../../support/revision.ts";

const [old, now] = ["old", "now"].map(canary) as [string, string];

function key(name: string, value: string | Uint8Array | Resolved): WantedKey {
  const kind = "credential";
  if (typeof value === "object" && "kind" in value) return { key: name, kind, value, sources: [] };
  const made = typeof value === "string" ? SecretValue.fromText(value) : SecretValue.fromBytes(value);
  return { key: name, kind, value: { kind: "value", value: made }, sources: [`vault:apps/demo#${name}@1`] };
}

function present(data: Record<string, string>, immutable = false): PresentSecret {
  const type = "Opaque";
  return {
    type,
    immutable,
    data: new Map(Object.entries(data).map(([name, text]) => [name, SecretValue.fromText(text)])),
  };
}

const keys = [key("token", now)];
const plan = (wanted: readonly WantedKey[], live?: PresentSecret, record?: StatusRecord): SecretPlan =>
  planSecret(wanted, {
    present: live,
    record,
    digestKey: DIGEST_KEY,
    keyless: false,
    allowEmpty: false,
    type: undefined,
  });

function recordOf(wanted: readonly WantedKey[], phase: StatusRecord["phase"]): StatusRecord {
  const made = plan(wanted);
  if (made.kind !== "apply") throw new Error(made.kind);
  return { phase, wanted: made.wanted, revision: 0, outcome: "changed", run: "r", at: "2026-01-01T00:00:00Z" };
}

const RECORDS: Readonly<Record<string, StatusRecord | undefined>> = {
  none: undefined,
  settled: recordOf(keys, "settled"),
  applying: recordOf(keys, "applying"),
  "settled old": recordOf([key("token", old)], "settled"),
};

function word(made: SecretPlan): string {
  if (made.kind === "apply") return `apply ${made.why}`;
  if (made.kind === "hold") return `hold ${made.holds.map(({ reason, where }) => `${reason}:${where}`).join(" ")}`;
  return made.kind === "adopt" && made.unfinished ? "adopt unfinished" : made.kind;
}

test.each<[live: string, record: string, plan: string, PresentSecret?]>([
  ["no Secret", "none", "apply missing"],
  ["no Secret", "settled", "apply missing"],
  ["the old value", "none", "apply outdated", present({ token: old })],
  ["the old value", "settled old", "apply outdated", present({ token: old })],
  ["the old value", "applying", "apply outdated", present({ token: old })],
  ["the old value", "settled", "apply drift", present({ token: old })],
  ["without the key", "settled", "apply drift", present({ other: old })],
  ["the wanted value", "none", "adopt", present({ token: now, other: old })],
  ["the wanted value", "settled old", "adopt", present({ token: now })],
  ["the wanted value", "applying", "adopt unfinished", present({ token: now })],
  ["the wanted value", "settled", "none", present({ token: now })],
  ["immutable, the wanted value", "settled", "none", present({ token: now }, true)],
  ["immutable, the old value", "settled", "hold immutable:Secret", present({ token: old }, true)],
])("%s, record %s: %s", (_, record, expected, live) => {
  const made = plan(keys, live, RECORDS[record]);
  expect(word(made)).toBe(expected);
  expect(JSON.stringify(made)).not.toContain("hwcanary");
});

describe("holds", () => {
  test.each<[string, WantedKey[], string]>([
    ["an empty value", [key("token", "")], "hold empty:token"],
    ["a blank value", [key("token", " \n\t")], "hold empty:token"],
    ["a placeholder", [key("token", "ChangeMe\n")], "hold empty:token"],
    [
      "what the store has no value for",
      [key("token", { kind: "hold", hold: { reason: "missing", where: "token", message: "Gone." } })],
      "hold missing:token",
    ],
    ["more than a Secret takes", [key("token", "x".repeat(1_000_001))], "hold tooLarge:data"],
    ["more than a Secret takes together with what is there", [key("token", "x".repeat(999_000))], "hold tooLarge:data"],
    ["one of two", [key("token", ""), key("other", now)], "hold empty:token"],
  ])("%s", (_, wanted, expected) => {
    expect(word(plan(wanted, present({ kept: "x".repeat(2_000) })))).toBe(expected);
  });

  test("a placeholder that is there already stays, and `guards.empty: allow` lets any through", () => {
    const wanted = [key("mode", "none"), key("token", now)];
    expect(word(plan(wanted, present({ mode: "none", token: old })))).toBe("apply outdated");
    const input = { record: undefined, digestKey: DIGEST_KEY, keyless: false, allowEmpty: true, type: undefined };
    expect(word(planSecret([key("token", "")], { present: present({ token: old }), ...input }))).toBe("apply outdated");
  });

  test.each<[string, WantedKey["kind"], string, string]>([
    ["N8N_ENCRYPTION_KEY", "credential", old, "hold notRotatable:N8N_ENCRYPTION_KEY"],
    ["SECRET_KEY_BASE", "credential", old, "hold notRotatable:SECRET_KEY_BASE"],
    ["password", "encryptionKey", old, "hold notRotatable:password"],
    ["N8N_ENCRYPTION_KEY", "token", old, "apply outdated"],
    ["password", "credential", old, "apply outdated"],
    ["N8N_ENCRYPTION_KEY", "credential", "", "apply outdated"],
    ["N8N_ENCRYPTION_KEY", "credential", "changeme", "apply outdated"],
    ["N8N_ENCRYPTION_KEY", "credential", now, "adopt"],
  ])("%s, kind %s, that replaces %o: %s", (name, kind, live, expected) => {
    expect(word(plan([{ ...key(name, now), kind }], present({ [name]: live })))).toBe(expected);
  });

  test("a key that encrypts data is set where there is none", () => {
    expect(word(plan([key("ENCRYPTION_KEY", now)], present({ other: old })))).toBe("apply outdated");
  });

  test("900 kB are no problem for a Secret, nor are {{ and bytes", () => {
    const wanted = [
      key("big", "x".repeat(900_000)),
      key("template", `{{ ${now} }}`),
      key("bytes", Uint8Array.of(0xff, 0, 0x20)),
    ];
    expect(word(plan(wanted))).toBe("apply missing");
  });
});

test.each<[string, string | undefined, PresentSecret | undefined, string]>([
  ["of the type", "Opaque", present({ token: now }), "adopt"],
  [
    "of any, where none is named",
    undefined,
    { ...present({ token: old }), type: "kubernetes.io/tls" },
    "apply outdated",
  ],
  ["of another type", "kubernetes.io/tls", present({ token: old }), "hold otherType:Secret"],
  ["of another type, with the wanted value", "kubernetes.io/tls", present({ token: now }), "hold otherType:Secret"],
  ["that is not there", "kubernetes.io/tls", undefined, "apply missing"],
])("a Secret %s", (_, type, live, expected) => {
  const input = { record: undefined, digestKey: DIGEST_KEY, keyless: false, allowEmpty: false, type };
  expect(word(planSecret(keys, { present: live, ...input }))).toBe(expected);
});

test("only what differs is listed, and everything mapped is sent", () => {
  const made = plan(
    [key("token", now), key("same", now), key("added", now)],
    present({ token: old, same: now, kept: old }),
  );
  expect(made).toMatchObject({ kind: "apply", changes: [{ path: "token" }, { path: "added", from: undefined }] });
  expect([...(made as SecretPlan & { kind: "apply" }).data.keys()]).toEqual(["token", "same", "added"]);
});

test("law: apply(plan) ⇒ the next plan is adopt, and none once it is on record", () => {
  const text = fc.constantFrom(old, now, "a b", "ä\n");
  const wanted = fc.dictionary(fc.constantFrom("a", "b", "c"), text, { minKeys: 1 });
  fc.assert(
    fc.property(wanted, wanted, (live, wished) => {
      const list = Object.entries(wished).map(([name, value]) => key(name, value));
      const made = plan(list, present(live));
      const after = present({ ...live, ...wished });
      expect(word(plan(list, after))).toBe("adopt");
      expect(word(plan(list, after, recordOf(list, "settled")))).toBe("none");
      expect(["apply", "adopt"]).toContain(made.kind);
    }),
  );
});
