import { createHash } from "node:crypto";
import type { SecretValue } from "../core/secretValue.ts";
import { HelmwardenError } from "../errors.ts";
import { refusalWord, type RedisSession } from "./redisSession.ts";

/** A user as `ACL GETUSER` tells it. */
interface AclUser {
  /** sha256 in hex. */
  readonly passwords: readonly string[];
  readonly flags: readonly string[];
}

/** Where a change of users outlives a restart. */
type Kept = "aclFile" | "configFile" | "nowhere";

/** Gives the user one password and takes another away, both at once; only hashes are sent. Each may be done already. */
export async function changePasswords(
  session: RedisSession,
  shown: string,
  user: string,
  add: SecretValue,
  drop: SecretValue | undefined,
): Promise<void> {
  const info = await infoOf(session);
  requireAlone(info, shown);
  const { passwords } = await userOf(session, user, shown);
  const adds = passwords.includes(hashOf(add)) ? [] : [`#${hashOf(add)}`];
  const isDropped = drop !== undefined && !drop.equals(add) && passwords.includes(hashOf(drop));
  const drops = isDropped ? [`!${hashOf(drop)}`] : [];
  if (adds.length + drops.length > 0) await session.ask("ACL", "SETUSER", user, ...adds, ...drops);
  if (await keep(session, await keptIn(session, info))) return;
  const undone = [...adds.map((word) => word.replace("#", "!")), ...drops.map((word) => word.replace("!", "#"))];
  if (undone.length > 0) await session.ask("ACL", "SETUSER", user, ...undone);
  throw refused(`${shown} cannot write its ACL file: a restart would forget the change`, "Make that file writable");
}

/** What a person should know of the user before a rotation. Throws what would be in its way. */
export async function describeUser(session: RedisSession, shown: string, user: string): Promise<string> {
  const info = await infoOf(session);
  requireAlone(info, shown);
  const { passwords } = await userOf(session, user, shown);
  const kept = KEPT[await keptIn(session, info)];
  const encrypted = session.isEncrypted ? "encrypted" : "not encrypted";
  return `Redis ${info.get("redis_version") ?? ""}, ${encrypted}; the user ${user} has ${passwords.length} password(s), ${kept}`;
}

const KEPT: Readonly<Record<Kept, string>> = {
  aclFile: "kept in its ACL file",
  configFile: "kept in its configuration file, if it can write it",
  nowhere: "kept in memory: a restart forgets a change, and goes by the server's own arguments",
};

async function infoOf(session: RedisSession): Promise<ReadonlyMap<string, string>> {
  const lines = String(await session.ask("INFO")).split(/\r?\n/);
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]));
}

/** Users are not replicated, and a replica logs in to its primary with a password of its own configuration. */
function requireAlone(info: ReadonlyMap<string, string>, shown: string): void {
  if (info.get("role") === "slave") throw refused(`${shown} is a replica`, "Name the primary");
  if (info.get("cluster_enabled") === "1" || Number(info.get("connected_slaves") ?? 0) > 0)
    throw refused(
      `${shown} is not alone: replicas and other nodes would not learn the password`,
      "Rotate by the target `webhook`, or by the chart",
    );
}

async function userOf(session: RedisSession, user: string, shown: string): Promise<AclUser> {
  const answer = await session.ask("ACL", "GETUSER", user);
  if (!Array.isArray(answer))
    throw refused(`${shown} has no user ${JSON.stringify(user)}`, "Create it, or correct the RotationPolicy");
  const listAt = (name: string): string[] => {
    const value: unknown = answer[answer.indexOf(name) + 1];
    return Array.isArray(value) ? value.map(String) : [];
  };
  const found: AclUser = { passwords: listAt("passwords"), flags: listAt("flags") };
  if (found.flags.includes("nopass"))
    throw refused(`${shown} lets the user ${JSON.stringify(user)} in with any password`, "Give it one first");
  return found;
}

async function keptIn(session: RedisSession, info: ReadonlyMap<string, string>): Promise<Kept> {
  const answer = await session.ask("CONFIG", "GET", "aclfile");
  const aclFile: unknown = Array.isArray(answer) ? answer[1] : "";
  if (typeof aclFile === "string" && aclFile !== "") return "aclFile";
  return (info.get("config_file") ?? "") === "" ? "nowhere" : "configFile";
}

/**
 * False: it has an ACL file, and cannot write it. A configuration file that cannot be written is a mounted one, from
 * which a restart takes the password anyway.
 */
async function keep(session: RedisSession, kept: Kept): Promise<boolean> {
  if (kept === "nowhere") return true;
  const [command, word] = kept === "aclFile" ? (["ACL", "SAVE"] as const) : (["CONFIG", "REWRITE"] as const);
  try {
    await session.ask(command, word);
    return true;
  } catch (caught) {
    if (refusalWord(caught) !== "ERR") throw caught;
    return kept === "configFile";
  }
}

function hashOf(value: SecretValue): string {
  return createHash("sha256").update(value.revealBytes()).digest("hex");
}

function refused(what: string, advice: string): HelmwardenError {
  return new HelmwardenError("TargetRefused", `${what}. ${advice}.`);
}
