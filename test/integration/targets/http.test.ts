// The http target against a small system with an API for its keys, and against one that misbehaves.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { HttpStep, TargetSpec } from "../../../src/core/rotation/policy.ts";
import { SecretValue } from "../../../src/core/secretValue.ts";
import { parseText, type Template } from "../../../src/core/template.ts";
import type { TargetCredential } from "../../../src/ports.ts";
import { httpTarget } from "../../../src/targets/http.ts";
import { clusterBinary } from "../../support/binaries.ts";
import { canary } from "../../support/canary.ts";
import { type ReceiverAnswer, startKeyService, startReceiver } from "../../support/keyService.ts";
import { freePort } from "../../support/redisServer.ts";
import { expectFault, expectSilent } from "../../support/silence.ts";

type HttpSpec = Extract<TargetSpec, { kind: "http" }>;
const signal = new AbortController().signal;
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function template(text: string): Template {
  const parsed = parseText(text);
  if ("error" in parsed) throw new Error(parsed.error);
  return parsed;
}

const step = (method: HttpStep["method"], url: string, bearer: string, body?: string): HttpStep => ({
  method,
  url: template(url),
  headers: new Map([["Authorization", template(`Bearer ${bearer}`)]]),
  body: body === undefined ? undefined : template(body),
});

function specOf(url: string, more: Partial<HttpSpec> = {}): HttpSpec {
  const create = step("POST", `${url}/keys`, "${admin}", '{"label": "${rotation|json}"}');
  return {
    kind: "http",
    create: { ...create, value: "$.data[0].key", id: "$.data[0]['id']" },
    test: step("GET", `${url}/me`, "${value}"),
    revoke: step("DELETE", `${url}/keys/\${id|urlencode}`, "${admin}"),
    secrets: new Map([["admin", { fromEnv: "ADMIN" }]]),
    ...more,
  };
}

const reading = (text: string) => (): Promise<SecretValue> => Promise.resolve(SecretValue.fromText(text));
const keyOf = (value: string, id?: string): TargetCredential => ({
  user: undefined,
  value: SecretValue.fromText(value),
  id,
});

async function keyService() {
  const service = await startKeyService();
  closing.push(service.close);
  return { service, target: httpTarget(specOf(service.url), reading(service.adminKey)) };
}

describe("a system that makes keys", () => {
  test("a new key works beside the old one until that is revoked, which may be repeated", async () => {
    const { service, target } = await keyService();
    const [old, next] = [await target.create!("first", signal), await target.create!("second", signal)];
    const change = { rotation: "second", current: { user: undefined, ...old }, next: { user: undefined, ...next } };
    expect(next.id).toContain("id-second-");
    await target.set(change, signal);
    expect(await target.test(change.current, signal)).toBe("accepted");
    expect(await target.test(change.next, signal)).toBe("accepted");
    await target.retire(change, signal);
    await target.retire(change, signal);
    expect(await target.test(change.current, signal)).toBe("refused");
    expect(await target.test(change.next, signal)).toBe("accepted");
    expect([...service.keys.keys()]).toEqual([next.id]);
  });

  test("undo ends the new key, and leaves the old one", async () => {
    const { target } = await keyService();
    const [old, next] = [await target.create!("first", signal), await target.create!("second", signal)];
    const change = { rotation: "second", current: { user: undefined, ...old }, next: { user: undefined, ...next } };
    await target.undo(change, signal);
    await target.undo(change, signal);
    expect(await target.test(change.current, signal)).toBe("accepted");
    expect(await target.test(change.next, signal)).toBe("refused");
  });

  test("a first key whose id nobody knows stays until a person has ended it", async () => {
    const { service, target } = await keyService();
    const [handMade, next] = [canary("hand-made"), await target.create!("first", signal)];
    service.keys.set("by-hand", handMade);
    const change = { rotation: "first", current: keyOf(handMade), next: { user: undefined, ...next } };
    const error = await expectFault("TargetRefused", async () => await target.retire(change, signal));
    expect(error.message).toContain("End it by hand");
    service.keys.delete("by-hand");
    await target.retire(change, signal);
  });

  test("a wrong admin key, one that cannot be read, and a system that is away", async () => {
    const { service } = await keyService();
    const wrong = httpTarget(specOf(service.url), reading(canary("wrong")));
    await expectFault("TargetRefused", async () => await wrong.create!("r", signal));
    await expectFault("TargetRefused", async () => await wrong.retire(changeOf(), signal));
    const away = httpTarget(specOf(`http://127.0.0.1:${await freePort()}`), reading(service.adminKey));
    await expectFault("TargetUnavailable", async () => await away.create!("r", signal));
    await expectFault("TargetUnavailable", async () => await away.test(keyOf(canary("key")), signal));
    const stop = AbortSignal.abort();
    await expectFault("Cancelled", async () => await wrong.create!("r", stop));
    expectSilent(await wrong.check(signal));
  });
});

function changeOf() {
  const [current, next] = [keyOf(canary("old"), "old-id"), keyOf(canary("next"), "next-id")];
  return { rotation: "r", current, next };
}

async function answering(answer: ReceiverAnswer | "silence") {
  const receiver = await startReceiver(() => answer);
  closing.push(receiver.close);
  return { receiver, target: httpTarget(specOf(receiver.url), reading(canary("admin"))) };
}

describe("answers", () => {
  test.each([
    [400, "TargetRefused"],
    [403, "TargetRefused"],
    [404, "TargetRefused"],
    [302, "TargetRefused"],
    [408, "TargetUnavailable"],
    [429, "TargetUnavailable"],
    [500, "TargetUnavailable"],
    [503, "TargetUnavailable"],
  ] as const)("to create with status %i: %s, and nothing of its text", async (status, code) => {
    const { receiver, target } = await answering({ status, body: canary("foreign"), headers: { location: "/there" } });
    await expectFault(code, async () => await target.create!("r", signal));
    expect(receiver.requests.length).toBe(1);
  });

  test.each([
    [204, "gone"],
    [404, "gone"],
    [410, "gone"],
    [403, "TargetRefused"],
    [500, "TargetUnavailable"],
  ] as const)("to revoke with status %i: %s", async (status, outcome) => {
    const { target } = await answering({ status });
    const work = async (): Promise<void> => await target.retire(changeOf(), signal);
    await (outcome === "gone" ? work() : expectFault(outcome, work));
  });

  test.each([
    [200, "accepted"],
    [401, "refused"],
    [403, "refused"],
  ] as const)("to test with status %i: %s", async (status, answer) => {
    const { target } = await answering({ status });
    expect(await target.test(keyOf(canary("key")), signal)).toBe(answer);
  });

  test.each([404, 500])("to test with status %i tell nothing", async (status) => {
    const { target } = await answering({ status });
    const code = status === 404 ? "TargetRefused" : "TargetUnavailable";
    await expectFault(code, async () => await target.test(keyOf(canary("key")), signal));
  });

  test.each([
    "",
    "no JSON",
    '{"data": []}',
    '{"data": [{"key": ""}]}',
    '{"data": [{"key": "k"}]}',
    '{"data": [{"id": "i"}]}',
  ])("to create without a key or an id, as %s: it is not asked again", async (body) => {
    const { target } = await answering({ status: 200, body });
    await expectFault("TargetRefused", async () => await target.create!("r", signal));
  });

  test("numbers are ids, too; a system without ids, tests and revocation is taken", async () => {
    const key = canary("key");
    const { target } = await answering({ status: 200, body: JSON.stringify({ data: [{ key, id: 12 }] }) });
    expect(await target.create!("r", signal)).toMatchObject({ id: "12" });
    const plain = await answering({ status: 200, body: JSON.stringify({ k: key }) });
    const create = { ...step("POST", `${plain.receiver.url}/`, "${admin}"), value: "$.k", id: undefined };
    const bare = httpTarget(specOf(plain.receiver.url, { create, test: undefined, revoke: undefined }), reading("x"));
    expect((await bare.create!("r", signal)).id).toBeUndefined();
    expect(await bare.test(keyOf(key), signal)).toBe("accepted");
    await bare.retire(changeOf(), signal);
  });

  test("more than 1 MiB is not read, and a line break in a header is not sent", async () => {
    const { target } = await answering({ status: 200, body: "x".repeat(1_100_000) });
    await expectFault("TargetUnavailable", async () => await target.create!("r", signal));
    const { receiver } = await answering({ status: 200 });
    const broken = httpTarget(specOf(receiver.url), reading(`${canary("admin")}\r\nX-Other: 1`));
    await expectFault("TargetUnavailable", async () => await broken.create!("r", signal));
    expect(receiver.requests).toEqual([]);
  });

  test("silence ends with the caller", async () => {
    const { receiver, target } = await answering("silence");
    const stop = new AbortController();
    const asked = expectFault("Cancelled", async () => await target.create!("r", stop.signal));
    await expect.poll(() => receiver.requests.length, { timeout: 30_000 }).toBe(1);
    stop.abort();
    await asked;
  });
});

test("a certificate that nobody vouches for is not trusted, and nothing is sent", async () => {
  const dir = mkdtempSync(join(tmpdir(), "helmwarden-http-target-"));
  execFileSync(clusterBinary(), ["certs", dir]);
  let asked = 0;
  const files = { key: readFileSync(join(dir, "server.key")), cert: readFileSync(join(dir, "server.crt")) };
  const server = createServer(files, (_message, response) => {
    asked += 1;
    response.end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(dir, { recursive: true });
  });
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const target = httpTarget(specOf(url), reading(canary("admin")));
  const error = await expectFault("TargetUnavailable", async () => await target.create!("r", signal));
  expect(error.message).toContain("certificate");
  expect(asked).toBe(0);
});

test("http goes to this machine only, and a JSONPath must be one", async () => {
  const far = httpTarget(specOf("http://keys.example.com"), reading(canary("admin")));
  await expectFault("ConfigInvalid", async () => await far.create!("r", signal));
  const spec = specOf("https://keys.example.com");
  const wrong = { ...spec, create: { ...spec.create, value: "$..key" } };
  await expectFault("ConfigInvalid", async () => void (await Promise.resolve(httpTarget(wrong, reading("x")))));
});
