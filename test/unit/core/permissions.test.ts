import { expect, test } from "vitest";
import { apiResourceOf } from "../../../src/core/apiResource.ts";
import { manifestPermissions } from "../../../src/core/manifestPermissions.ts";
import { mergePermissions } from "../../../src/core/permission.ts";
import { rolesAsValues, rolesAsYaml, roleObjects } from "../../../src/core/roles.ts";
import { parse, parseAllDocuments } from "yaml";

test.each([
  ["v1", "Secret", "", "secrets"],
  ["v1", "Endpoints", "", "endpoints"],
  ["networking.k8s.io/v1", "Ingress", "networking.k8s.io", "ingresses"],
  ["networking.k8s.io/v1", "NetworkPolicy", "networking.k8s.io", "networkpolicies"],
  ["discovery.k8s.io/v1", "EndpointSlice", "discovery.k8s.io", "endpointslices"],
  ["policy/v1", "PodDisruptionBudget", "policy", "poddisruptionbudgets"],
  ["monitoring.coreos.com/v1", "Prometheus", "monitoring.coreos.com", "prometheuses"],
])("%s %s is the resource %s/%s", (apiVersion, kind, group, resource) => {
  expect(apiResourceOf({ apiVersion, kind })).toEqual({ group, resource, clusterScoped: false });
});

test("objects are needed where they are: in the release's namespace, in another one, or in none", () => {
  const found = manifestPermissions(
    [
      { apiVersion: "v1", kind: "Service", metadata: { name: "a" } },
      { apiVersion: "v1", kind: "Service", metadata: { name: "b", namespace: "there" } },
      { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name: "c" } },
      { apiVersion: "batch/v1", kind: "Job", metadata: { name: "d", annotations: { "helm.sh/hook": "pre-upgrade" } } },
      { notes: "no object" },
    ],
    "here",
    "release x",
  );
  expect(found.map(({ namespace, resource, verbs, names }) => [namespace, resource, verbs.join(), names])).toEqual([
    ["here", "services", "get,patch", ["a"]],
    ["there", "services", "get,patch", ["b"]],
    [undefined, "clusterroles", "get,patch", ["c"]],
    ["here", "jobs", "create,list,watch", undefined],
    ["here", "jobs", "get,delete,patch", ["d"]],
  ]);
});

test("objects that are not there yet can be made if that is wanted: of the same kinds, whatever their names", () => {
  const objects = [
    { apiVersion: "v1", kind: "Service", metadata: { name: "a" } },
    { apiVersion: "v1", kind: "Service", metadata: { name: "b" } },
  ];
  const [here] = mergePermissions(manifestPermissions(objects, "here", "release x", true));
  expect(here?.permissions).toEqual([
    { group: "", resource: "services", verbs: ["get", "patch", "create", "delete"], reason: expect.any(String) },
  ]);
});

const at = { namespace: "here", group: "", resource: "secrets" };
const needs = mergePermissions([
  { ...at, verbs: ["get", "patch"], names: ["b"], reason: "two" },
  { ...at, verbs: ["get", "patch"], names: ["a"], reason: "two" },
  { ...at, verbs: ["get"], reason: "one" },
  { ...at, verbs: ["list"], reason: "one" },
  { namespace: undefined, group: "", resource: "namespaces", verbs: ["get"], names: ["x"], reason: "three" },
]);

test("what is permitted for all names is not asked for by name, and like permissions are one", () => {
  expect(needs).toEqual([
    {
      namespace: undefined,
      permissions: [{ group: "", resource: "namespaces", verbs: ["get"], names: ["x"], reason: "three" }],
    },
    {
      namespace: "here",
      permissions: [
        { group: "", resource: "secrets", verbs: ["patch"], names: ["a", "b"], reason: "two" },
        { group: "", resource: "secrets", verbs: ["get", "list"], reason: "one" },
      ],
    },
  ]);
});

test("YAML, JSON and the chart's values say the same", () => {
  const account = { namespace: "home", name: "warden" };
  const objects = roleObjects(needs, account);
  const yaml = parseAllDocuments(rolesAsYaml(needs, account)).map((one) => one.toJS() as object);
  expect(yaml).toEqual(objects);
  expect(objects.map((one) => (one as { kind: string }).kind)).toEqual([
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
  ]);
  const values = parse(rolesAsValues(needs)) as { rbac: { rules: { namespace?: string; rules: object[] }[] } };
  expect(values.rbac.rules.map(({ rules }) => rules)).toEqual(
    roleObjects(needs, undefined).map((one) => (one as { rules: object[] }).rules),
  );
  expect(values.rbac.rules.map(({ namespace }) => namespace)).toEqual([undefined, "here"]);
});
