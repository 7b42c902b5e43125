import { afterEach, expect, test } from "vitest";
import { canary } from "../../../support/canary.ts";
import type { InfisicalFixture } from "../../../support/infisicalFixture.ts";
import { infisicalFixture, universal } from "../../../support/infisicalFixture.ts";
import { expectSilent } from "../../../support/silence.ts";
import type { Store } from "../../../../src/ports.ts";

const signal = new AbortController().signal;
let fixture: InfisicalFixture;
afterEach(() => fixture.close());

async function expectEnd(store: Store, message: RegExp, advice: RegExp): Promise<void> {
  const line = await store.check(signal);
  expect(line).toMatchObject({ subject: "store infisical", ok: false });
  expect(line.message).toMatch(message);
  expect(line.advice).toMatch(advice);
  expectSilent(line);
  expect(JSON.stringify(line)).not.toContain(fixture.server.projectId);
}

test("says that all is well, without reading a secret", async () => {
  fixture = await infisicalFixture();
  const line = await fixture.store().check(signal);
  expect(line).toEqual({
    subject: "store infisical",
    ok: true,
    message: expect.stringContaining("environment prod") as string,
  });
  expect(fixture.server.count("GET /api/v4/secrets")).toBe(0);
});

test("says how far one gets, and what to do", async () => {
  fixture = await infisicalFixture();
  const { machine, store, server } = fixture;
  await expectEnd(store({ siteUrl: "http://127.0.0.1:1" }), /cannot be reached/, /address/);
  server.failNext(1, 200);
  await expectEnd(store(), /cannot be reached/, /siteUrl/);
  await expectEnd(store({ auth: universal(machine, canary("wrong")) }), /does not let us log in/, /credentials/);
  await expectEnd(store({ environment: "production" }), /lets us log in, but not/, /slug/);
  await expectEnd(store({ project: { slug: "nobody" } }), /lets us log in, but not/, /projectSlug/);
  server.setRole(machine.id, "none");
  await expectEnd(store(), /lets us log in, but not/, /Access Control/);
});

test("asks the root folder where the server does not show the project", async () => {
  fixture = await infisicalFixture({ v4: "none", projectRoutes: false });
  expect(await fixture.store().check(signal)).toMatchObject({ ok: true });
  await expectEnd(fixture.store({ environment: "production" }), /lets us log in, but not/, /slug/);
});
