import type { SecretSource, TargetSpec } from "../core/rotation/policy.ts";
import type { SecretValue } from "../core/secretValue.ts";
import { HelmwardenError } from "../errors.ts";
import type { CheckLine, RotationTarget, TargetChange } from "../ports.ts";
import type { Login } from "./database.ts";
import { isRedisFault, refusalWord, type RedisServer, type RedisSession, withRedis } from "./redisSession.ts";
import { changePasswords, describeUser } from "./redisUsers.ts";

type RedisSpec = Extract<TargetSpec, { kind: "redis" }>;

/** One server of Redis 6 or later, or Valkey: the user has both passwords until the old one is taken away. */
export function redisTarget(spec: RedisSpec, read: (source: SecretSource) => Promise<SecretValue>): RotationTarget {
  const { host, port, tls, user, admin } = spec;
  const server: RedisServer = { shown: `Redis at ${host}:${port}`, host, port, tls };

  async function asAdmin<T>(
    change: TargetChange | undefined,
    signal: AbortSignal,
    work: (session: RedisSession) => Promise<T>,
  ): Promise<T> {
    // A user that changes itself logs in with whatever is valid at that moment.
    const own = change === undefined || admin.user !== user ? [] : [change.current.value, change.next.value];
    const passwords = own.length === 0 ? [await read(admin.password)] : own;
    const logins = passwords.map((password): Login => ({ user: admin.user, password }));
    for (const [index, login] of logins.entries()) {
      try {
        return await withRedis(server, login, signal, work);
      } catch (caught) {
        if (index === logins.length - 1 || !isRedisFault(caught, "login")) throw caught;
      }
    }
    throw new HelmwardenError("Internal", "No admin to log in as: this is a bug.");
  }

  const teach = async (change: TargetChange, add: SecretValue, drop: SecretValue | undefined, signal: AbortSignal) =>
    await asAdmin(change, signal, (session) => changePasswords(session, server.shown, user, add, drop));

  return {
    keepsOld: true,
    async test({ value }, signal) {
      try {
        await withRedis(server, { user, password: value }, signal, pinged);
        return "accepted";
      } catch (caught) {
        if (isRedisFault(caught, "login")) return "refused";
        throw caught;
      }
    },
    set: (change, signal) => teach(change, change.next.value, undefined, signal),
    undo: (change, signal) => teach(change, change.current.value, change.next.value, signal),
    retire: (change, signal) => teach(change, change.next.value, change.current.value, signal),
    async check(signal): Promise<CheckLine> {
      const subject = server.shown;
      try {
        const work = (session: RedisSession): Promise<string> => describeUser(session, subject, user);
        return { subject, ok: true, message: await asAdmin(undefined, signal, work) };
      } catch (caught) {
        if (!(caught instanceof HelmwardenError)) throw caught;
        return { subject, ok: false, message: caught.message };
      }
    },
    close: () => Promise.resolve(),
  };
}

/** A user that may not even ping has logged in all the same. */
async function pinged(session: RedisSession): Promise<void> {
  await session.ask("PING").catch((caught: unknown) => {
    if (refusalWord(caught) !== "NOPERM") throw caught;
  });
}
