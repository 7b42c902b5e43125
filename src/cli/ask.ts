import type { ReadStream, WriteStream } from "node:tty";
import { HelmwardenError } from "../errors.ts";
import type { Terminal } from "./context.ts";

/** Asks on a terminal; a hidden answer is not shown. Rejects when the signal aborts, and at Ctrl-C and Ctrl-D. */
export function askAt(input: ReadStream, output: WriteStream): NonNullable<Terminal["ask"]> {
  return async (question, hidden, signal) => {
    const [{ createInterface }, { Writable }] = await Promise.all([
      import("node:readline/promises"),
      import("node:stream"),
    ]);
    const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
    // Before the question: from here on the terminal itself shows nothing of what is typed.
    const lines = createInterface({ input, output: hidden ? silent : output, terminal: true });
    const left = new Promise<never>((_, reject) => {
      lines.once("close", () => reject(new HelmwardenError("Cancelled", "There was no answer, and nothing was done.")));
    });
    if (hidden) output.write(question);
    try {
      return await Promise.race([lines.question(hidden ? "" : `${question} `, { signal }), left]);
    } finally {
      lines.close();
      if (hidden) output.write("\n");
    }
  };
}
