import type { Clock, StoreEnds } from "../ports.ts";
import type { HttpClient } from "./http.ts";

/** As `Store.ends` tells it; `tokenInMs` from now, as the session knows it. */
export function endsOf(
  tokenInMs: number | undefined,
  http: Pick<HttpClient, "certificateEndsAt">,
  clock: Pick<Clock, "now">,
): StoreEnds {
  const token = tokenInMs === undefined ? undefined : new Date(clock.now().getTime() + tokenInMs);
  return { token, certificate: http.certificateEndsAt() };
}
