import { randomBytes } from "node:crypto";
import type { Admin, DatabaseStrategy, SecretSource } from "../core/rotation/policy.ts";
import { SecretValue } from "../core/secretValue.ts";
import { HelmwardenError } from "../errors.ts";
import type { RotationTarget, TargetChange, TargetCredential } from "../ports.ts";
import type { Database, Login } from "./database.ts";

export interface DatabaseTargetOptions {
  /** For messages: what it is, and where. */
  readonly shown: string;
  readonly strategy: DatabaseStrategy;
  readonly admin: Admin;
  readonly read: (source: SecretSource) => Promise<SecretValue>;
}

/** The strategies, which are the same for every database. */
export function databaseTarget(database: Database, options: DatabaseTargetOptions): RotationTarget {
  const { shown, strategy, admin } = options;
  const users = strategy.kind === "alternating" ? strategy.users : [strategy.user];
  const login = ({ user, value }: TargetCredential): Login => ({ user: userIn(strategy, user), password: value });
  const ownAdmin = async (): Promise<Login> => ({ user: admin.user, password: await options.read(admin.password) });
  /** A user that changes itself logs in with whatever is valid at that moment. */
  const adminsFor = async ({ current, next }: TargetChange): Promise<readonly Login[]> =>
    users.includes(admin.user) ? [login(current), login(next)] : [await ownAdmin()];
  const replace = async (change: TargetChange, end: TargetCredential, signal: AbortSignal): Promise<void> => {
    const to = { ...login(end), keep: undefined };
    await database.setPassword(await adminsFor(change), to, signal);
  };
  /** Nobody ever learns what its password is now. A person may have changed the one user itself: then nothing is. */
  const lockOut = async (change: TargetChange, end: TargetCredential, signal: AbortSignal): Promise<void> =>
    await replace(change, { ...end, value: SecretValue.fromText(randomBytes(32).toString("hex")) }, signal);

  return {
    keepsOld: strategy.kind !== "single",
    test: async (credential, signal) => await database.test(login(credential), signal),
    async set(change, signal) {
      const { current, next } = change;
      const keep = strategy.kind === "dual" ? current.value : undefined;
      await database.setPassword(await adminsFor(change), { ...login(next), keep }, signal);
    },
    async undo(change, signal) {
      const { current, next } = change;
      if (login(current).user !== login(next).user) return await lockOut(change, next, signal);
      await replace(change, current, signal);
      if (strategy.kind === "dual") await database.forgetKept(await adminsFor(change), login(current), signal);
    },
    async retire(change, signal) {
      const { current, next } = change;
      if (strategy.kind === "dual") await database.forgetKept(await adminsFor(change), login(next), signal);
      if (login(current).user !== login(next).user) await lockOut(change, current, signal);
    },
    ...(strategy.kind === "alternating"
      ? {
          sessionsOf: async (old: TargetCredential, signal: AbortSignal) =>
            await database.sessions([await ownAdmin()], login(old).user, signal),
        }
      : {}),
    async check(signal) {
      try {
        return { subject: shown, ...(await database.inspect(await ownAdmin(), users, signal)) };
      } catch (caught) {
        if (!(caught instanceof HelmwardenError)) throw caught;
        return { subject: shown, ok: false, message: caught.message };
      }
    },
    close: () => Promise.resolve(),
  };
}

/** Whoever may write into the store must not be able to have the admin's password, or another's, replaced. */
function userIn(strategy: DatabaseStrategy, user: string | undefined): string {
  if (strategy.kind !== "alternating") return strategy.user;
  const known = strategy.users.find((one) => one === user);
  if (known !== undefined) return known;
  throw new HelmwardenError(
    "TargetRefused",
    `The key ${strategy.userKey} does not name one of the two users of the RotationPolicy. Write there the one that the apps use.`,
  );
}
