import { type DigestKey, digestOf } from "../digest.ts";
import { isJsonObject, type Json, type JsonObject } from "../json.ts";
import { mapAt, textAt } from "../objects.ts";
import { SecretValue } from "../secretValue.ts";

/** One end of a rotation: what the target is to take. */
export interface Credential {
  readonly value: SecretValue;
  readonly user: string | undefined;
  /** What the target calls it, where it made it itself. */
  readonly id: string | undefined;
  /** Other keys of the same path that belong to it: public parts, companions. */
  readonly beside: ReadonlyMap<string, SecretValue>;
}

/**
 * A rotation under way. `pending`: the new value lies beside the old one, and the target may know it already.
 * `finished`: it is current; the old one still has to go.
 */
export interface RotationAttempt {
  readonly rotation: string;
  readonly step: "pending" | "finished";
  readonly reason: string;
  readonly startedAt: Date;
  readonly finishedAt: Date | undefined;
  /** Pods whose containers started before this, by the API server's clock, may run with the old value. */
  readonly adoptFrom: Date | undefined;
  readonly old: Credential;
  readonly next: Credential;
}

/** What lies in the store beside a rotated secret, under `stateKey`: as secret as the secret itself. */
export interface RotationState {
  readonly rotatedAt: Date | undefined;
  /** Recognises the value that this rotation made, so that a change by hand is not taken for it. */
  readonly mark: { readonly salt: string; readonly digest: string } | undefined;
  /** The target's name of the current value. */
  readonly currentId: string | undefined;
  readonly attempt: RotationAttempt | undefined;
}

const FORMAT = 1;

export const NEVER_ROTATED: RotationState = {
  rotatedAt: undefined,
  mark: undefined,
  currentId: undefined,
  attempt: undefined,
};

/** The key, at the secret's own path, that holds the state of its rotation. */
export function stateKeyOf(key: string): string {
  return `${key}__ROTATION`;
}

/** Recognises the value that this rotation made, later, without telling it. */
export function markOf(rotation: string, value: SecretValue): NonNullable<RotationState["mark"]> {
  return { salt: rotation, digest: digestWith(rotation, value) };
}

/** Is it the value that the last rotation made? */
export function isMarked(state: RotationState, value: SecretValue): boolean {
  return state.mark !== undefined && digestWith(state.mark.salt, value) === state.mark.digest;
}

function digestWith(salt: string, value: SecretValue): string {
  return digestOf(Buffer.from(salt) as Uint8Array as DigestKey, value);
}

/** The text that goes to the store. */
export function formatState(state: RotationState): SecretValue {
  const { rotatedAt, mark, currentId, attempt } = state;
  const text = JSON.stringify({
    format: FORMAT,
    rotatedAt: rotatedAt?.toISOString(),
    mark,
    currentId,
    attempt: attempt === undefined ? undefined : attemptJson(attempt),
  });
  return SecretValue.fromText(text);
}

function attemptJson({ old, next, ...rest }: RotationAttempt): object {
  return { ...rest, old: credentialJson(old), next: credentialJson(next) };
}

function credentialJson({ value, user, id, beside }: Credential): object {
  const others = Object.fromEntries([...beside].map(([key, other]) => [key, other.reveal()]));
  return { value: value.reveal(), user, id, beside: others };
}

/** Undefined: it is not what we write. An older program must not go on from a newer one's state. */
export function parseState(text: SecretValue): RotationState | undefined {
  const json = jsonOf(text);
  if (!isJsonObject(json) || json["format"] !== FORMAT) return undefined;
  const mark = mapAt(json, "mark");
  const [salt, digest] = [textAt(mark, "salt"), textAt(mark, "digest")];
  const attempt = mapAt(json, "attempt");
  const parsed = attempt === undefined ? undefined : parseAttempt(attempt);
  if (attempt !== undefined && parsed === undefined) return undefined;
  return {
    rotatedAt: dateAt(json, "rotatedAt"),
    mark: salt === undefined || digest === undefined ? undefined : { salt, digest },
    currentId: textAt(json, "currentId"),
    attempt: parsed,
  };
}

function parseAttempt(json: JsonObject): RotationAttempt | undefined {
  const [rotation, step] = [textAt(json, "rotation"), textAt(json, "step")];
  const startedAt = dateAt(json, "startedAt");
  const [old, next] = [parseCredential(mapAt(json, "old")), parseCredential(mapAt(json, "next"))];
  if (step !== "pending" && step !== "finished") return undefined;
  if (rotation === undefined || startedAt === undefined || old === undefined || next === undefined) return undefined;
  return {
    rotation,
    step,
    reason: textAt(json, "reason") ?? "",
    startedAt,
    finishedAt: dateAt(json, "finishedAt"),
    adoptFrom: dateAt(json, "adoptFrom"),
    old,
    next,
  };
}

function parseCredential(json: JsonObject | undefined): Credential | undefined {
  const value = textAt(json, "value");
  if (value === undefined) return undefined;
  const beside = Object.entries(mapAt(json, "beside") ?? {}).flatMap(([key, other]) =>
    typeof other === "string" ? [[key, SecretValue.fromText(other)] as const] : [],
  );
  return {
    value: SecretValue.fromText(value),
    user: textAt(json, "user"),
    id: textAt(json, "id"),
    beside: new Map(beside),
  };
}

function dateAt(json: JsonObject, key: string): Date | undefined {
  const date = new Date(textAt(json, key) ?? "");
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function jsonOf(text: SecretValue): Json | undefined {
  try {
    return JSON.parse(text.reveal()) as Json;
  } catch {
    return undefined;
  }
}
