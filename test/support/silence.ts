import { inspect } from "node:util";
import { expect } from "vitest";
import { CANARY } from "./canary.ts";
import { HelmwardenError } from "../../src/errors.ts";
import type { ErrorCode } from "../../src/errors.ts";
import type { Log } from "../../src/ports.ts";

/** Runs `work`, which must fail with this code, and proves that no secret is to be seen in the error. */
export async function expectFault(code: ErrorCode, work: () => Promise<unknown>): Promise<HelmwardenError> {
  const outcome = await work().then(
    () => undefined,
    (error: unknown) => error,
  );
  expectSilent(outcome);
  if (!(outcome instanceof HelmwardenError)) throw new Error(`expected ${code}, got ${inspect(outcome)}`);
  expect({ code: outcome.code, message: outcome.message }).toMatchObject({ code });
  expect(outcome.message).toMatch(/[.;] .+\.$/s);
  return outcome;
}

/** Neither print, JSON nor stack of it shows a secret. */
export function expectSilent(shown: unknown): void {
  expect(inspect(shown, { depth: 20, showHidden: true, getters: true })).not.toContain(CANARY);
  expect(JSON.stringify(shown) ?? "").not.toContain(CANARY);
  expect(String(shown)).not.toContain(CANARY);
  if (shown instanceof Error) expect(`${shown.message}${shown.stack}`).not.toContain(CANARY);
}

/** A log that keeps its lines. */
export function recordingLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const at =
    (level: string) =>
    (message: string, fields = {}) => {
      lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
    };
  const log = { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error"), child: () => log };
  return log;
}
