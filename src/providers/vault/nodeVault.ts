import type { SecretValue } from "../../core/secretValue.ts";
import { toHelmwardenError } from "../../errors.ts";
import { jsonOf } from "../http.ts";
import type { HttpRequest } from "../http.ts";
import type { HttpResponse } from "../httpExchange.ts";

export interface AuthRequest {
  /** Encoded, without `/v1/`. */
  readonly path: string;
  /** Sent by POST; GET if undefined. */
  readonly body: Readonly<Record<string, string>> | undefined;
  readonly token: SecretValue | undefined;
}

/** What node-vault hands to its transport. */
interface NodeVaultRequest {
  readonly uri: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly json?: unknown;
}

/** In place of its debug output, which prints bodies. */
const silently = (): void => undefined;

/**
 * One request made by node-vault and sent by us, in place of its axios, which has no deadline, follows redirects with
 * the token, and puts the token into errors. A client per request: nothing is shared between tokens. Its timers
 * and generated commands are not used, as they lose renewals and escape paths as HTML.
 */
export async function askByNodeVault(
  request: AuthRequest,
  namespace: string,
  send: (request: HttpRequest) => Promise<HttpResponse>,
): Promise<HttpResponse> {
  const { default: nodeVault } = await import("node-vault");
  let answer: HttpResponse | undefined;
  const transport = async (asked: NodeVaultRequest): Promise<object> => {
    const headers = { ...asked.headers, "x-vault-request": "true" };
    answer = await send({ method: asked.method, path: asked.uri, headers, json: asked.json });
    return { statusCode: answer.status, body: jsonOf(answer), request: { path: asked.uri } };
  };
  const client = nodeVault({ "request-promise": { defaults: () => transport }, debug: silently, commands: {} });
  // Set afterwards, as empty options would be filled from VAULT_ADDR, VAULT_TOKEN, VAULT_NAMESPACE and VAULT_PREFIX.
  Object.assign(client, { endpoint: "", pathPrefix: "", namespace, token: request.token?.reveal() ?? "" });
  const asked = request.body === undefined ? client.read(request.path) : client.write(request.path, request.body);
  let fault: unknown;
  await asked.catch((caught: unknown) => (fault = caught));
  // Where there is an answer the caller reads its status: node-vault's error would only quote the body.
  if (answer !== undefined) return answer;
  throw toHelmwardenError(fault);
}
