// A system of the user's, as docs/rotation-targets.md asks for one, that learns passwords by signed steps.
import type { TargetChange, TargetCredential } from "../../src/ports.ts";
import { SecretValue } from "../../src/core/secretValue.ts";
import { webhookTarget } from "../../src/targets/webhook.ts";
import { canary } from "../support/canary.ts";
import { realClock } from "../support/clock.ts";
import { startReceiver } from "../support/keyService.ts";
import { signs } from "../support/signed.ts";
import { describeTarget, type TargetWorld } from "./target.ts";

interface Step {
  readonly rotation: string;
  readonly step: "set" | "test" | "undo" | "retire" | "check";
  readonly value?: string;
}

const credential = (name: string): TargetCredential => ({
  user: undefined,
  value: SecretValue.fromText(canary(name)),
  id: undefined,
});

async function makeWorld(): Promise<TargetWorld> {
  const secret = canary("webhook-secret");
  /** What is valid, by the rotation that brought it; the last one is the current one. */
  const values = new Map<string, string>();
  const receiver = await startReceiver((received) => {
    if (!signs(secret, received)) return { status: 401 };
    const { rotation, step, value } = JSON.parse(received.body) as Step;
    const isKnown = value !== undefined && [...values.values()].includes(value);
    if (step === "test") return { status: 200, body: JSON.stringify({ result: isKnown ? "accepted" : "refused" }) };
    if (step === "set") values.set(rotation, value ?? "");
    if (step === "undo") values.delete(rotation);
    if (step === "retire") for (const other of values.keys()) if (other !== rotation) values.delete(other);
    return { status: 204 };
  });
  const spec = { kind: "webhook", url: `${receiver.url}/steps`, secret: { fromEnv: "SECRET" } } as const;
  const target = webhookTarget(spec, () => Promise.resolve(SecretValue.fromText(secret)), realClock);
  return {
    target,
    begin(): Promise<TargetChange> {
      const change = { rotation: "this-one", current: credential("current"), next: credential("next") };
      values.clear();
      values.set("before", change.current.value.reveal());
      return Promise.resolve(change);
    },
    accepts: ({ value }) => Promise.resolve([...values.values()].includes(value.reveal())),
    close: receiver.close,
  };
}

describeTarget("A webhook", makeWorld);
