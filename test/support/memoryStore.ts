// A store in memory that a test fills, empties and breaks; the same object comes back while nothing moved.
import { SecretValue } from "../../src/core/secretValue.ts";
import type { HelmwardenError } from "../../src/errors.ts";
import type { PathReading, Store } from "../../src/ports.ts";
import { canary } from "./canary.ts";

export interface MemoryStore extends Store {
  /** Paths in the order in which they were read. */
  readonly reads: readonly string[];
  /** The path has these keys now, each with a new value. */
  put(path: string, ...keys: readonly string[]): void;
  remove(path: string): void;
  /** Until `mend`, each read fails so. */
  fail(fault: HelmwardenError): void;
  mend(): void;
  /** Reads wait until the result is called. */
  pause(): () => void;
}

export function memoryStore(name = "vault"): MemoryStore {
  const paths = new Map<string, PathReading>();
  const reads: string[] = [];
  let fault: HelmwardenError | undefined;
  let gate = Promise.resolve();
  return {
    name,
    reads,
    put(path, ...keys) {
      const secrets = keys.map((key) => {
        const value = SecretValue.fromText(canary(key));
        return [key, { kind: "value" as const, value, version: 1, updatedAt: undefined }] as const;
      });
      paths.set(path, { kind: "found", secrets: new Map(secrets) });
    },
    remove: (path) => void paths.set(path, { kind: "missing", why: "deleted" }),
    fail: (with_) => void (fault = with_),
    mend: () => void (fault = undefined),
    pause() {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return resolve;
    },
    async readPath(path, signal) {
      reads.push(path);
      const reading = paths.get(path) ?? { kind: "missing", why: "absent" };
      await gate;
      signal.throwIfAborted();
      if (fault !== undefined) throw fault;
      return reading;
    },
    check: () => Promise.resolve({ subject: name, ok: true, message: "in memory" }),
    close: () => Promise.resolve(),
  };
}
