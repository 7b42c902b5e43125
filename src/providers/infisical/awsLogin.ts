import { SecretValue } from "../../core/secretValue.ts";
import { HelmwardenError } from "../../errors.ts";
import { loginError } from "./faults.ts";
import { unlessAborted } from "../singleFlight.ts";
import type { LoginTarget } from "./login.ts";

/**
 * Logs in with this machine's AWS identity, by @infisical/sdk: it finds AWS's credentials and region and signs. Each
 * login takes a new client, as a used one sends its dead token along. The SDK's own retries cannot be aborted: they
 * may go on for a minute after we have stopped waiting.
 */
export async function awsLogin(identityId: string, target: LoginTarget, signal: AbortSignal): Promise<SecretValue> {
  const { InfisicalSDK } = await import("@infisical/sdk");
  const deadline = AbortSignal.timeout(target.deadlineMs);
  const login = tokenFrom(new InfisicalSDK({ siteUrl: target.siteUrl }), identityId, target.subject);
  try {
    return await unlessAborted(login, AbortSignal.any([signal, deadline]));
  } catch (caught) {
    if (signal.aborted || !deadline.aborted) throw caught;
    throw unanswered(target.subject);
  }
}

interface Client {
  auth(): {
    readonly awsIamAuth: { login(options: { identityId: string }): Promise<Client> };
    getAccessToken(): string | null;
  };
}

async function tokenFrom(client: Client, identityId: string, subject: string): Promise<SecretValue> {
  try {
    const loggedIn = await client.auth().awsIamAuth.login({ identityId });
    return SecretValue.fromText(loggedIn.auth().getAccessToken() ?? "");
  } catch (caught) {
    // The SDK's errors have a status only inside of their text, beside the URL; nothing else of it is used.
    const status = /\[StatusCode=(\d{3})\]/.exec(caught instanceof Error ? caught.message : "")?.[1];
    if (status === undefined) throw unanswered(subject);
    throw loginError(subject, { status: Number(status), refusal: "", noRoute: false, retryAfterMs: undefined });
  }
}

function unanswered(subject: string): HelmwardenError {
  return new HelmwardenError(
    "StoreUnavailable",
    `The login into ${subject} by AWS got no answer. Check the AWS credentials and AWS_REGION of this process, and that it reaches Infisical.`,
  );
}
