import type { Login, SqlSession, WithSession } from "./database.ts";
import { isFault } from "./databaseFault.ts";
import type { Encryption } from "./databaseTls.ts";

type Connect = <T>(
  encryption: Encryption | undefined,
  login: Login,
  signal: AbortSignal,
  work: (session: SqlSession) => Promise<T>,
) => Promise<T>;

/** Sessions by TLS; where the server has none, and the configuration prefers it only, without. */
export function withTlsFirst(
  encryptions: () => Promise<readonly (Encryption | undefined)[]>,
  connect: Connect,
): WithSession {
  return async (login, signal, work) => {
    const [first, ...others] = await encryptions();
    try {
      return await connect(first, login, signal, work);
    } catch (caught) {
      if (others.length === 0 || !isFault(caught, "noTls")) throw caught;
      return await connect(undefined, login, signal, work);
    }
  };
}
