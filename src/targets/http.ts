import { isJsonObject, type Json } from "../core/json.ts";
import type { HttpStep, SecretSource, TargetSpec } from "../core/rotation/policy.ts";
import { SecretValue } from "../core/secretValue.ts";
import { renderTemplate } from "../core/template.ts";
import { HelmwardenError } from "../errors.ts";
import type { RotationTarget, TargetCredential } from "../ports.ts";
import { callHttp, type HttpAnswer } from "./httpCall.ts";
import { type JsonPath, parseJsonPath, valueAt } from "./jsonPath.ts";

type HttpSpec = Extract<TargetSpec, { kind: "http" }>;
type StepName = "create" | "test" | "revoke";
type Parts = Readonly<Record<string, SecretValue | string | undefined>>;

/** A system with an API for its keys: it makes the new one, and the old one works until it is revoked. */
export function httpTarget(spec: HttpSpec, read: (source: SecretSource) => Promise<SecretValue>): RotationTarget {
  const value = pathOf(spec.create.value, "value");
  const id = spec.create.id === undefined ? undefined : pathOf(spec.create.id, "id");

  const ask = createAsk(spec, read);

  async function test({ value: key, id: known }: TargetCredential, signal: AbortSignal) {
    if (spec.test === undefined) return "accepted";
    if (known === undefined && needs(spec.test, "id"))
      throw refused("The key has no id that is known, as no rotation made it. Leave ${id} out of `test`");
    const { status } = await ask("test", spec.test, { value: key, id: known }, signal);
    if (isSuccess(status)) return "accepted";
    if (status === 401 || status === 403) return "refused";
    throw failed("test", status);
  }

  /** What is gone already is fine. */
  async function revoke(rotation: string, key: TargetCredential, signal: AbortSignal): Promise<void> {
    if (spec.revoke === undefined) return;
    if (key.id === undefined && needs(spec.revoke, "id")) return await requireGone(key, signal);
    const { status } = await ask("revoke", spec.revoke, { value: key.value, id: key.id, rotation }, signal);
    if (!isSuccess(status) && status !== 404 && status !== 410) throw failed("revoke", status);
  }

  /** The first key was made by a person, who alone knows its id. Without a `test` nothing tells whether it has gone. */
  async function requireGone(key: TargetCredential, signal: AbortSignal): Promise<void> {
    if (spec.test === undefined || (await test(key, signal)) === "refused") return;
    throw refused(
      "The old key has no id that is known, as no rotation made it, and it still works. End it by hand: the rotation goes on then",
    );
  }

  return {
    keepsOld: true,
    test,
    async create(rotation, signal) {
      const answer = await ask("create", spec.create, { rotation }, signal);
      if (!isSuccess(answer.status)) throw failed("create", answer.status);
      const json = jsonOf(answer);
      const made = textAt(json, value);
      const madeId = id === undefined ? undefined : textAt(json, id);
      // Asking again would make another key each time.
      if (made === undefined || (id !== undefined && madeId === undefined))
        throw refused(
          "The answer to `create` has no text at the JSONPath of `value` or `id`. Correct that, and end the key that was made by hand",
        );
      return { value: SecretValue.fromText(made), id: madeId };
    },
    set: () => Promise.resolve(),
    undo: ({ rotation, next }, signal) => revoke(rotation, next, signal),
    retire: ({ rotation, current }, signal) => revoke(rotation, current, signal),
    async check() {
      const subject = "http target";
      try {
        for (const source of spec.secrets.values()) await read(source);
        return { subject, ok: true, message: "its secrets can be read; nothing is asked of it before a rotation" };
      } catch (caught) {
        if (!(caught instanceof HelmwardenError)) throw caught;
        return { subject, ok: false, message: caught.message };
      }
    },
    close: () => Promise.resolve(),
  };
}

type Ask = (name: StepName, step: HttpStep, own: Parts, signal: AbortSignal) => Promise<HttpAnswer>;

/** Puts the parts into the templates of one request, and sends it. */
function createAsk(spec: HttpSpec, read: (source: SecretSource) => Promise<SecretValue>): Ask {
  return async (name, step, own, signal) => {
    const secrets = [...spec.secrets].map(async ([part, source]) => [part, await read(source)] as const);
    const given = Object.entries(own).flatMap(([part, text]) =>
      text === undefined ? [] : [[part, typeof text === "string" ? SecretValue.fromText(text) : text] as const],
    );
    const parts = new Map([...(await Promise.all(secrets)), ...given]);
    const text = (template: HttpStep["url"]): string => renderTemplate(template, parts).reveal();
    const body = step.body === undefined ? undefined : text(step.body);
    const headers = Object.fromEntries([
      ...(body === undefined ? [] : [["content-type", "application/json"]]),
      ...[...step.headers].map(([header, template]) => [header.toLowerCase(), text(template)]),
    ]) as Record<string, string>;
    return await callHttp({ method: step.method, url: text(step.url), headers, body }, whatOf(name), signal);
  };
}

function pathOf(text: string, field: string): JsonPath {
  const path = parseJsonPath(text);
  if (path !== undefined) return path;
  throw new HelmwardenError(
    "ConfigInvalid",
    `\`${field}\` of an http target is no JSONPath to one place. Write it as $.data[0]['key'].`,
  );
}

function needs({ url, headers, body }: HttpStep, part: string): boolean {
  return [url, ...headers.values(), ...(body === undefined ? [] : [body])].some(({ names }) => names.includes(part));
}

function jsonOf({ body }: HttpAnswer): Json | undefined {
  try {
    return JSON.parse(body.toString("utf8")) as Json;
  } catch {
    return undefined;
  }
}

function textAt(json: Json | undefined, path: JsonPath): string | undefined {
  const found = isJsonObject(json) || Array.isArray(json) ? valueAt(json, path) : undefined;
  if (typeof found === "number" && Number.isSafeInteger(found)) return String(found);
  return typeof found === "string" && found !== "" ? found : undefined;
}

function isSuccess(status: number): boolean {
  return status >= 200 && status <= 299;
}

function whatOf(name: StepName): string {
  return `The system that is asked by \`${name}\` of an http target`;
}

function failed(name: StepName, status: number): HelmwardenError {
  const isRefusal = status >= 300 && status < 500 && status !== 408 && status !== 429;
  const message = `${whatOf(name)} answered with status ${status}. Correct the request or its secrets, or see that system's own log.`;
  return new HelmwardenError(isRefusal ? "TargetRefused" : "TargetUnavailable", message, { status });
}

function refused(text: string): HelmwardenError {
  return new HelmwardenError("TargetRefused", `${text}.`);
}
