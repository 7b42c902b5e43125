import type { TargetChange, TargetCredential } from "../../src/ports.ts";
import { SecretValue } from "../../src/core/secretValue.ts";
import { webhookTarget } from "../../src/targets/webhook.ts";
import { canary } from "../support/canary.ts";
import { realClock } from "../support/clock.ts";
import { startSignedSteps } from "../support/signedSteps.ts";
import { describeTarget, type TargetWorld } from "./target.ts";

const credential = (name: string): TargetCredential => ({
  user: undefined,
  value: SecretValue.fromText(canary(name)),
  id: undefined,
});

async function makeWorld(): Promise<TargetWorld> {
  const system = await startSignedSteps();
  const spec = { kind: "webhook", url: `${system.url}/steps`, secret: { fromEnv: "SECRET" } } as const;
  const target = webhookTarget(spec, () => Promise.resolve(SecretValue.fromText(system.secret)), realClock);
  return {
    target,
    begin(): Promise<TargetChange> {
      const change = { rotation: "this-one", current: credential("current"), next: credential("next") };
      system.values.clear();
      system.values.set("before", change.current.value.reveal());
      return Promise.resolve(change);
    },
    accepts: ({ value }) => Promise.resolve(system.works(value.reveal())),
    close: system.close,
  };
}

describeTarget("A webhook", makeWorld);
