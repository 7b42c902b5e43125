import * as z from "zod";
import type { SecretSource, TargetSpec } from "../core/rotation/policy.ts";
import type { SecretValue } from "../core/secretValue.ts";
import { HelmwardenError } from "../errors.ts";
import type { Clock, RotationTarget, TargetCredential } from "../ports.ts";
import { callHttp, type HttpAnswer } from "./httpCall.ts";
import { SIGNATURE_HEADER, signatureOf } from "./signature.ts";

type WebhookSpec = Extract<TargetSpec, { kind: "webhook" }>;

const WHAT = "The webhook of a rotation";
const TestAnswer = z.object({ result: z.enum(["accepted", "refused"]) });

/**
 * A system of the user's: each step is a signed POST of `{rotation, step, user, value?}`, the value only where it is
 * to be learnt or tried. It keeps the old value until `retire`, and takes a repeated step.
 */
export function webhookTarget(
  { url, secret }: WebhookSpec,
  read: (source: SecretSource) => Promise<SecretValue>,
  clock: Clock,
): RotationTarget {
  async function post(step: object, signal: AbortSignal): Promise<HttpAnswer> {
    const body = JSON.stringify(step);
    const key = await read(secret);
    const headers = { "content-type": "application/json", [SIGNATURE_HEADER]: signatureOf(key, clock.now(), body) };
    return await callHttp({ method: "POST", url, headers, body }, WHAT, signal);
  }

  async function tell(
    step: "set" | "undo" | "retire",
    rotation: string,
    { user, value, id }: TargetCredential,
    signal: AbortSignal,
  ): Promise<void> {
    const told = step === "set" ? { value: value.reveal() } : {};
    const { status } = await post({ rotation, step, user, id, ...told }, signal);
    if (status < 200 || status > 299) throw failed(status, step);
  }

  return {
    keepsOld: true,
    async test({ user, value, id }, signal) {
      const answer = await post({ step: "test", user, id, value: value.reveal() }, signal);
      const result = TestAnswer.safeParse(jsonOf(answer));
      if (answer.status === 200 && result.success) return result.data.result;
      throw failed(answer.status, "test");
    },
    set: ({ rotation, next }, signal) => tell("set", rotation, next, signal),
    undo: ({ rotation, next }, signal) => tell("undo", rotation, next, signal),
    retire: ({ rotation, current }, signal) => tell("retire", rotation, current, signal),
    async check(signal) {
      const subject = `${WHAT} at ${URL.parse(url)?.host ?? "no address"}`;
      try {
        const { status } = await post({ step: "check" }, signal);
        if (status >= 200 && status <= 299) return { subject, ok: true, message: "it takes our signature" };
        return { subject, ok: false, message: failed(status, "check").message };
      } catch (caught) {
        if (!(caught instanceof HelmwardenError)) throw caught;
        return { subject, ok: false, message: caught.message };
      }
    },
    close: () => Promise.resolve(),
  };
}

function jsonOf({ body }: HttpAnswer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}

function failed(status: number, step: string): HelmwardenError {
  const isRefusal = status >= 400 && status < 500 && status !== 408 && status !== 429;
  const message = `${WHAT} answered the step ${step} with status ${status}. See that system's own log, and docs/rotation-targets.md for what it has to answer.`;
  return new HelmwardenError(isRefusal ? "TargetRefused" : "TargetUnavailable", message, { status });
}
