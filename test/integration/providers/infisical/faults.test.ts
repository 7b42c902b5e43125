import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { clusterBinary } from "../../../support/binaries.ts";
import { canary } from "../../../support/canary.ts";
import type { InfisicalFixture } from "../../../support/infisicalFixture.ts";
import { infisicalFixture } from "../../../support/infisicalFixture.ts";
import { expectFault, expectSilent } from "../../../support/silence.ts";

const signal = new AbortController().signal;
let fixture: InfisicalFixture;
beforeEach(async () => {
  fixture = await infisicalFixture();
  fixture.server.putSecret("/app", "KEY", canary("key"));
});
afterEach(async () => {
  expectSilent(fixture.log.lines);
  await fixture.close();
});

describe("throttling", () => {
  test("a Retry-After is waited out", async () => {
    const { server, clock, store } = fixture;
    const infisical = store();
    await infisical.readPath("/app", signal);
    server.failNext(1, 429, { "retry-after": "7" });
    expect(await infisical.readPath("/app", signal)).toMatchObject({ kind: "found" });
    expect(clock.slept).toHaveLength(1);
    expect(clock.slept[0]).toBeGreaterThanOrEqual(7_000);
  });

  test("one beyond the deadline is StoreThrottled, with how long to wait", async () => {
    const { server, clock, store } = fixture;
    const infisical = store();
    await infisical.readPath("/app", signal);
    server.failNext(1, 429, { "retry-after": "42" });
    const error = await expectFault("StoreThrottled", () => infisical.readPath("/app", signal));
    expect(error.detail).toEqual({ status: 429, retryAfterMs: 42_000 });
    expect(clock.slept).toEqual([]);
  });

  test("a throttled login waits as well, and is no refused login", async () => {
    const { server, clock, store, logins } = fixture;
    server.failNext(1, 429, { "retry-after": "3" });
    expect(await store().readPath("/app", signal)).toMatchObject({ kind: "found" });
    expect(clock.slept[0]).toBeGreaterThanOrEqual(3_000);
    expect(logins()).toBe(2);
  });
});

describe("a server that is not well", () => {
  test("500 and 503 are tried again", async () => {
    const { server, store } = fixture;
    const infisical = store();
    await infisical.readPath("/app", signal);
    server.failNext(1, 500);
    server.failNext(1, 503);
    expect(await infisical.readPath("/app", signal)).toMatchObject({ kind: "found" });
  });

  test.each([500, 502, 503, 504])("%i for long is StoreUnavailable", async (status) => {
    fixture.server.failNext(20, status);
    await expectFault("StoreUnavailable", () => fixture.store().readPath("/app", signal));
  });

  test("a 404 that is not Infisical's is no missing secret, on any route", async () => {
    const { server, store } = fixture;
    const infisical = store();
    server.failNext(1, 404);
    await expectFault("StoreUnavailable", () => infisical.readPath("/app", signal));
    await infisical.readPath("/app", signal);
    server.failNext(1, 404);
    await expectFault("StoreUnavailable", () => infisical.readPath("/app", signal));
  });

  test("a 200 that is not Infisical's is no empty list", async () => {
    const { server, store } = fixture;
    const infisical = store();
    server.failNext(1, 200);
    await expectFault("StoreInvalid", () => infisical.readPath("/app", signal));
    await infisical.readPath("/app", signal);
    server.failNext(1, 200);
    await expectFault("StoreInvalid", () => infisical.readPath("/app", signal));
  });

  test("a body that stalls ends with the attempt's time, not with the server's", async () => {
    const { server, store } = fixture;
    const infisical = store({ attemptTimeoutMs: 150, deadlineMs: 400 });
    await infisical.readPath("/app", signal);
    server.putSecret("/app", "KEY", canary("changed"));
    server.goSilent("body");
    await expectFault("StoreUnavailable", () => infisical.readPath("/app", signal));
    server.speak();
    expect(await infisical.readPath("/app", signal)).toMatchObject({ kind: "found" });
  });

  test("a body without end is not taken into memory", async () => {
    fixture.server.putSecret("/app", "HUGE", canary("huge").repeat(400_000));
    await expectFault("StoreInvalid", () => fixture.store().readPath("/app", signal));
  });

  test("an address that is not Infisical's", async () => {
    const { server, store } = fixture;
    const elsewhere = store({ siteUrl: `${server.url}/elsewhere` });
    const error = await expectFault("StoreInvalid", () => elsewhere.readPath("/app", signal));
    expect(error.message).toContain("siteUrl");
  });

  test("/api at the end of siteUrl does no harm", async () => {
    const { server, store } = fixture;
    const infisical = store({ siteUrl: `${server.url}/api/` });
    expect(await infisical.readPath("/app", signal)).toMatchObject({ kind: "found" });
  });
});

test("a server with a private authority is trusted by its CA, and not without it", async () => {
  const pki = mkdtempSync(join(tmpdir(), "helmwarden-pki-"));
  execFileSync(clusterBinary(), ["certs", pki]);
  const file = (name: string): string => readFileSync(join(pki, name), "utf8");
  const secure = await infisicalFixture({ tls: { key: file("server.key"), cert: file("server.crt") } });
  secure.server.putSecret("/app", "KEY", canary("key"));
  const trusting = secure.store({ ca: file("ca.crt") });
  expect(trusting.ends?.().certificate).toBeUndefined();
  expect(await trusting.readPath("/app", signal)).toMatchObject({ kind: "found" });
  const { validToDate } = new X509Certificate(file("server.crt"));
  expect(trusting.ends?.().certificate).toEqual(validToDate);
  const error = await expectFault("StoreInvalid", () => secure.store().readPath("/app", signal));
  expect(error.message).toContain("caFile");
  await secure.close();
  rmSync(pki, { recursive: true });
});
