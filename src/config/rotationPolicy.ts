import * as z from "zod";
import { cronFault, isTimeZone } from "../core/rotation/cron.ts";
import { duration } from "./duration.ts";
import { API_VERSION, namespaceName, objectName, secretRef, secretSource, text, webUrl } from "./fields.ts";
import { DEFAULT_GENERATOR, generator } from "./generator.ts";
import { clusterName } from "./releaseSync.ts";
import { rotationFaults } from "./rotationFaults.ts";
import { target } from "./rotationTarget.ts";

const cron = () =>
  z
    .string()
    .max(200)
    .superRefine((written, context) => {
      const fault = cronFault(written);
      if (fault !== undefined) context.addIssue({ code: "custom", message: fault, continue: false });
    })
    .describe("Cron expression of five fields: `0 2 * * 6` is Saturday at two o'clock.");

const timezone = () =>
  z
    .string()
    .max(100)
    .refine(isTimeZone, { error: "must be a time zone such as Europe/Berlin or UTC", abort: true })
    .default("UTC")
    .describe("Time zone of the expression.");

const every = z
  .union(
    [duration("1h", "3650d"), z.strictObject({ cron: cron(), timezone: timezone() })],
    "must be a duration between 1h and 3650d such as 90d, or {cron, timezone}",
  )
  .optional()
  .describe(
    "How old a value gets before it is due: days of 24 hours, or the next time of a cron expression. Default: 90d; 30d for the credentials that a store makes (vaultSecretId, infisicalClientSecret).",
  );

type Every = NonNullable<z.output<typeof every>>;

/** Credentials that open a store are worth all that is in it. */
export function everyOf(given: { readonly every?: Every | undefined; readonly target: object }): Every {
  const ownDays = "vaultSecretId" in given.target || "infisicalClientSecret" in given.target ? 30 : 90;
  return given.every ?? ownDays * 86_400_000;
}

const window = z
  .strictObject({
    cron: cron(),
    duration: duration("1m", "31d").describe("How long it stays open."),
    timezone: timezone(),
  })
  .optional()
  .describe("When a rotation may start. Without it, at any time.");

const overlap = z
  .strictObject({
    key: text().describe("Key at the same path that holds it."),
    for: duration("1m", "3650d").prefault("24h").describe("For how long at least; longer than any token lives."),
  })
  .optional()
  .describe(
    "The value that was current (of a key pair: its public part) stays readable under another key for a while.",
  );

const notify = z
  .union(
    [
      z.strictObject({
        webhook: z
          .strictObject({
            url: webUrl().describe("Where to."),
            secret: secretSource().describe("Key of the signature."),
          })
          .describe("JSON, signed with HMAC-SHA256."),
      }),
      z.strictObject({
        slack: z
          .strictObject({ url: secretSource().describe("URL of Slack's incoming webhook, which is a secret.") })
          .describe("A message in Slack's form."),
      }),
    ],
    "must be exactly one of {webhook} and {slack}",
  )
  .optional()
  .describe("Who hears of each rotation, and of a failed or overdue one. Never of a value.");

const spec = z
  .strictObject({
    cluster: clusterName(),
    secret: secretRef().describe("The secret to rotate."),
    every,
    window,
    deadline: duration("1m", "3650d")
      .prefault("14d")
      .describe("So long after it was due, a rotation that has not happened is an alarm."),
    jitter: duration("0s", "365d")
      .prefault("0s")
      .describe("Each rotation is due up to so much later, so that not all are due at once."),
    countStoreChanges: z
      .boolean()
      .default(false)
      .describe("Does a change that somebody else makes in the store count as a rotation?"),
    generate: generator.prefault(DEFAULT_GENERATOR).describe("How a new value is made: exactly one."),
    target: target.prefault({ none: {} }).describe("What must learn a new value before the apps do: exactly one."),
    overlap,
    owner: text().optional().describe("Whom to ask: a name or an address, for people."),
    notify,
  })
  .superRefine((given, context) => {
    for (const fault of rotationFaults({ ...given, every: everyOf(given) }))
      context.addIssue({ code: "custom", ...fault });
  });

export const rotationPolicy = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("RotationPolicy"),
  metadata: z.strictObject({
    name: objectName().describe("Name of the policy."),
    namespace: namespaceName().describe("Namespace of its Lease, its status object and its Events."),
  }),
  spec,
});
