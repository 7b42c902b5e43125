// The HTTP client of the test servers: JSON in and out, with a CA and a client certificate where needed.
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";

export interface HttpCall {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly ca?: string | undefined;
  readonly cert?: string;
  readonly key?: string;
  readonly timeoutMs?: number;
}

export interface HttpAnswer {
  readonly status: number;
  /** Parsed JSON, or the text if it is not JSON, or undefined if it is empty. */
  readonly body: unknown;
}

export function call(url: string, options: HttpCall = {}): Promise<HttpAnswer> {
  const send = url.startsWith("https:") ? httpsRequest : httpRequest;
  const body = options.body === undefined ? undefined : JSON.stringify(options.body);
  const headers: Record<string, string> = { ...options.headers };
  if (body !== undefined && headers["content-type"] === undefined) headers["content-type"] = "application/json";
  return new Promise((resolve, reject) => {
    const sent = send(
      url,
      {
        method: options.method ?? "GET",
        headers,
        agent: false,
        timeout: options.timeoutMs ?? 10_000,
        ca: options.ca,
        cert: options.cert,
        key: options.key,
      },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (part: string) => (text += part));
        answer.on("error", reject);
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body: parsed(text) }));
      },
    );
    sent.on("timeout", () => sent.destroy(new Error(`no answer from ${url}`)));
    sent.on("error", reject);
    sent.end(body);
  });
}

function parsed(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
