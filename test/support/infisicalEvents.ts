// Infisical's event stream: what its sources say, as no server with the Enterprise licence was at hand to record.
import type { ServerResponse } from "node:http";

export type EventsOffered = "all" | "notInPlan" | "none";
export type SecretEventName = "secret:create" | "secret:update" | "secret:delete" | "secret:import-mutation";

interface Subscription {
  readonly response: ServerResponse;
  readonly register: readonly {
    readonly event: string;
    readonly conditions?: { readonly environmentSlug?: string; readonly secretPath?: string };
  }[];
}

/** The streams that are open now. Pings are sent when a test says so. */
export class EventStreams {
  readonly offered: EventsOffered;
  readonly #open = new Set<Subscription>();

  constructor(offered: EventsOffered) {
    this.offered = offered;
  }

  get count(): number {
    return this.#open.size;
  }

  begin(response: ServerResponse, headers: Readonly<Record<string, string>>, body: string): void {
    const { register } = JSON.parse(body) as Pick<Subscription, "register">;
    const subscription = { response, register };
    this.#open.add(subscription);
    response.on("close", () => this.#open.delete(subscription));
    response.writeHead(200, headers).flushHeaders();
  }

  /** A list with one secret; an import's event is one object, and names no secret. */
  tell(event: SecretEventName, environment: string, path: string, key: string): void {
    const item = { environment, secretPath: path };
    const payload = event === "secret:import-mutation" ? item : [{ ...item, secretKey: key }];
    const data = { projectType: "secret-manager", data: { eventType: event, payload } };
    for (const { response, register } of this.#open) {
      const wanted = register.find((one) => one.event === event);
      const { environmentSlug = environment, secretPath = "/" } = wanted?.conditions ?? {};
      if (!wanted || environmentSlug !== environment || (secretPath !== "/**" && secretPath !== path)) continue;
      response.write(`id: 1790000000000\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    }
  }

  ping(): void {
    this.write("event: ping\n\n");
  }

  write(text: string): void {
    for (const { response } of this.#open) response.write(text);
  }

  /** As after an hour; or, with an error before, when the token or a permission is gone. */
  end(how: "quietly" | "withError" = "quietly"): void {
    if (how === "withError") this.write(`event: error\ndata: ${JSON.stringify({ type: "error", data: {} })}\n\n`);
    for (const { response } of this.#open) response.end();
  }
}
