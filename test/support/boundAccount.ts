// A service account bound to just the Roles that `helmwarden rbac -o json` printed, and a kubeconfig that holds its token.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { clusterApi, readAccess } from "./clusterApi.ts";
import { call } from "./http.ts";

export interface PrintedRole {
  readonly kind: "Role" | "ClusterRole";
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules: readonly {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
    readonly resourceNames?: readonly string[];
  }[];
}

export interface BoundAccount {
  /** Path of a kubeconfig with its token. */
  readonly kubeconfig: string;
  /** HTTP status of a call as this account. */
  status(method: string, path: string): Promise<number>;
}

/** Makes the account `name` in `home`, with these Roles in namespaces that exist. */
export async function bindAccount(
  admin: string,
  { home, name, dir }: { readonly home: string; readonly name: string; readonly dir: string },
  roles: readonly PrintedRole[],
): Promise<BoundAccount> {
  const api = clusterApi(admin);
  await api("POST", `/api/v1/namespaces/${home}/serviceaccounts`, { metadata: { name } });
  for (const { kind, metadata, rules } of roles) {
    if (kind !== "Role") throw new Error(`a ${kind} was printed, and none is expected here`);
    const at = `/apis/rbac.authorization.k8s.io/v1/namespaces/${metadata.namespace}`;
    await api("POST", `${at}/roles`, { metadata: { name }, rules });
    await api("POST", `${at}/rolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind, name },
      subjects: [{ kind: "ServiceAccount", name, namespace: home }],
    });
  }
  return await accessAs(admin, { home, name, dir });
}

/** The same for an account that exists and is bound already. */
export async function accessAs(
  admin: string,
  { home, name, dir }: { readonly home: string; readonly name: string; readonly dir: string },
): Promise<BoundAccount> {
  const api = clusterApi(admin);
  const request = { spec: { expirationSeconds: 3600 } };
  const answer = await api("POST", `/api/v1/namespaces/${home}/serviceaccounts/${name}/token`, request);
  const { token } = (answer.body as { status: { token: string } }).status;
  const { server, ca } = readAccess(admin);
  const kubeconfig = join(dir, `kubeconfig-${name}.json`);
  const document = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "it", cluster: { server, "certificate-authority-data": Buffer.from(ca).toString("base64") } }],
    users: [{ name: "it", user: { token } }],
    contexts: [{ name: "it", context: { cluster: "it", user: "it" } }],
    "current-context": "it",
  };
  writeFileSync(kubeconfig, JSON.stringify(document), { mode: 0o600 });
  return {
    kubeconfig,
    status: async (method, path) =>
      (await call(`${server}${path}`, { method, ca, headers: { authorization: `Bearer ${token}` } })).status,
  };
}
