// Rotation targets of a test on a real database: configured as a policy would, with users whose names are awkward.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import type { DatabaseStrategy, DatabaseTarget } from "../../src/core/rotation/policy.ts";
import { SecretValue } from "../../src/core/secretValue.ts";
import type { RotationTarget, TargetChange, TargetCredential } from "../../src/ports.ts";
import type { Database } from "../../src/targets/database.ts";
import { openDatabaseTarget } from "../../src/targets/openDatabaseTarget.ts";
import { canary } from "./canary.ts";
import { expectFault } from "./silence.ts";

/** Everything that ends a string, an identifier, a statement or a pattern somewhere. */
export const AWKWARD = "'\"\\`$1 $$;--%/*é漢😀";

/** A password that only exact quoting brings through. */
export function awkwardPassword(name: string): SecretValue {
  return SecretValue.fromText(`${canary(name)}${AWKWARD}`);
}

/** A user's name, another at each call. */
export function awkwardUser(): string {
  return `o'r"b\\a\`${randomBytes(4).toString("hex")}$é`;
}

/** The target that a policy on loopback asks for; `admin` is read at each of its logins. */
export async function openTarget(
  spec: Pick<DatabaseTarget, "kind" | "port"> & Partial<DatabaseTarget>,
  strategy: DatabaseStrategy,
  admin: { readonly user: string; readonly password: string | (() => SecretValue) },
): Promise<RotationTarget> {
  const { user, password } = admin;
  const whole: DatabaseTarget = {
    host: "127.0.0.1",
    database: undefined,
    tls: { mode: "prefer", caFile: undefined },
    userHost: "%",
    strategy,
    admin: { user, password: { fromEnv: "ADMIN_PASSWORD" } },
    ...spec,
  };
  const read = (): SecretValue => (typeof password === "string" ? SecretValue.fromText(password) : password());
  return await openDatabaseTarget(whole, () => Promise.resolve(read()));
}

export function credential(value: SecretValue | string, user?: string): TargetCredential {
  return { user, value: typeof value === "string" ? SecretValue.fromText(value) : value, id: undefined };
}

/** From one to the other: of one user, or of two. */
export function changeOf(current: TargetCredential, next: TargetCredential): TargetChange {
  return { rotation: `test-${randomBytes(4).toString("hex")}`, current, next };
}

/** A server that takes connections and never says a word, and a database of ours that is thought to be there. */
export async function expectGivenUp(
  open: (server: { readonly shown: string; readonly port: number; readonly deadlineMs: number }) => Database,
): Promise<void> {
  const silent = createServer(() => undefined).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  const database = open({ shown: "a silent database", port, deadlineMs: 1_000 });
  const login = { user: "app", password: SecretValue.fromText(canary("silent")) };
  const stop = new AbortController();
  const stopped = expectFault("Cancelled", async () => await database.test(login, stop.signal));
  stop.abort();
  await stopped;
  await expectFault("TargetUnavailable", async () => await database.test(login, new AbortController().signal));
  silent.close();
}
