// What Infisical's write routes do, as recorded: a batch goes through whole or not at all, folders make their parents.
import { randomUUID } from "node:crypto";
import { makeFolder, type Project, type ServedSecret, trimmed } from "./infisicalProject.ts";
import { notFound, Refusal } from "./infisicalRefusal.ts";

type Body = Readonly<Record<string, unknown>>;
interface Written {
  readonly secretKey: string;
  readonly secretValue?: string;
  readonly secretMetadata?: ServedSecret["metadata"];
}

export function createFolder(project: Project, environment: string, body: Body): object {
  const [name, parent] = [textAt(body, "name"), textAt(body, "path")];
  if (!/^[A-Za-z0-9_-]+$/.test(name)) {
    throw new Refusal(422, "ValidationFailure", [
      {
        code: "custom",
        message: "Invalid folder name. Only alphanumeric characters, dashes, and underscores are allowed.",
        path: ["name"],
      },
    ]);
  }
  const path = `${parent === "/" ? "" : parent}/${name}`;
  if (project.environments.get(environment)?.has(path)) {
    throw new Refusal(400, "BadRequest", `Folder with name '${name}' already exists in path '${parent}'`);
  }
  return { id: makeFolder(project, environment, path).id, name, version: 1, isReserved: false, path };
}

export function createBatch(project: Project, environment: string, body: Body, now: number): object[] {
  const { secrets } = folderOf(project, environment, body);
  const wanted = body["secrets"] as readonly Written[];
  const taken = wanted.find(({ secretKey }) => secrets.has(secretKey));
  if (taken) throw new Refusal(400, "BadRequest", `Secret already exists: ${taken.secretKey}`);
  const at = new Date(now).toISOString();
  return wanted.map(({ secretKey: key, secretValue = "", secretMetadata: metadata = [] }) => {
    const fields = { id: randomUUID(), key, value: trimmed(secretValue), version: 1, createdAt: at, updatedAt: at };
    const made = { ...fields, hidden: false, metadata };
    secrets.set(key, made);
    return shown(project, environment, made);
  });
}

/** One version more for each, the same value included. */
export function updateBatch(project: Project, environment: string, body: Body, now: number): object[] {
  const { path, secrets } = folderOf(project, environment, body);
  const wanted = body["secrets"] as readonly Written[];
  const missing = wanted.find(({ secretKey }) => !secrets.has(secretKey));
  if (missing) throw notFound(`Secret does not exist: ${missing.secretKey} in path ${path}`);
  return wanted.map(({ secretKey, secretValue, secretMetadata }) => {
    const before = secrets.get(secretKey)!;
    const after: ServedSecret = {
      ...before,
      value: secretValue === undefined ? before.value : trimmed(secretValue),
      metadata: secretMetadata ?? before.metadata,
      version: before.version + 1,
      past: [...(before.past ?? []), before.value],
      updatedAt: new Date(now).toISOString(),
    };
    secrets.set(secretKey, after);
    return { ...shown(project, environment, after), secretValueHidden: false };
  });
}

export function deleteBatch(project: Project, environment: string, body: Body): object[] {
  const { secrets } = folderOf(project, environment, body);
  const wanted = body["secrets"] as readonly Written[];
  const missing = wanted.find(({ secretKey }) => !secrets.has(secretKey));
  if (missing) throw notFound(`Secret does not exist: ${missing.secretKey}`);
  return wanted.map(({ secretKey }) => {
    const gone = secrets.get(secretKey)!;
    secrets.delete(secretKey);
    const { isRotatedSecret: _, rotationId: __, ...rest } = shown(project, environment, gone);
    return { ...rest, secretValueHidden: false };
  });
}

/** Of one secret, with `version` an earlier one. Recordings 089, 091 and 093; references are not expanded here. */
export function oneSecret(project: Project, environment: string, key: string, query: URLSearchParams): object {
  const secretPath = query.get("secretPath") ?? "/";
  const secret = folderOf(project, environment, { secretPath }).secrets.get(key);
  const version = Number(query.get("version") ?? secret?.version);
  const value = version === secret?.version ? secret.value : secret?.past?.[version - 1];
  if (secret === undefined || value === undefined) throw notFound(`Secret with name '${key}' not found`);
  const whole = { ...shown(project, environment, { ...secret, version, value }), secretValueHidden: false, secretPath };
  if (!query.has("version")) return { ...whole, tags: [], secretMetadata: secret.metadata };
  const { isRotatedSecret: _, rotationId: __, ...earlier } = whole;
  return earlier;
}

function shown({ id: workspace }: Project, environment: string, secret: ServedSecret) {
  const { id, version, key, value, createdAt, updatedAt } = secret;
  return {
    id,
    _id: id,
    workspace,
    environment,
    version,
    type: "shared",
    secretKey: key,
    secretValue: value,
    secretComment: "",
    secretReminderNote: null,
    secretReminderRepeatDays: null,
    skipMultilineEncoding: false,
    createdAt,
    updatedAt,
    isRotatedSecret: secret.rotated === true,
    rotationId: null,
  };
}

function folderOf(project: Project, environment: string, body: Body) {
  const path = textAt(body, "secretPath");
  const folder = project.environments.get(environment)?.get(path);
  if (folder) return folder;
  throw new Refusal(
    404,
    "CreateSecret",
    `Folder with path '${path}' in environment with slug '${environment}' not found`,
  );
}

function textAt(body: Body, field: string): string {
  const value = body[field];
  return typeof value === "string" ? value : "/";
}
