import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { tallyReads } from "../../../src/core/migration/secretReads.ts";
import { secretReads } from "../../../src/migration/auditLogFile.ts";
import { canary } from "../../support/canary.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "helmwarden-audit-log-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const event = (more: object) => ({
  kind: "Event",
  apiVersion: "audit.k8s.io/v1",
  auditID: "1",
  stage: "ResponseComplete",
  verb: "get",
  user: { username: "jane" },
  objectRef: { resource: "secrets", namespace: "web", name: "shop", apiVersion: "v1" },
  requestReceivedTimestamp: "2026-11-23T20:00:00.000000Z",
  ...more,
});
const logOf = (...lines: readonly (object | string)[]): string => {
  const path = join(dir, "audit.log");
  const texts = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)));
  writeFileSync(path, `${texts.join("\n")}\n`);
  return path;
};
const tally = (path: string) => tallyReads(secretReads(path), new Date("2026-11-23T19:00:00Z"));

test("a read counts once, by who made it; kubelets, helmwarden, other objects and what was before do not", async () => {
  const log = logOf(
    event({ stage: "RequestReceived" }),
    event({}),
    event({ requestReceivedTimestamp: "2026-11-23T20:05:00Z" }),
    event({ verb: "watch", stage: "ResponseStarted", user: { username: "operator" } }),
    event({ user: { username: "system:node:a", groups: ["system:nodes", "system:authenticated"] } }),
    event({ userAgent: "helmwarden" }),
    event({ verb: "update" }),
    event({ objectRef: { resource: "configmaps", namespace: "web", name: "shop" } }),
    event({ objectRef: { resource: "secrets", apiGroup: "example.org", namespace: "web", name: "shop" } }),
    event({ requestReceivedTimestamp: "2026-11-23T18:00:00Z" }),
    event({ verb: "list", objectRef: { resource: "secrets", namespace: "web" }, user: { username: "ingress" } }),
    "",
  );
  const { of, wide, span } = await tally(log);
  expect(of("web", "shop")).toEqual([
    { user: "jane", verbs: ["get"], times: 2, last: "2026-11-23T20:05:00.000Z" },
    { user: "operator", verbs: ["watch"], times: 1, last: "2026-11-23T20:00:00.000Z" },
  ]);
  expect(of("web", "other")).toEqual([]);
  expect(wide.map(({ user }) => user)).toEqual(["ingress"]);
  expect(span).toEqual({ from: "2026-11-23T18:00:00.000Z", to: "2026-11-23T20:05:00.000Z" });
});

test.each(["no JSON", '{"kind":"EventList"}', "[]"])(
  "%s is no such log: the line is named, and not quoted",
  async (line) => {
    const secret = canary("line");
    const path = logOf(event({}), `${line} ${secret}`);
    const failed = await tally(path).catch((caught: unknown) => (caught instanceof Error ? caught.message : ""));
    expect(failed).toContain("Line 2 of");
    expect(failed).not.toContain(secret);
  },
);

test("a log that is not there", async () => {
  await expect(tally(join(dir, "none"))).rejects.toThrow(/cannot be read/);
});
