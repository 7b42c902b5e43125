// What `npm test` says at its end.
import { relative } from "node:path";

/** As much of vitest's JSON report as we read. */
export interface VitestSummary {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

export interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

/** Tests that this machine or this user could not run, as `FILE: NAME`. A skipped test proves nothing. */
export function skippedIn({ testResults }: VitestSummary, repository: string): string[] {
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status }) => !["passed", "failed"].includes(status))
      .map(({ fullName }) => `${relative(repository, name)}: ${fullName}`),
  );
}

/** The last line; CI reads it in exactly this form. */
export function closingLine({ passed, failed, skipped }: Count): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
