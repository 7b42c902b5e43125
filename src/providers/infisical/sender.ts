import type { HttpClient } from "../http.ts";
import type { HttpResponse } from "../httpExchange.ts";
import { answerOf, isTokenRefused, requestError } from "./faults.ts";
import type { Session } from "./session.ts";

/** Gets a path with our token; `etag` is that of the body at hand, for a 304. StoreDenied if no token is accepted. */
export type Sender = (path: string, etag: string | undefined, signal: AbortSignal) => Promise<HttpResponse>;

/** Sends once more, with a new login's token, if it is the token that is refused; never for other refusals. */
export function createSender(subject: string, http: HttpClient, session: Session): Sender {
  return async (path, etag, signal) => {
    for (let again = false; ; again = true) {
      const token = await session.token(signal);
      const bearer = { authorization: `Bearer ${token.reveal()}` };
      const headers = etag === undefined ? bearer : { ...bearer, "if-none-match": etag };
      const response = await http.send({ method: "GET", path, headers }, signal);
      const answer = answerOf(response);
      if (!isTokenRefused(answer)) return response;
      session.drop(token);
      if (!again) continue;
      const error = requestError(subject, answer);
      session.rest(error);
      throw error;
    }
  };
}
