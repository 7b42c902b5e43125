import { z } from "zod";
import type { Digest } from "../core/digest.ts";
import { isJsonObject } from "../core/json.ts";
import type { StatusRecord } from "../core/statusRecord.ts";
import type { Xray } from "../core/xray.ts";
import type { Subject } from "../ports.ts";

/** Which ConfigMaps are status objects, and of what kind of subject. */
export const STATUS_LABEL = "helmwarden.dev/status";
const KEY = "record";

export interface StatusEntry {
  readonly subject: Subject;
  readonly record: StatusRecord;
}

export function formatSubject(subject: Subject): string {
  return `${subject.kind}/${subject.namespace}/${subject.name}`;
}

export function statusLabels(subject: Subject): Record<string, string> {
  return { "app.kubernetes.io/managed-by": "helmwarden", [STATUS_LABEL]: subject.kind.toLowerCase() };
}

export function encodeStatus({ subject, record }: StatusEntry): Record<string, string> {
  return { [KEY]: JSON.stringify({ subject: { kind: subject.kind, name: subject.name }, ...record }) };
}

const document = z
  .object({
    subject: z.object({ kind: z.enum(["Release", "Secret", "Store", "Rotation"]), name: z.string() }),
    phase: z.enum(["applying", "settled"]),
    wanted: z.custom<Digest>((value) => typeof value === "string"),
    revision: z.number().int(),
    base: z.number().int().exactOptional(),
    outcome: z.string(),
    reason: z.string().exactOptional(),
    noted: z.object({ outcome: z.string(), reason: z.string() }).exactOptional(),
    putBacks: z.array(z.iso.datetime()).exactOptional(),
    run: z.string(),
    at: z.iso.datetime(),
    xray: z.custom<Xray>((value) => isJsonObject(value) && typeof value["cacheKey"] === "string").exactOptional(),
  })
  .transform(({ subject, ...record }): { subject: Omit<Subject, "namespace">; record: StatusRecord } => ({
    subject,
    record,
  }));

/** Undefined for what is not ours or cannot be read: then nothing is known of the subject, which is safe. */
export function decodeStatus(namespace: string, data: Readonly<Record<string, string>>): StatusEntry | undefined {
  try {
    const { subject, record } = document.parse(JSON.parse(data[KEY] ?? ""));
    return { subject: { ...subject, namespace }, record };
  } catch {
    return undefined;
  }
}
