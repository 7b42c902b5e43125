import { type ErrorCode, HelmwardenError } from "../errors.ts";
import type { RotationTarget, StoreCredentials } from "../ports.ts";

/** Whether it may be tried again is the store's word; that nothing has changed is ours. */
const CODES: Readonly<Partial<Record<ErrorCode, ErrorCode>>> = {
  StoreDenied: "TargetRefused",
  StoreInvalid: "TargetRefused",
  StoreUnavailable: "TargetUnavailable",
  StoreThrottled: "TargetUnavailable",
};

/** A SecretID of Vault or a client secret of Infisical: the store makes it, and the old one works until it is revoked. */
export function storeCredentialTarget(credentials: StoreCredentials, subject: string): RotationTarget {
  return {
    keepsOld: true,
    test: async ({ value }, signal) => await atTarget(() => credentials.test(value, signal)),
    create: async (rotation, signal) => await atTarget(() => credentials.create(rotation, signal)),
    set: () => Promise.resolve(),
    undo: async ({ next }, signal) => await atTarget(() => credentials.revoke(next.value, next.id, signal)),
    retire: async ({ current }, signal) => await atTarget(() => credentials.revoke(current.value, current.id, signal)),
    async check(signal) {
      try {
        return { subject, ok: true, message: await credentials.describe(signal) };
      } catch (caught) {
        if (!(caught instanceof HelmwardenError)) throw caught;
        return { subject, ok: false, message: caught.message };
      }
    },
    close: () => Promise.resolve(),
  };
}

async function atTarget<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (caught) {
    if (!(caught instanceof HelmwardenError)) throw caught;
    throw new HelmwardenError(CODES[caught.code] ?? caught.code, caught.message, caught.detail);
  }
}
