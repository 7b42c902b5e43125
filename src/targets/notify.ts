import type { SecretSource } from "../core/rotation/policy.ts";
import type { SecretValue } from "../core/secretValue.ts";
import type { Clock, Notify } from "../ports.ts";

export function createNotify(_read: (source: SecretSource) => Promise<SecretValue>, _clock: Clock): Notify {
  return () => Promise.resolve();
}
