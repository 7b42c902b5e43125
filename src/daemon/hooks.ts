import type { IncomingMessage } from "node:http";
import * as z from "zod";
import type { Clock, Log } from "../ports.ts";
import { type Answer, refusal } from "./answer.ts";
import { carriesToken } from "./bearer.ts";
import type { Callers, InfisicalWebhook, StoreHook } from "./callers.ts";
import type { Metrics } from "./metrics.ts";
import { LONGEST_PATH, parseJson, readBody } from "./requestBody.ts";
import type { DaemonView } from "./view.ts";
import { createWebhookJudge, type Verdict, type WebhookJudge } from "./webhook.ts";

/** What a caller wants read: one path, or all of the store. */
interface Call {
  readonly path: string | undefined;
}

const pushBody = z.strictObject({ path: z.string().min(1).max(LONGEST_PATH).optional() });

const NO_HOOK = refusal(404, "There is no open hook of this name; set `push` or `webhook` in the SecretStore.");
const NO_TOKEN = refusal(401, "The token is missing or wrong; send the one of `push` in the SecretStore.", {
  "www-authenticate": "Bearer",
});
const TOO_LARGE = refusal(413, "The body is larger than 64 KiB; send a path only.", { connection: "close" });
const NO_PATH = refusal(400, 'The body must be empty or JSON: {"path": "apps/matomo"}.');
const OTHER = refusal(
  422,
  "The webhook is of another project or environment than the SecretStore; correct one of them.",
);
const JUDGED: Readonly<Record<Exclude<Verdict["kind"], "signed">, Answer>> = {
  forged: refusal(401, "The signature is wrong; compare the webhook's secret key with `webhook.secret`."),
  malformed: refusal(400, "This is no delivery of an Infisical webhook; set its type to general."),
  stale: refusal(401, "The delivery is older or newer than five minutes; look at the clocks of both sides."),
  replayed: refusal(409, "The delivery was taken already; nothing is to be done."),
};

/** Answers `POST /v1/hooks/<store>`; a valid call reaches the view, which has it read at once. */
export function createHooks(
  view: Pick<DaemonView, "hook">,
  metrics: Pick<Metrics, "hookCalled">,
  callers: () => Callers,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): (store: string, request: IncomingMessage) => Promise<Answer> {
  const judge = createWebhookJudge(() => clock.now());
  return async (store, request) => {
    const hook = callers().hooks.get(store);
    if (hook === undefined) return NO_HOOK;
    const signature = request.headers["x-infisical-signature"];
    const call =
      hook.webhook !== undefined && typeof signature === "string"
        ? await webhookCall(store, hook.webhook, signature, request, judge)
        : await pushCall(hook, request);
    if ("status" in call) {
      metrics.hookCalled(store, "refused");
      log.debug("a hook call was refused", { store, status: call.status });
      return call;
    }
    const path = call.path === undefined ? undefined : pathIn(hook, call.path);
    const isRead = path !== undefined || call.path === undefined;
    metrics.hookCalled(store, isRead ? "read" : "ignored");
    if (!isRead) return { status: 200, body: { read: false, why: "nothing reads this path" } };
    view.hook(store, path);
    return { status: 202, body: { read: true } };
  };
}

async function webhookCall(
  store: string,
  webhook: InfisicalWebhook,
  signature: string,
  request: IncomingMessage,
  judge: WebhookJudge,
): Promise<Call | Answer> {
  const body = await readBody(request);
  if (body === "tooLarge") return TOO_LARGE;
  const verdict = judge(store, await webhook.secret(), signature, body);
  if (verdict.kind !== "signed") return JUDGED[verdict.kind];
  const { delivery } = verdict;
  if (delivery === undefined) return { path: undefined };
  const otherProject =
    [delivery.projectId, webhook.projectId].every(Boolean) && delivery.projectId !== webhook.projectId;
  return otherProject || delivery.environment !== webhook.environment ? OTHER : { path: delivery.path };
}

async function pushCall({ pushToken }: StoreHook, request: IncomingMessage): Promise<Call | Answer> {
  if (pushToken === undefined || !carriesToken(request.headers.authorization, await pushToken())) return NO_TOKEN;
  const body = await readBody(request);
  if (body === "tooLarge") return TOO_LARGE;
  if (body.length === 0) return { path: undefined };
  const parsed = pushBody.safeParse(parseJson(body));
  return parsed.success ? { path: parsed.data.path } : NO_PATH;
}

/** The path as the configuration spells it; slashes at its ends do not count. */
function pathIn({ paths }: StoreHook, called: string): string | undefined {
  return paths.find((path) => bare(path) === bare(called));
}

function bare(path: string): string {
  return path.replaceAll(/^\/+|\/+$/g, "");
}
