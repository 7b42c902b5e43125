// What a webhook is sent, which of its answers count, and that values go to it over TLS or to this machine only.
import { afterEach, expect, test } from "vitest";
import { SecretValue } from "../../../src/core/secretValue.ts";
import type { RotationTarget, TargetChange } from "../../../src/ports.ts";
import { webhookTarget } from "../../../src/targets/webhook.ts";
import { canary } from "../../support/canary.ts";
import { realClock } from "../../support/clock.ts";
import { type ReceiverAnswer, startReceiver } from "../../support/keyService.ts";
import { expectFault } from "../../support/silence.ts";
import { signs } from "../../support/signed.ts";

const signal = new AbortController().signal;
const secret = canary("webhook-secret");
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function targetAt(url: string): RotationTarget {
  const spec = { kind: "webhook", url, secret: { fromEnv: "SECRET" } } as const;
  return webhookTarget(spec, () => Promise.resolve(SecretValue.fromText(secret)), realClock);
}

async function answering(answer: ReceiverAnswer) {
  const receiver = await startReceiver(() => answer);
  closing.push(receiver.close);
  return { receiver, target: targetAt(`${receiver.url}/steps`) };
}

function changeOf(): TargetChange {
  const [current, next] = ["current", "next"].map((name) => ({
    user: `user-${name}`,
    value: SecretValue.fromText(canary(name)),
    id: undefined,
  }));
  return { rotation: "the-rotation", current: current!, next: next! };
}

test("every step is signed and named; the value goes along only where it is to be learnt or tried", async () => {
  const { receiver, target } = await answering({ status: 200, body: '{"result": "accepted"}' });
  const change = changeOf();
  await target.set(change, signal);
  await target.test(change.next, signal);
  await target.undo(change, signal);
  await target.retire(change, signal);
  const rotation = "the-rotation";
  expect(receiver.requests.map(({ body }) => JSON.parse(body) as unknown)).toEqual([
    { rotation, step: "set", user: "user-next", value: change.next.value.reveal() },
    { step: "test", user: "user-next", value: change.next.value.reveal() },
    { rotation, step: "undo", user: "user-next" },
    { rotation, step: "retire", user: "user-current" },
  ]);
  for (const request of receiver.requests) {
    expect([request.method, request.url, request.headers["content-type"]]).toEqual([
      "POST",
      "/steps",
      "application/json",
    ]);
    expect(signs(secret, request)).toBe(true);
    expect(signs("another", request)).toBe(false);
    expect(signs(secret, { ...request, body: `${request.body} ` })).toBe(false);
    expect(signs(secret, request, Date.now() + 600_000)).toBe(false);
  }
});

test.each([
  [401, "TargetRefused"],
  [422, "TargetRefused"],
  [307, "TargetUnavailable"],
  [408, "TargetUnavailable"],
  [429, "TargetUnavailable"],
  [500, "TargetUnavailable"],
] as const)("status %i is %s at every step", async (status, code) => {
  const { receiver, target } = await answering({ status, body: canary("foreign"), headers: { location: "/there" } });
  const change = changeOf();
  await expectFault(code, async () => await target.set(change, signal));
  await expectFault(code, async () => await target.undo(change, signal));
  await expectFault(code, async () => await target.retire(change, signal));
  await expectFault(code, async () => await target.test(change.next, signal));
  expect(await target.check(signal)).toMatchObject({ ok: false });
  expect(new Set(receiver.requests.map(({ url }) => url))).toEqual(new Set(["/steps"]));
});

test.each(["", "{}", '{"result": "yes"}', '"accepted"'])(
  "a test that is answered with %s tells nothing",
  async (body) => {
    const { target } = await answering({ status: 200, body });
    await expectFault("TargetUnavailable", async () => await target.test(changeOf().next, signal));
  },
);

test("a value is not sent in the clear to another machine", async () => {
  await expectFault("ConfigInvalid", async () => await targetAt("http://example.com/").set(changeOf(), signal));
});
