import type { IncomingMessage } from "node:http";

const LARGEST = 64 * 1024;
/** Characters of a path in a body. */
export const LONGEST_PATH = 1024;
/** What is more than this is not even listened to until it ends. */
const PATIENCE = 1024 * 1024;

/** The whole body, or "tooLarge" above 64 KiB. Rejects if the connection breaks off. */
export async function readBody(request: IncomingMessage): Promise<Buffer | "tooLarge"> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > PATIENCE) break;
    if (size <= LARGEST) chunks.push(chunk);
  }
  return size > LARGEST ? "tooLarge" : Buffer.concat(chunks);
}

/** What the bytes say as JSON; undefined if they are none. */
export function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}
