// News of rotations: signed JSON and Slack's form, tried three times.
import { afterEach, expect, test } from "vitest";
import type { NotifySpec } from "../../../src/core/rotation/policy.ts";
import { SecretValue } from "../../../src/core/secretValue.ts";
import type { RotationNews } from "../../../src/ports.ts";
import { createNotify } from "../../../src/targets/notify.ts";
import { canary } from "../../support/canary.ts";
import { jumpingClock } from "../../support/infisicalFixture.ts";
import { type ReceiverAnswer, startReceiver } from "../../support/keyService.ts";
import { freePort } from "../../support/redisServer.ts";
import { expectFault } from "../../support/silence.ts";
import { signs } from "../../support/signed.ts";

const signal = new AbortController().signal;
const secret = canary("notify-secret");
const news: RotationNews = {
  policy: "matomo-db",
  namespace: "matomo",
  rotation: "the-rotation",
  event: "rolledBack",
  message: "The old value is back: <Release> web & more.",
  at: new Date("2026-11-23T20:00:00Z"),
};
let close = (): Promise<void> => Promise.resolve();
afterEach(() => close());

async function answering(...answers: readonly ReceiverAnswer[]) {
  const left = [...answers];
  const receiver = await startReceiver(() => (left.length > 1 ? left.shift()! : left[0]!));
  close = receiver.close;
  const clock = jumpingClock();
  const notify = createNotify(
    (source) =>
      Promise.resolve(
        SecretValue.fromText(
          "fromEnv" in source && source.fromEnv === "URL" ? `${receiver.url}/T0/B0/${secret}` : secret,
        ),
      ),
    clock,
  );
  const webhook: NotifySpec = { kind: "webhook", url: `${receiver.url}/news`, secret: { fromEnv: "SECRET" } };
  return { receiver, clock, notify, webhook };
}

test("a webhook gets the news as signed JSON", async () => {
  const { receiver, notify, webhook } = await answering({ status: 204 });
  await notify(webhook, news, signal);
  expect(receiver.requests.length).toBe(1);
  expect(JSON.parse(receiver.requests[0]!.body)).toEqual({ ...news, at: "2026-11-23T20:00:00.000Z" });
  expect(signs(secret, receiver.requests[0]!)).toBe(true);
});

test("Slack gets its own form at its secret URL, with its signs escaped", async () => {
  const { receiver, notify } = await answering({ status: 200, body: "ok" });
  await notify({ kind: "slack", url: { fromEnv: "URL" } }, news, signal);
  expect(receiver.requests[0]!.url).toBe(`/T0/B0/${secret}`);
  expect(JSON.parse(receiver.requests[0]!.body)).toEqual({
    text: "matomo/matomo-db has its old value again: The old value is back: &lt;Release&gt; web &amp; more.",
  });
});

test("a receiver that fails is asked three times; what it refuses is not asked again", async () => {
  const failing = await answering({ status: 500 }, { status: 429 }, { status: 200 });
  await failing.notify(failing.webhook, news, signal);
  expect(failing.receiver.requests.length).toBe(3);
  expect(failing.clock.slept).toEqual([1_000, 5_000]);
  await close();
  const down = await answering({ status: 503, body: canary("foreign") });
  await expectFault("TargetUnavailable", async () => await down.notify(down.webhook, news, signal));
  expect(down.receiver.requests.length).toBe(3);
  await close();
  const refusing = await answering({ status: 403 });
  await expectFault("TargetUnavailable", async () => await refusing.notify(refusing.webhook, news, signal));
  expect(refusing.receiver.requests.length).toBe(1);
});

test("a receiver that is away, and a caller that leaves", async () => {
  const { notify, webhook } = await answering({ status: 200 });
  const away = { ...webhook, url: `http://127.0.0.1:${await freePort()}/` };
  await expectFault("TargetUnavailable", async () => await notify(away, news, signal));
  await expectFault("Cancelled", async () => await notify(webhook, news, AbortSignal.abort()));
});
