import type { Surroundings } from "../app.ts";

/** What a command writes to and what it was started with; given by main.ts. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly color: boolean;
  /** Is standard error a terminal? Then progress is drawn in place. */
  readonly interactive: boolean;
  /** Asks the person at the terminal; hidden: without echo. Absent where there is none. */
  readonly ask?: (question: string, hidden: boolean, signal: AbortSignal) => Promise<string>;
  readonly columns: number;
  /** Lines of standard output's terminal; undefined where it is none. */
  readonly rows: number | undefined;
}

export interface CommandContext {
  readonly terminal: Terminal;
  readonly surroundings: Surroundings;
  readonly signal: AbortSignal;
}

/** Exit codes; docs/cli.md lists them. 64 and 78 are those of sysexits.h. */
export type ExitCode = 0 | 1 | 2 | 64 | 78;
