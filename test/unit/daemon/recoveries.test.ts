import { expect, test } from "vitest";
import { Recoveries } from "../../../src/daemon/recoveries.ts";
import type { StatusPage } from "../../../src/daemon/statusPage.ts";

type Row = StatusPage["subjects"][number];

const row = (subject: string, outcome: string, reason?: string): Row => ({
  subject,
  outcome,
  attempts: 0,
  ...(reason === undefined ? {} : { reason }),
});
const ROWS = [
  row("default/Release/web/a", "failed", "ClusterUnavailable"),
  row("default/Release/web/b", "stalled", "ClusterDenied"),
  row("default/Release/web/c", "failed", "UpgradeFailed"),
  row("default/Release/web/d", "inSync"),
  row("default/Secret/web/e", "failed", "StoreUnavailable"),
  row("default/Release/web/f", "held", "missing"),
  row("my cluster/Release/web/a", "failed", "ClusterUnavailable"),
  row("my cluster/Release/web/g", "stalled", "StoreDenied"),
];

function begin() {
  const sent: string[] = [];
  const recoveries = new Recoveries(
    () => ROWS,
    (subjects, reason) => void sent.push(...subjects.map((subject) => `${reason} ${subject}`)),
  );
  return { sent, recoveries };
}
const watch = (cluster: string, healthy: boolean) => ({ cluster, state: { ageMs: 0, healthy } });

test("a watch that stands again sends, once, whoever its cluster failed, and nobody of another", () => {
  const { sent, recoveries } = begin();
  recoveries.watches([watch("default releases", true), watch("my cluster releases", true)]);
  recoveries.watches([watch("default releases", false), watch("my cluster releases", true)]);
  expect(sent).toEqual([]);
  for (let look = 0; look < 3; look += 1) {
    recoveries.watches([watch("default releases", true), watch("my cluster releases", true)]);
  }
  expect(sent).toEqual(["cluster default/Release/web/a", "cluster default/Release/web/b"]);
  recoveries.watches([watch("my cluster secrets", false)]);
  recoveries.watches([watch("my cluster secrets", true)]);
  expect(sent.slice(2)).toEqual(["cluster my cluster/Release/web/a"]);
});

test("a store that answers again sends, once, whoever it failed and depends on it", () => {
  const { sent, recoveries } = begin();
  const dependents = [new Set(["default/Secret/web/e"]), new Set(["default/Release/web/a"])];
  recoveries.store("vault", true, dependents);
  recoveries.store("vault", false, dependents);
  recoveries.store("infisical", true, [new Set(["my cluster/Release/web/g"])]);
  expect(sent).toEqual([]);
  recoveries.store("vault", true, dependents);
  recoveries.store("vault", true, dependents);
  expect(sent).toEqual(["answers default/Secret/web/e"]);
});
