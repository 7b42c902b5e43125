import type { SecretValue } from "../core/secretValue.ts";
import type { CheckLine } from "../ports.ts";

/** Who logs in, and with what. */
export interface Login {
  readonly user: string;
  readonly password: SecretValue;
}

/** What a user's password becomes. */
export interface PasswordChange {
  readonly user: string;
  readonly password: SecretValue;
  /** Goes on working beside it; only where the server takes two. */
  readonly keep: SecretValue | undefined;
}

/**
 * One database server, as the strategies work with it. `admins` are tried in their order until one is let in. Each
 * change may be repeated. TargetRefused: nothing has changed; TargetUnavailable: perhaps.
 */
export interface Database {
  /** Logs in and asks for 1. Rejects where the server does not say whether it takes the login. */
  test(login: Login, signal: AbortSignal): Promise<"accepted" | "refused">;
  setPassword(admins: readonly Login[], change: PasswordChange, signal: AbortSignal): Promise<void>;
  /** Whatever was kept beside the user's newest password, `password`, works no longer. */
  forgetKept(admins: readonly Login[], change: Omit<PasswordChange, "keep">, signal: AbortSignal): Promise<void>;
  /** How many sessions of the user are open. */
  sessions(admins: readonly Login[], user: string, signal: AbortSignal): Promise<number>;
  /** Version, encryption, and whether the admin may change these users. Throws what `setPassword` would. */
  inspect(admin: Login, users: readonly string[], signal: AbortSignal): Promise<Omit<CheckLine, "subject">>;
}

/** Answers of the server, one object for each row. */
export type Rows = readonly Readonly<Record<string, unknown>>[];

/** A session that is open while the work runs. */
export interface SqlSession {
  /** Faults are HelmwardenErrors already. */
  query(sql: string, parameters?: readonly string[]): Promise<Rows>;
}

/** Logs in, works, and logs out. */
export type WithSession = <T>(
  login: Login,
  signal: AbortSignal,
  work: (session: SqlSession) => Promise<T>,
) => Promise<T>;
