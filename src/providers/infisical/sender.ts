import type { HttpClient } from "../http.ts";
import type { HttpResponse } from "../httpExchange.ts";
import { answerOf, isTokenRefused, requestError } from "./faults.ts";
import type { Session } from "./session.ts";

/** Gets a path with our token; `etag` is that of the body at hand, for a 304. StoreDenied if no token is accepted. */
export type Sender = (path: string, etag: string | undefined, signal: AbortSignal) => Promise<HttpResponse>;

/** Makes a call with our token. Once more, with a new login's token, if it is the token that is refused; else never. */
export type WithToken = (
  call: (bearer: { readonly authorization: string }) => Promise<HttpResponse>,
  signal: AbortSignal,
) => Promise<HttpResponse>;

export function createWithToken(subject: string, session: Session): WithToken {
  return async (call, signal) => {
    for (let again = false; ; again = true) {
      const token = await session.token(signal);
      const response = await call({ authorization: `Bearer ${token.reveal()}` });
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

export function createSender(http: HttpClient, withToken: WithToken): Sender {
  return (path, etag, signal) =>
    withToken((bearer) => {
      const headers = etag === undefined ? bearer : { ...bearer, "if-none-match": etag };
      return http.send({ method: "GET", path, headers }, signal);
    }, signal);
}
