import { type StatusPage, statusPage } from "../daemon/statusPage.ts";

/** The daemon's page, or why there is none and what to do: in our words, whatever answered. */
export type StatusAnswer =
  | { readonly kind: "page"; readonly page: StatusPage }
  | { readonly kind: "none"; readonly why: string };

const TIMEOUT_MS = 5_000;

/** Asks the daemon at `url` for its status. Rejects only when `signal` aborts. */
export async function askStatus(url: string, token: string, signal: AbortSignal): Promise<StatusAnswer> {
  const none = (why: string): StatusAnswer => ({ kind: "none", why: `${why} (${url})` });
  const within = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const headers = { authorization: `Bearer ${token}` };
  try {
    // A redirect would carry the token to somebody else.
    const response = await fetch(`${url}/v1/status`, { headers, signal: within, redirect: "error" });
    if (!response.ok) return none(REFUSED[response.status] ?? "What answers is no helmwarden daemon; correct --url.");
    const parsed = statusPage.safeParse(await response.json());
    if (parsed.success) return { kind: "page", page: parsed.data };
    return none("What answers is no helmwarden daemon, or one of another version; correct --url.");
  } catch {
    signal.throwIfAborted();
    return none(
      "No daemon answers. Start it with `helmwarden run`, say where it is with --url, or make it reachable from " +
        "here: kubectl port-forward deploy/helmwarden 8080.",
    );
  }
}

const REFUSED: Readonly<Record<number, string>> = {
  401: "The daemon takes another token; give the one of its `http.token` with --token-file.",
  403: "The daemon's status is closed; set `http.token` in its HelmwardenConfig.",
  503: "The daemon cannot answer now; its log says why.",
};
