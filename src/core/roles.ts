import type { Permission, Permissions } from "./permission.ts";

/** A rule of a Role, as Kubernetes writes it. */
export interface RoleRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

export interface ServiceAccountRef {
  readonly namespace: string;
  readonly name: string;
}

const API_VERSION = "rbac.authorization.k8s.io/v1";
const NAME = "helmwarden";

/** A Role for each namespace, a ClusterRole for objects of the whole cluster, and their bindings if somebody is named. */
export function roleObjects(needs: readonly Permissions[], account: ServiceAccountRef | undefined): object[] {
  return needs.flatMap((need) => [
    { ...roleHead(need), rules: joined(need.permissions).map(({ rule }) => rule) },
    ...(account === undefined ? [] : [bindingOf(need, account)]),
  ]);
}

/** The same as YAML, with the reason above each rule. */
export function rolesAsYaml(needs: readonly Permissions[], account: ServiceAccountRef | undefined): string {
  const documents = needs.flatMap((need) => [
    [...linesOf(roleHead(need)), "rules:", ...ruleLines(need.permissions, "  ")],
    ...(account === undefined ? [] : [linesOf(bindingOf(need, account))]),
  ]);
  return documents.map((lines) => `---\n${lines.join("\n")}\n`).join("");
}

/** The same as values of helmwarden's own chart. */
export function rolesAsValues(needs: readonly Permissions[]): string {
  const lines = needs.flatMap(({ namespace, permissions }) => [
    namespace === undefined ? "    - # objects that belong to no namespace" : `    - namespace: ${namespace}`,
    "      rules:",
    ...ruleLines(permissions, "        "),
  ]);
  return `${["rbac:", "  rules:", ...lines].join("\n")}\n`;
}

/** Resources of one group that are treated alike share a rule. */
function joined(permissions: readonly Permission[]): { readonly rule: RoleRule; readonly reason: string }[] {
  const alike = Map.groupBy(permissions, ({ group, verbs, names, reason }) =>
    JSON.stringify([group, verbs, names, reason]),
  );
  return [...alike.values()].flatMap((parts) => {
    const [first] = parts;
    if (first === undefined) return [];
    const { group, verbs, names, reason } = first;
    const named = names === undefined ? {} : { resourceNames: names };
    const resources = parts.map(({ resource }) => resource);
    return [{ rule: { apiGroups: [group], resources, verbs, ...named }, reason }];
  });
}

function ruleLines(permissions: readonly Permission[], indent: string): string[] {
  return joined(permissions).flatMap(({ rule, reason }) => [`${indent}# ${reason}`, `${indent}- ${flow(rule)}`]);
}

/** Flow style YAML: JSON with a space where people read. */
function flow(value: object): string {
  return JSON.stringify(value, undefined, 1).replaceAll(/\n */g, " ");
}

function roleHead({ namespace }: Permissions): object {
  const labels = { "app.kubernetes.io/name": NAME };
  return namespace === undefined
    ? { apiVersion: API_VERSION, kind: "ClusterRole", metadata: { name: NAME, labels } }
    : { apiVersion: API_VERSION, kind: "Role", metadata: { name: NAME, namespace, labels } };
}

function bindingOf(need: Permissions, { namespace, name }: ServiceAccountRef): object {
  const kind = need.namespace === undefined ? "ClusterRole" : "Role";
  return {
    ...roleHead(need),
    kind: `${kind}Binding`,
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind, name: NAME },
    subjects: [{ kind: "ServiceAccount", namespace, name }],
  };
}

/** Block style for the outermost level, flow style below it: one field a line. */
function linesOf(object: object): string[] {
  return Object.entries(object).map(([key, value]) => `${key}: ${typeof value === "string" ? value : flow(value)}`);
}
