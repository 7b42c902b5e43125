import { systemClock } from "../clock.ts";
import type { Clock } from "../ports.ts";
import type { Terminal } from "./context.ts";

export interface Progress {
  /** One more is done. */
  readonly step: () => void;
  /** Prints something with the progress line out of the way. */
  readonly above: (print: () => void) => void;
  readonly end: () => void;
}

/** What takes longer than this says how far it is. */
const QUIET_MS = 1_500;
const REDRAW_MS = 200;
const PLAIN_MS = 10_000;
const BAR = 20;

/** A line that is drawn in place on a terminal; elsewhere a plain line every ten seconds. On standard error. */
export function createProgress(
  terminal: Pick<Terminal, "err" | "interactive">,
  verb: string,
  total: number,
  clock: Clock = systemClock,
): Progress {
  const start = clock.monotonic();
  const ended = new AbortController();
  let done = 0;
  let drawn = false;
  const text = (): string => {
    const seconds = (clock.monotonic() - start) / 1000;
    const left = done === 0 ? "" : `, ${Math.ceil((seconds / done) * (total - done))} s left`;
    return `${done} of ${total} ${verb}, ${Math.round(seconds)} s${left}`;
  };
  const clear = (): void => {
    if (drawn) terminal.err("\r\u001B[2K");
    drawn = false;
  };
  const draw = (): void => {
    if (clock.monotonic() - start < QUIET_MS || done === total) return;
    if (!terminal.interactive) return terminal.err(`${text()}\n`);
    terminal.err(`\r\u001B[2K${bar(done, total)} ${text()}`);
    drawn = true;
  };
  const redraw = async (): Promise<void> => {
    for (;;) {
      await clock.sleep(terminal.interactive ? REDRAW_MS : PLAIN_MS, ended.signal);
      draw();
    }
  };
  // It ends by `end` alone.
  redraw().catch(() => undefined);
  return {
    step: () => {
      done += 1;
    },
    above(print) {
      clear();
      print();
    },
    end() {
      ended.abort();
      clear();
    },
  };
}

function bar(done: number, total: number): string {
  const filled = Math.floor((done / total) * BAR);
  return `[${"#".repeat(filled)}${".".repeat(BAR - filled)}]`;
}
