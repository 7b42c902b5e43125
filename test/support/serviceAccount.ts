// A service account with just the rules a test gives it, and its token.
import { clusterApi } from "./clusterApi.ts";

export interface RoleRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** Makes it in the first namespace, bound by a Role in each of the namespaces. Gives back a token for an hour. */
export async function makeServiceAccount(
  kubeconfig: string,
  namespaces: readonly string[],
  rules: readonly RoleRule[],
): Promise<string> {
  const api = clusterApi(kubeconfig);
  const [home = "default"] = namespaces;
  const name = "limited";
  await api("POST", `/api/v1/namespaces/${home}/serviceaccounts`, { metadata: { name } });
  for (const namespace of namespaces) {
    const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
    await api("POST", `${rbac}/roles`, { metadata: { name }, rules });
    await api("POST", `${rbac}/rolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
      subjects: [{ kind: "ServiceAccount", name, namespace: home }],
    });
  }
  return makeToken(kubeconfig, home);
}

/** Another token of the same account. */
export async function makeToken(kubeconfig: string, namespace: string): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/limited/token`;
  const answer = await clusterApi(kubeconfig)("POST", path, { spec: { expirationSeconds: 3600 } });
  return (answer.body as { status: { token: string } }).status.token;
}
