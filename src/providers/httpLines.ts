import type { IncomingMessage } from "node:http";
import { StringDecoder } from "node:string_decoder";
import type { FaultKind, HttpResponse } from "./httpExchange.ts";

/** Takes a stream of events as it comes, line by line, for as long as the server sends. */
export interface LineListener {
  /** The answer has begun. */
  readonly open: () => void;
  /** Without its line break. */
  readonly line: (text: string) => void;
  /** Milliseconds without a byte after which the server counts as gone. */
  readonly silenceMs: number;
}

/** Characters; more in one line than any event has. */
const LINE_CAP = 2 ** 20;

/** Is it one, and no refusal, or a page of a proxy? */
export function isEventStream({ status, headers }: Pick<HttpResponse, "status" | "headers">): boolean {
  return status === 200 && headers["content-type"]?.startsWith("text/event-stream") === true;
}

/** Reads until the server ends (`end`); `fail` on silence and on a line without end. Gives the timer to clear. */
export function readLines(
  message: IncomingMessage,
  listener: LineListener,
  end: () => void,
  fail: (why: FaultKind) => void,
): NodeJS.Timeout {
  const timer = setTimeout(fail, listener.silenceMs, "timeout");
  const decoder = new StringDecoder("utf8");
  let rest = "";
  message.on("data", (chunk: Buffer) => {
    timer.refresh();
    const lines = (rest + decoder.write(chunk)).split(/\r?\n/);
    rest = lines.pop() ?? "";
    if (rest.length > LINE_CAP) return fail("tooLarge");
    for (const line of lines) listener.line(line);
  });
  message.on("end", end);
  listener.open();
  return timer;
}
