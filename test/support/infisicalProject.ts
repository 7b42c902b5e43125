import { randomUUID } from "node:crypto";
import { Refusal } from "./infisicalRefusal.ts";

export interface ServedSecret {
  readonly id: string;
  readonly key: string;
  readonly value: string;
  readonly version: number;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly hidden: boolean;
  readonly metadata: readonly { readonly key: string; readonly value: string }[];
  /** Values of the versions before this one, the first one first. */
  readonly past?: readonly string[];
  readonly comment?: string;
  readonly tags?: readonly string[];
  /** Infisical's own rotation makes its value. */
  readonly rotated?: boolean;
}

export interface Folder {
  readonly id: string;
  readonly path: string;
  readonly secrets: Map<string, ServedSecret>;
  /** In position order; the last one wins. */
  readonly imports: { readonly environment: string; readonly path: string }[];
}

export interface Project {
  readonly id: string;
  readonly slug: string;
  readonly environments: Map<string, Map<string, Folder>>;
}

export interface ListQuery {
  readonly environment: string;
  readonly secretPath: string;
  readonly show: boolean;
  readonly expand: boolean;
  readonly recursive: boolean;
  readonly imports: boolean;
  /** v4 looks references up through the imports of the folder that is read, v3 does not. */
  readonly relative: boolean;
}

export function newProject(id: string, slug: string, environments: readonly string[]): Project {
  const project: Project = { id, slug, environments: new Map() };
  for (const environment of environments) {
    project.environments.set(environment, new Map());
    makeFolder(project, environment, "/");
  }
  return project;
}

/** Makes the folder and its missing parents. */
export function makeFolder(project: Project, environment: string, path: string): Folder {
  const folders = project.environments.get(environment);
  if (!folders) throw new Error(`the test server has no environment ${environment}`);
  if (path !== "/") makeFolder(project, environment, path.slice(0, path.lastIndexOf("/")) || "/");
  const folder = folders.get(path) ?? { id: randomUUID(), path, secrets: new Map(), imports: [] };
  folders.set(path, folder);
  return folder;
}

/** Leading and trailing whitespace is not kept, except one newline at the end. */
export function trimmed(value: string): string {
  return value.trim() + (value.endsWith("\n") ? "\n" : "");
}

/** The body of a list call. */
export function listSecrets(project: Project, query: ListQuery): { secrets: object[]; imports: object[] } {
  const root = folderOf(project, query.environment, normal(query.secretPath));
  if (!root) {
    throw new Refusal(
      404,
      "SecretPathNotFound",
      `Folder with path '${query.secretPath}' in environment '${query.environment}' was not found. Please ensure the environment slug and secret path is correct.`,
    );
  }
  const folders = query.recursive ? below(project, query.environment, root) : [root];
  const found = folders.flatMap((folder) => [...folder.secrets.values()].map((secret) => ({ folder, secret })));
  // By key; of equal ones in several folders the deeper came first in the recording.
  const sorted = found.toReversed().sort((left, right) => order(left.secret.key, right.secret.key));
  return {
    secrets: sorted.map(({ folder, secret }) => local(project, query, folder, root, secret)),
    imports: query.imports ? folders.flatMap((folder) => importsOf(project, query, folder)) : [],
  };
}

function order(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}

function local(project: Project, query: ListQuery, folder: Folder, root: Folder, secret: ServedSecret): object {
  return {
    ...head(project.id, query.environment, secret, valueOf(project, query, folder, folder, secret)),
    secretReminderNote: null,
    secretReminderRepeatDays: null,
    skipMultilineEncoding: false,
    createdAt: secret.createdAt,
    updatedAt: secret.updatedAt,
    isRotatedSecret: secret.rotated === true,
    rotationId: secret.rotated === true ? secret.id : null,
    // The path that was asked for comes back as it was spelt.
    secretPath: folder === root && !query.secretPath.startsWith("/") ? query.secretPath : folder.path,
    secretValueHidden: isHidden(query, secret),
    secretMetadata: secret.metadata.map((entry) => ({ ...entry, isEncrypted: false })),
    tags: (secret.tags ?? []).map((slug) => ({ id: slug, slug, name: slug, color: "" })),
  };
}

function importsOf(project: Project, query: ListQuery, folder: Folder): object[] {
  return folder.imports.flatMap((link) => {
    const source = folderOf(project, link.environment, link.path);
    if (!source) return [];
    const secrets = flattened(project, source).map(({ from, secret }) => ({
      ...head("", link.environment, secret, valueOf(project, query, folder, from, secret)),
      skipMultilineEncoding: false,
      isRotatedSecret: secret.rotated === true,
      rotationId: secret.rotated === true ? secret.id : null,
      secretValueHidden: isHidden(query, secret),
      secretMetadata: secret.metadata.map((entry) => ({ ...entry, isEncrypted: false })),
    }));
    return [{ secretPath: link.path, environment: link.environment, folderId: source.id, secrets }];
  });
}

/** A folder's own secrets and those that it imports itself: nested imports come flattened. */
function flattened(
  project: Project,
  folder: Folder,
  seen = new Set<Folder>(),
): { from: Folder; secret: ServedSecret }[] {
  if (seen.has(folder)) return [];
  seen.add(folder);
  const merged = new Map([...folder.secrets.values()].map((secret) => [secret.key, { from: folder, secret }]));
  for (const link of folder.imports.toReversed()) {
    const source = folderOf(project, link.environment, link.path);
    for (const item of source ? flattened(project, source, seen) : []) {
      if (!merged.has(item.secret.key)) merged.set(item.secret.key, item);
    }
  }
  return [...merged.values()];
}

function head(workspace: string, environment: string, secret: ServedSecret, secretValue: string): object {
  const { id, version, key } = secret;
  return {
    id,
    _id: id,
    workspace,
    environment,
    version,
    type: "shared",
    secretKey: key,
    secretValue,
    secretComment: secret.comment ?? "",
  };
}

function isHidden(query: ListQuery, secret: ServedSecret): boolean {
  return secret.hidden || !query.show;
}

function valueOf(project: Project, query: ListQuery, reader: Folder, owner: Folder, secret: ServedSecret): string {
  if (isHidden(query, secret)) return "<hidden-by-infisical>";
  if (!query.expand) return secret.value;
  return expand(secret, owner, []);

  function expand(current: ServedSecret, at: Folder, path: readonly ServedSecret[]): string {
    return current.value.replace(/\$\{([A-Za-z0-9_.-]+)\}/g, (_all, name: string) => {
      const target = find(name, at);
      if (!target) return "";
      const [next, from] = target;
      // A cycle stops and leaves the reference as it is written.
      return next === current || path.includes(next) ? next.value : expand(next, from, [...path, current]);
    });
  }

  function find(name: string, at: Folder): readonly [ServedSecret, Folder] | undefined {
    const parts = name.split(".");
    const key = parts.pop() ?? "";
    const [environment, ...folders] = parts;
    const candidates = environment
      ? [folderOf(project, environment, `/${folders.join("/")}`)]
      : query.relative
        ? [reader, at]
        : [at];
    for (const folder of candidates) {
      if (!folder) continue;
      const own = folder.secrets.get(key);
      if (own) return [own, folder];
      const imported = query.relative ? flattened(project, folder).find((item) => item.secret.key === key) : undefined;
      if (imported) return [imported.secret, imported.from];
    }
    return undefined;
  }
}

function folderOf(project: Project, environment: string, path: string): Folder | undefined {
  return project.environments.get(environment)?.get(path);
}

function below(project: Project, environment: string, root: Folder): Folder[] {
  const prefix = root.path === "/" ? "/" : `${root.path}/`;
  const folders = project.environments.get(environment)?.values() ?? [];
  return [...folders].filter((folder) => folder === root || folder.path.startsWith(prefix));
}

function normal(path: string): string {
  return `/${path.split("/").filter(Boolean).join("/")}`;
}
