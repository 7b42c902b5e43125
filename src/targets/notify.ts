import type { NotifySpec, SecretSource } from "../core/rotation/policy.ts";
import type { SecretValue } from "../core/secretValue.ts";
import { HelmwardenError } from "../errors.ts";
import type { Clock, Notify, RotationNews } from "../ports.ts";
import { callHttp, type HttpCall } from "./httpCall.ts";
import { SIGNATURE_HEADER, signatureOf } from "./signature.ts";

/** Pauses before the second and the third try. */
const PAUSES_MS = [1_000, 5_000];

const WORDS: Readonly<Record<RotationNews["event"], string>> = {
  rotated: "has a new value",
  retired: "has a new value, and the old one has ended",
  failed: "could not be rotated, or not everywhere",
  rolledBack: "has its old value again",
  overdue: "is overdue",
};

/** Sends news of rotations: JSON that is signed as a webhook target's, or Slack's form. It tells no value. */
export function createNotify(read: (source: SecretSource) => Promise<SecretValue>, clock: Clock): Notify {
  return async (spec, news, signal) => {
    const call = await callOf(spec, news, read, clock);
    for (let attempt = 0; ; attempt += 1) {
      const error = await sent(call, signal);
      if (error === undefined) return;
      const pause = PAUSES_MS[attempt];
      if (pause === undefined || error.code !== "TargetUnavailable" || error.detail["final"] === true) throw error;
      await clock.sleep(pause, signal).catch(() => undefined);
    }
  };
}

async function callOf(
  spec: NotifySpec,
  news: RotationNews,
  read: (source: SecretSource) => Promise<SecretValue>,
  clock: Clock,
): Promise<HttpCall> {
  const json = { "content-type": "application/json" };
  if (spec.kind === "slack") {
    const { policy, namespace, event, message } = news;
    const text = escaped(`${namespace}/${policy} ${WORDS[event]}: ${message}`);
    return { method: "POST", url: (await read(spec.url)).reveal(), headers: json, body: JSON.stringify({ text }) };
  }
  const body = JSON.stringify({ ...news, at: news.at.toISOString() });
  const headers = { ...json, [SIGNATURE_HEADER]: signatureOf(await read(spec.secret), clock.now(), body) };
  return { method: "POST", url: spec.url, headers, body };
}

/** What went wrong. */
async function sent(call: HttpCall, signal: AbortSignal): Promise<HelmwardenError | undefined> {
  try {
    const { status } = await callHttp(call, "The receiver of news", signal);
    if (status >= 200 && status <= 299) return undefined;
    const isFinal = status < 500 && status !== 408 && status !== 429;
    return new HelmwardenError(
      "TargetUnavailable",
      `The receiver of news answered with status ${status}. Correct \`notify\`, or see its own log.`,
      { status, final: isFinal },
    );
  } catch (caught) {
    if (caught instanceof HelmwardenError) return caught;
    throw caught;
  }
}

/** As Slack asks for. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
