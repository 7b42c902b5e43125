import { type ErrorCode, HelmwardenError } from "../errors.ts";
import type { Login, WithSession } from "./database.ts";

/** What a database server, or the way to it, objects to. */
export type DatabaseFault =
  | "login"
  | "noSuchUser"
  | "noSuchDatabase"
  | "forbidden"
  | "readOnly"
  | "policy"
  | "hash"
  | "plugin"
  | "syntax"
  | "characters"
  | "noTls"
  | "untrusted"
  | "refused"
  | "unavailable";

const RIGHTS = "docs/rotation-targets.md lists the rights that it needs";

const WORDS: Readonly<Record<DatabaseFault, readonly [ErrorCode, what: string, advice: string]>> = {
  login: ["TargetRefused", "does not let the user in", "Correct the user's name or its password"],
  noSuchUser: ["TargetRefused", "has no such user", "Create it, or correct the RotationPolicy"],
  noSuchDatabase: ["TargetRefused", "has no such database", "Correct `database` in the RotationPolicy"],
  forbidden: ["TargetRefused", "does not allow it", RIGHTS],
  readOnly: ["TargetRefused", "only reads: it is a replica", "Point the RotationPolicy to the primary"],
  policy: ["TargetRefused", "has a password policy that refuses the value", "Change `generate` in the RotationPolicy"],
  hash: [
    "TargetRefused",
    "checks passwords by a plugin and takes no hash of one",
    "Set strict_password_validation=OFF there: helmwarden sends no plaintext, as the server would log it",
  ],
  plugin: [
    "TargetRefused",
    "lets the user in by another plugin than one that helmwarden can change",
    "See docs/rotation-targets.md, or rotate that user by hand",
  ],
  syntax: [
    "TargetRefused",
    "does not know the statement",
    "It is too old for two passwords at once: use the strategy `alternating` or `single`",
  ],
  characters: [
    "TargetRefused",
    "cannot take the value as a password: it is empty, no text, or has characters that its clients change",
    "Use letters, digits and signs of ASCII",
  ],
  noTls: ["TargetRefused", "takes no TLS, which the RotationPolicy asks for", "Switch it on there, or set `tls.mode`"],
  untrusted: [
    "TargetUnavailable",
    "shows a certificate that is not trusted",
    "Set `tls.caFile` to its CA, and `host` to a name in the certificate",
  ],
  refused: ["TargetRefused", "refuses it", "Look into the server's log"],
  unavailable: ["TargetUnavailable", "cannot be reached, or broke off", "What was asked is tried again"],
};

/** `server` and `user` are the configuration's words; `state` is what the server calls the fault, if it is a code. */
export function databaseFault(fault: DatabaseFault, server: string, user: string, state?: string): HelmwardenError {
  const [code, what, advice] = WORDS[fault];
  const shown = state === undefined || !/^\w{1,10}$/.test(state) ? "" : ` (${state})`;
  const message = `${server}, asked as the user ${JSON.stringify(user)}, ${what}${shown}. ${advice}.`;
  return new HelmwardenError(code, message, { fault });
}

export function isFault(caught: unknown, fault: DatabaseFault): caught is HelmwardenError {
  return caught instanceof HelmwardenError && caught.detail["fault"] === fault;
}

export function cancelled(server: string): HelmwardenError {
  return new HelmwardenError("Cancelled", `The work at ${server} was cancelled before it ended; run it again.`);
}

/** Works as the first of these that is let in. */
export async function withFirst<T>(
  withSession: WithSession,
  logins: readonly Login[],
  signal: AbortSignal,
  work: Parameters<typeof withSession<T>>[2],
): Promise<T> {
  const [first, ...others] = logins;
  if (first === undefined) throw new HelmwardenError("Internal", "No admin to log in as: this is a bug.");
  try {
    return await withSession(first, signal, work);
  } catch (caught) {
    if (others.length === 0 || !isFault(caught, "login")) throw caught;
    return await withFirst(withSession, others, signal, work);
  }
}

/** Logs in and asks for 1, as every database here can. */
export async function testLogin(
  withSession: WithSession,
  login: Login,
  signal: AbortSignal,
): Promise<"accepted" | "refused"> {
  try {
    await withSession(login, signal, async (session) => await session.query("SELECT 1"));
    return "accepted";
  } catch (caught) {
    if (isFault(caught, "login")) return "refused";
    throw caught;
  }
}
