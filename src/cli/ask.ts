import type { ReadStream, WriteStream } from "node:tty";
import type { Terminal } from "./context.ts";

/** Asks on a terminal; a hidden answer is not shown. Rejects when the signal aborts. */
export function askAt(input: ReadStream, output: WriteStream): NonNullable<Terminal["ask"]> {
  return async (question, hidden, signal) => {
    const [{ createInterface }, { Writable }] = await Promise.all([
      import("node:readline/promises"),
      import("node:stream"),
    ]);
    const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
    output.write(question);
    const lines = createInterface({ input, output: hidden ? silent : output, terminal: true });
    try {
      return await lines.question(hidden ? "" : " ", { signal });
    } finally {
      lines.close();
      if (hidden) output.write("\n");
    }
  };
}
