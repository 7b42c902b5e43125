import { describe, expect, test } from "vitest";
import { SecretValue } from "../../../src/core/secretValue.ts";
import { createWebhookJudge } from "../../../src/daemon/webhook.ts";
import { canary } from "../../support/canary.ts";
import { delivery, sign } from "../../support/webhook.ts";

const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 1);

function judgeAt(start = START) {
  const secret = canary("webhook");
  let time = start;
  const judge = createWebhookJudge(() => new Date(time));
  return {
    secret,
    wait: (ms: number) => void (time += ms),
    judge: (header: string, body: unknown, store = "infisical") =>
      judge(
        store,
        SecretValue.fromText(secret),
        header,
        Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
      ),
  };
}

test("a signed delivery tells project, environment and folder", () => {
  const { judge, secret } = judgeAt();
  const { body, signature } = delivery(secret, START);
  const read = { projectId: "6f1e", environment: "prod", path: "/apps/matomo" };
  expect(judge(signature, body)).toEqual({ kind: "signed", delivery: read });
});

test("one without a folder is signed as well", () => {
  const { judge, secret } = judgeAt();
  const body = JSON.stringify({ event: "test", timestamp: START });
  expect(judge(sign(secret, START, body), body)).toEqual({ kind: "signed", delivery: undefined });
});

describe("refused:", () => {
  test.each(["", "t=1", "abc", `t=1;${"A".repeat(64)}`, `t=1;${"a".repeat(63)}`, `t=;${"a".repeat(64)}`])(
    "a header that is none: %j",
    (header) => {
      const { judge, secret } = judgeAt();
      expect(judge(header, delivery(secret, START).body)).toEqual({ kind: "malformed" });
    },
  );

  test("another secret, another body, a changed digit", () => {
    const { judge, secret } = judgeAt();
    const { body, signature } = delivery(secret, START);
    expect(judge(delivery(canary("other"), START).signature, body)).toEqual({ kind: "forged" });
    expect(judge(signature, { ...body, event: "test" })).toEqual({ kind: "forged" });
    expect(
      judge(
        signature.replace(/.$/, (digit) => (digit === "0" ? "1" : "0")),
        body,
      ),
    ).toEqual({ kind: "forged" });
  });

  test("signed text that is no delivery", () => {
    const { judge, secret } = judgeAt();
    for (const body of ["", "{", "[]", "null", '{"timestamp":"now"}', '{"project":{}}'])
      expect(judge(sign(secret, START, body), body)).toEqual({ kind: "malformed" });
  });

  test.each([
    [-5 * MINUTE, "signed"],
    [-5 * MINUTE - 1, "stale"],
    [5 * MINUTE, "signed"],
    [5 * MINUTE + 1, "stale"],
  ])("of a time %d ms away: %s", (away, kind) => {
    const { judge, secret } = judgeAt();
    const { body, signature } = delivery(secret, START + away);
    expect(judge(signature, body).kind).toBe(kind);
  });

  test("an old one with a new time in its header, which nobody signed", () => {
    const { judge, secret, wait } = judgeAt();
    const { body, signature } = delivery(secret, START);
    wait(6 * MINUTE);
    const fresh = signature.replace(/^t=\d+/, `t=${START + 6 * MINUTE}`);
    expect(judge(fresh, body)).toEqual({ kind: "stale" });
  });

  test("the same twice, however its header is written, from the first to the last moment it could be taken", () => {
    const { judge, secret, wait } = judgeAt();
    const { body, signature } = delivery(secret, START + 5 * MINUTE);
    expect(judge(signature, body).kind).toBe("signed");
    expect(judge(signature.replace(/^t=\d+/, "t=1"), body)).toEqual({ kind: "replayed" });
    wait(10 * MINUTE - 1);
    expect(judge(delivery(secret, START + 9 * MINUTE).signature, delivery(secret, START + 9 * MINUTE).body).kind).toBe(
      "signed",
    );
    expect(judge(signature, body)).toEqual({ kind: "replayed" });
    wait(2);
    expect(judge(signature, body)).toEqual({ kind: "stale" });
  });
});

test("two stores may share a secret: what one took is new to the other", () => {
  const { judge, secret } = judgeAt();
  const { body, signature } = delivery(secret, START);
  expect(judge(signature, body, "one").kind).toBe("signed");
  expect(judge(signature, body, "two").kind).toBe("signed");
});
