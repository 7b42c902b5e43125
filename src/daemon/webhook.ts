import { createHmac, timingSafeEqual } from "node:crypto";
import * as z from "zod";
import type { SecretValue } from "../core/secretValue.ts";
import { LONGEST_PATH, parseJson } from "./requestBody.ts";

/** A delivery that Infisical signed: the folder that changed. No keys, no values. */
export interface Delivery {
  readonly projectId: string | undefined;
  readonly environment: string;
  readonly path: string;
}

export type Verdict =
  | { readonly kind: "signed"; readonly delivery: Delivery | undefined }
  | { readonly kind: "forged" | "malformed" | "stale" | "replayed" };

const SIGNATURE = /^t=\d{1,16};([0-9a-f]{64})$/;
const WINDOW_MS = 300_000;

const signedBody = z.object({
  timestamp: z.int(),
  project: z
    .object({ projectId: z.string().optional(), environment: z.string(), secretPath: z.string().max(LONGEST_PATH) })
    .optional(),
});

/**
 * Judges Infisical's webhooks: `x-infisical-signature: t=<ms>;<hex>`, an HMAC-SHA256 of the raw body. The time that
 * counts is the body's, as the header's own is not signed. A signature is taken once for each store; `delivery` is
 * undefined for those that name no folder. Seen on real deliveries, which a test replays.
 */
export function createWebhookJudge(now: () => Date) {
  /** By store and signature, in order of arrival: when each may be forgotten, as it is stale then. */
  const seen = new Map<string, number>();
  return (store: string, secret: SecretValue, header: string, body: Buffer): Verdict => {
    const signature = SIGNATURE.exec(header)?.[1];
    if (signature === undefined) return { kind: "malformed" };
    const wanted = createHmac("sha256", secret.revealBytes()).update(body).digest();
    if (!timingSafeEqual(wanted, Buffer.from(signature, "hex"))) return { kind: "forged" };
    const parsed = signedBody.safeParse(parseJson(body));
    if (!parsed.success) return { kind: "malformed" };
    const time = now().getTime();
    if (Math.abs(time - parsed.data.timestamp) > WINDOW_MS) return { kind: "stale" };
    for (const [key, until] of seen) {
      if (until > time) break;
      seen.delete(key);
    }
    const key = `${store} ${signature}`;
    if (seen.has(key)) return { kind: "replayed" };
    seen.set(key, time + 2 * WINDOW_MS);
    const { project } = parsed.data;
    if (project === undefined) return { kind: "signed", delivery: undefined };
    const { projectId, environment, secretPath: path } = project;
    return { kind: "signed", delivery: { projectId, environment, path } };
  };
}

export type WebhookJudge = ReturnType<typeof createWebhookJudge>;
