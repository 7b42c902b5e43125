// Rotations in a process of their own that is killed at an effect, and goes on in the next one.
import { join } from "node:path";
import type { RotationOutcome } from "../../src/core/rotation/outcome.ts";
import { type ProgramEnd, startProgram } from "./program.ts";
import { rotateOnce } from "./rotateOnce.ts";
import type { Scenario } from "./scenario.ts";

export interface Death {
  readonly when: "before" | "after";
  /** The number of an effect, from 0. */
  readonly effect: number;
}

export interface Crashes {
  /** What a whole rotation does, in order. */
  readonly effects: () => Promise<readonly string[]>;
  readonly dieAt: (death: Death) => Promise<ProgramEnd>;
  /** The next try, which nobody kills. */
  readonly goOn: () => Promise<RotationOutcome>;
}

/** `args`: of crashingRotation.ts, as `--records`. */
export function crashes(
  scenario: Pick<Scenario, "dir" | "kubeconfig" | "vault">,
  env: Readonly<Record<string, string>>,
  ...args: string[]
): Crashes {
  const environment = { KUBECONFIG: scenario.kubeconfig, VAULT_TOKEN: scenario.vault.token, ...env };
  const config = join(scenario.dir, "config");
  const run = async (...more: string[]): Promise<ProgramEnd> =>
    await startProgram(["crash", "-c", config, ...args, ...more], {
      dir: scenario.dir,
      env: environment,
      entry: "test/support/crashingRotation.ts",
    }).end;
  return {
    effects: async () => (await run()).stdout.trim().split("\n"),
    dieAt: ({ when, effect }) => run("--when", when, "--effect", String(effect)),
    goOn: () =>
      rotateOnce({
        config,
        environment: { ...process.env, ...environment },
        cacheFolder: join(scenario.dir, "cache"),
      }),
  };
}

/**
 * Before each effect from `first` on, and after the last: right after one is right before the next, as nothing lies
 * between two of them but looks.
 */
export function deathsAt(effects: readonly string[], first = 0): readonly Death[] {
  const before = [...effects.keys()].slice(first).map((effect): Death => ({ when: "before", effect }));
  return [...before, { when: "after", effect: effects.length - 1 }];
}
