import { HTTP_PARTS, type HttpStepName } from "../core/rotation/httpParts.ts";
import type { DatabaseStrategy } from "../core/rotation/policy.ts";
import type { Template } from "../core/template.ts";

export type DatabaseKind = "postgres" | "mariadb" | "mysql";

interface Fault {
  readonly path: string[];
  readonly message: string;
}

export interface DatabaseUsers {
  readonly user?: string | undefined;
  readonly users?: readonly string[] | undefined;
  readonly userKey?: string | undefined;
  readonly strategy?: DatabaseStrategy["kind"] | undefined;
  readonly admin: { readonly user: string };
}

/** What a database does unless it is told otherwise. */
export function strategyOf(kind: DatabaseKind, { users, strategy }: DatabaseUsers): DatabaseStrategy["kind"] {
  if (strategy !== undefined) return strategy;
  if (users !== undefined) return "alternating";
  return kind === "postgres" ? "single" : "dual";
}

/** Why this cannot be done to a database. */
export function databaseFault(kind: DatabaseKind, given: DatabaseUsers): Fault | undefined {
  const { user, users, userKey, admin } = given;
  const strategy = strategyOf(kind, given);
  if (strategy === "dual" && kind === "postgres") {
    const why = "PostgreSQL keeps one password for each user";
    return fault("strategy", `${why}: \`alternating\` with \`users\` has no gap, \`single\` has a short one`);
  }
  if (strategy !== "alternating") {
    if (users !== undefined) return fault("users", `is for \`alternating\`; ${strategy} takes one \`user\``);
    if (userKey !== undefined) return fault("userKey", "is for `alternating`, with `users`");
    return user === undefined ? fault("user", "is missing") : undefined;
  }
  if (users === undefined) return fault("users", "is missing: `alternating` needs two users");
  if (user !== undefined) return fault("user", "must not stand beside `users`");
  if (users[0] === users[1]) return fault("users", "must be two different users");
  if (userKey === undefined)
    return fault("userKey", "is missing: the key at the secret's path that names the user in use");
  if (users.includes(admin.user)) return fault("admin", "must be a third user: the two change their passwords in turn");
  return undefined;
}

function fault(field: string, message: string): Fault {
  return { path: [field], message };
}

interface RequestFields {
  readonly url: Template;
  readonly headers: Readonly<Record<string, Template>>;
  readonly body?: Template | undefined;
}

interface HttpFields {
  readonly create: RequestFields & { readonly id?: string | undefined };
  readonly test?: RequestFields | undefined;
  readonly revoke?: RequestFields | undefined;
  readonly secrets: Readonly<Record<string, unknown>>;
}

/** What is wrong with the requests: a host that a secret could change, parts that nobody gives or uses. */
export function httpFaults({ create, test, revoke, secrets }: HttpFields): Fault[] {
  const steps = Object.entries({ create, test, revoke }).flatMap(([name, request]) =>
    request === undefined ? [] : [{ name: name as HttpStepName, request }],
  );
  const used = steps.flatMap(({ name, request }) => partsOf(request).map((part) => ({ name, ...part })));
  const given = new Set(Object.keys(secrets));
  const own = new Set<string>(Object.values(HTTP_PARTS).flat());
  return [
    ...steps
      .filter(({ request }) => !hasPlainHost(request.url))
      .map(({ name }) => ({ path: [name, "url"], message: URL_RULE })),
    ...used.flatMap(({ name, path, part }) => {
      const known: readonly string[] = HTTP_PARTS[name];
      if (part === "id" && create.id === undefined && known.includes(part))
        return [{ path: [name, ...path], message: "uses the part id, which needs `create.id`" }];
      if (known.includes(part) || given.has(part)) return [];
      const message = `uses the part ${part}; here there are ${[...known, "those of `secrets`"].join(", ")}`;
      return [{ path: [name, ...path], message }];
    }),
    ...[...given].flatMap((name) => {
      const path = ["secrets", name];
      if (own.has(name)) return [{ path, message: "has the name of a part that each rotation gives" }];
      return used.some(({ part }) => part === name) ? [] : [{ path, message: "is not used by any request" }];
    }),
  ];
}

const URL_RULE = "must begin with https:// (or http://) and the host, without a part in it";

function hasPlainHost({ pieces: [first, second] }: Template): boolean {
  if (first?.kind !== "text") return false;
  return (second === undefined ? /^https?:\/\/[^\s/?#@]+/ : /^https?:\/\/[^\s/?#@]+[/?#]/).test(first.text);
}

function partsOf({ url, headers, body }: RequestFields): { readonly path: string[]; readonly part: string }[] {
  const templates: [string[], Template | undefined][] = [
    [["url"], url],
    ...Object.entries(headers).map(([name, header]): [string[], Template] => [["headers", name], header]),
    [["body"], body],
  ];
  return templates.flatMap(([path, template]) => (template?.names ?? []).map((part) => ({ path, part })));
}
