import type { ServerResponse } from "node:http";

/** What a request gets: an object as JSON, or text of a type. */
export interface Answer {
  readonly status: number;
  readonly body: object | { readonly type: string; readonly text: string };
  readonly headers?: Readonly<Record<string, string>>;
}

/** A refusal in our own words: what is wrong, and what to do. */
export function refusal(status: number, error: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, body: { error }, headers };
}

/** Sends it, whole and never to be cached. */
export function send({ status, body, headers }: Answer, response: ServerResponse): void {
  const { type, text } =
    "text" in body ? body : { type: "application/json; charset=utf-8", text: `${JSON.stringify(body)}\n` };
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...headers,
  });
  response.end(text);
}
