import type { SecretValue } from "../../core/secretValue.ts";
import { HelmwardenError } from "../../errors.ts";
import type { Credential, VaultAuth } from "./options.ts";
import { encodePath } from "./paths.ts";

export interface LoginRequest {
  readonly path: string;
  readonly body: Readonly<Record<string, string>>;
}

/** Where and with what to log in. StoreDenied when a credential is empty: Vault answers 500 to some of those. */
export async function loginRequest(auth: Exclude<VaultAuth, TokenAuth>): Promise<LoginRequest> {
  if ("appRole" in auth) {
    const { mount = "approle", roleId, secretId } = auth.appRole;
    const body = { role_id: await word(roleId, "roleId"), secret_id: await word(secretId, "secretId") };
    return { path: loginPath(mount), body };
  }
  if ("userpass" in auth) {
    const { mount = "userpass", username, password } = auth.userpass;
    const body = { password: filled((await password()).reveal(), "password") };
    return { path: `${loginPath(mount)}/${encodePath(username)}`, body };
  }
  const { mount, role, jwt } =
    "kubernetes" in auth ? { mount: "kubernetes", ...auth.kubernetes } : { mount: "jwt", ...auth.jwt };
  return { path: loginPath(mount), body: { role, jwt: await word(jwt, "JWT") } };
}

export type TokenAuth = Extract<VaultAuth, { token: Credential }>;

/** A credential without the line break that files end with. */
export async function word(credential: Credential, name: string): Promise<string> {
  const value: SecretValue = await credential();
  return filled(value.reveal().trim(), name);
}

/** What a person should look at when this kind of login is refused. */
export function loginAdvice(auth: VaultAuth): string {
  if ("appRole" in auth) return "Check roleId and secretId (expired? used up?), and the mount of the AppRole method.";
  if ("userpass" in auth) return "Check username and password; Vault locks a user out for a while after five failures.";
  if ("kubernetes" in auth) {
    return "Check the role's bound service accounts and audience, and that Vault reaches the Kubernetes API server.";
  }
  if ("jwt" in auth) return "Check the role's bound claims and audience, and that the JWT has not expired.";
  return "Give it a new token.";
}

function loginPath(mount: string | undefined): string {
  return `auth/${encodePath(mount ?? "")}/login`;
}

function filled(text: string, name: string): string {
  if (text !== "") return text;
  throw new HelmwardenError(
    "StoreDenied",
    `The ${name} for Vault is empty. Check where the configuration takes it from.`,
  );
}
