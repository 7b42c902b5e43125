import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { repository } from "../../../scripts/artifacts.mjs";
import { loadConfig } from "../../../src/config/load.ts";
import { kubectlBinary } from "../../support/binaries.ts";
import { clusterApi } from "../../support/clusterApi.ts";
import { makeNamespace, type TestNamespace } from "../../support/namespace.ts";
import { type Helm, openHelm } from "../../support/release.ts";
import { sharedServers } from "../../support/servers.ts";

const { kubeconfig, runDir } = sharedServers();
const api = clusterApi(kubeconfig);
const dir = mkdtempSync(join(runDir, "chart-"));
const chart = join(repository, "deploy/chart");
const examples = readdirSync(join(chart, "ci")).map((file) => join(chart, "ci", file));
const signal = AbortSignal.timeout(600_000);

let namespace: TestNamespace | undefined;
afterEach(async () => {
  await namespace?.remove();
  namespace = undefined;
});

/** A namespace that lets only pods of the level "restricted" in. */
async function restricted(): Promise<string> {
  namespace = await makeNamespace(kubeconfig, "own-chart");
  const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
  await api("PATCH", `/api/v1/namespaces/${namespace.name}`, { metadata: { labels } }, "application/merge-patch+json");
  return namespace.name;
}

function helmOf(major: 3 | 4, name = "default"): Helm {
  return openHelm({ major, kubeconfig, namespace: name, dir: join(dir, `helm${major}`) });
}

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly rules?: readonly Readonly<Record<"apiGroups" | "resources" | "verbs", readonly string[]>>[];
  readonly roleRef?: { readonly name: string };
}

const objectsOf = (yaml: string): Rendered[] =>
  parseAllDocuments(yaml).flatMap((one) => {
    const object = one.toJS() as Rendered | null;
    return object === null ? [] : [object];
  });

function byName(objects: Rendered[]): Rendered[] {
  return objects.sort((a, b) => `${a.kind}/${a.metadata.name}`.localeCompare(`${b.kind}/${b.metadata.name}`));
}

const kindsIn = (yaml: string): string[] => byName(objectsOf(yaml)).map(({ kind }) => kind);

/** `kubectl apply --dry-run=server`: every object as the API server would take it, warnings and all. */
async function serverDryRun(yaml: string): Promise<{ code: number | null; stderr: string }> {
  const args = ["--kubeconfig", kubeconfig, "apply", "--dry-run=server", "--filename", "-"];
  const child = spawn(kubectlBinary(), args, { env: { HOME: dir }, stdio: ["pipe", "ignore", "pipe"] });
  child.stdin.end(yaml);
  const exit = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [code, stderr] = await Promise.all([exit, text(child.stderr)]);
  return { code, stderr };
}

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const made: string[] = [];

beforeAll(async () => {
  const anything = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  for (const kind of ["ServiceMonitor", "PrometheusRule"]) {
    const plural = `${kind.toLowerCase()}s`;
    const body = {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: `${plural}.monitoring.coreos.com` },
      spec: {
        group: "monitoring.coreos.com",
        names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
        scope: "Namespaced",
        versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: anything } }],
      },
    };
    const path = `${definitions}/${body.metadata.name}`;
    if ((await api("GET", path)).status !== 404) continue;
    await api("POST", definitions, body);
    made.push(path);
  }
});

// Kinds of the whole cluster, which other tests would meet.
afterAll(async () => {
  for (const path of made) await api("DELETE", path);
});

describe.each(examples)("%s", (values) => {
  test("lints and renders alike with helm 3 and 4, and the API server takes every object without a warning", async () => {
    const name = await restricted();
    const renders: string[] = [];
    for (const major of [3, 4] as const) {
      const helm = helmOf(major, name);
      expect(await helm(["lint", chart, "--strict", "--values", values])).toContain("0 chart(s) failed");
      renders.push(await helm(["template", "own", chart, "--values", values]));
    }
    const [three = "", four = ""] = renders;
    expect(byName(objectsOf(four))).toEqual(byName(objectsOf(three)));
    await expect.poll(() => serverDryRun(four), { timeout: 20_000 }).toEqual({ code: 0, stderr: "" });
  });

  test("the configuration that it makes is one that the program takes, and its Roles are narrow", async () => {
    const objects = objectsOf(await helmOf(4)(["template", "own", chart, "--values", values]));
    const config = objects.find(({ data }) => data?.["helmwarden.yaml"] !== undefined);
    const folder = mkdtempSync(join(dir, "config-"));
    for (const [file, content] of Object.entries(config?.data ?? {})) writeFileSync(join(folder, file), content);
    const { program } = await loadConfig(folder, signal);
    expect(program).toMatchObject({ auditFile: "/var/lib/helmwarden/audit.jsonl", shutdownGraceMs: 60_000 });
    const all = objects.flatMap(({ rules = [] }) => rules.flatMap((rule) => Object.values(rule).flat()));
    expect(all).not.toContain("*");
    const bound = objects.flatMap(({ roleRef }) => (roleRef === undefined ? [] : [roleRef.name]));
    expect(bound.filter((name) => !/^(default-)?own-helmwarden$/.test(name))).toEqual([]);
  });
});

test("the port of the settings is the program's and the container's", async () => {
  const settings = ["--set", "config.settings.http.port=9123"];
  const objects = objectsOf(await helmOf(4)(["template", "own", chart, ...settings]));
  const config = objects.find(({ data }) => data?.["helmwarden.yaml"] !== undefined);
  expect(config?.data?.["helmwarden.yaml"]).toContain("port: 9123");
  expect(JSON.stringify(objects.find(({ kind }) => kind === "Deployment"))).toContain('"containerPort":9123');
});

async function rolesFor(namespaces: string): Promise<Map<string | undefined, Rendered["rules"]>> {
  const flags = ["--namespace", "own", "--set", `rbac.namespaces={${namespaces}}`];
  const objects = objectsOf(await helmOf(4)(["template", "own", chart, ...flags]));
  const roles = objects.filter(({ kind }) => kind === "Role");
  return new Map(roles.map(({ metadata, rules }) => [metadata.namespace, rules]));
}

test("rbac.namespaces gives each its Role, and the pod's own just what the stores' state takes", async () => {
  const roles = await rolesFor("web");
  expect([...roles.keys()]).toEqual(["web", "own"]);
  expect(roles.get("own")).toEqual([
    { apiGroups: [""], resources: ["configmaps"], verbs: ["get", "create", "patch"] },
    { apiGroups: [""], resources: ["events"], verbs: ["create"] },
  ]);
  const named = await rolesFor("web,own");
  expect(named.get("own")).toEqual(named.get("web"));
});

test("its NetworkPolicy lets it reach every database that rotates, and the notes name what is let through", async () => {
  const objects = objectsOf(await helmOf(4)(["template", "own", chart]));
  const policy = objects.find(({ kind }) => kind === "NetworkPolicy") as unknown as {
    spec: { egress: { ports: { port: number }[] }[] };
  };
  const ports = policy.spec.egress.flatMap((rule) => rule.ports.map(({ port }) => port));
  expect(new Set(ports)).toEqual(new Set([53, 443, 6443, 8200, 6379, 5432, 3306]));
  const flags = ["--dry-run=client", "--set", "networkPolicy.egress[0].ports[0].port=8443"];
  const notes = await helmOf(4)(["install", "own", chart, ...flags]);
  expect(notes).toContain("lets it call 8443, and DNS.");
});

async function alertAnnotations(...flags: string[]): Promise<Record<string, string>[]> {
  const enabled = ["--set", "monitoring.prometheusRule.enabled=true"];
  const objects = objectsOf(await helmOf(4)(["template", "own", chart, ...enabled, ...flags]));
  const { spec } = objects.find(({ kind }) => kind === "PrometheusRule") as unknown as {
    spec: { groups: { rules: { annotations: Record<string, string> }[] }[] };
  };
  return spec.groups.flatMap(({ rules }) => rules.map(({ annotations }) => annotations));
}

test("alerts name their runbook, and link to it where the values say where it is", async () => {
  const named = await alertAnnotations();
  const url = "https://git.example.com/helmwarden/operations.md";
  const linked = await alertAnnotations("--set", `monitoring.prometheusRule.runbookUrl=${url}`);
  expect(named.length).toBeGreaterThan(10);
  expect(linked).toEqual(
    named.map(({ runbook, ...rest }) => ({ ...rest, runbook_url: runbook?.replace("docs/operations.md", url) })),
  );
});

test.each([3, 4] as const)(
  "helm %i installs it, waits until it is ready, upgrades and uninstalls it",
  async (major) => {
    const name = await restricted();
    const helm = helmOf(major, name);
    const values = ["--values", join(chart, "ci/rules-values.yaml")];
    // Of the examples' own: Roles outside of this namespace stay away from other tests.
    const own = [...values, "--set", `rbac.rules=null`, "--set", `rbac.namespaces={${name}}`, "--set", "env=null"];
    const shown = await helm(["install", "own", chart, "--wait", "--timeout", "60s", ...own]);
    expect(shown).toContain(`runs as own-helmwarden in namespace ${name}`);
    const deployment = `/apis/apps/v1/namespaces/${name}/deployments/own-helmwarden`;
    const ready = async (): Promise<unknown> =>
      ((await api("GET", deployment)).body as { status: { readyReplicas?: number } }).status.readyReplicas;
    expect(await ready()).toBe(1);
    const more = ["--set", "shutdownGraceSeconds=90", "--set", "image.tag=0.1.1"];
    await helm(["upgrade", "own", chart, "--wait", "--timeout", "60s", ...own, ...more]);
    const { spec } = (await api("GET", deployment)).body as {
      spec: { template: { spec: { terminationGracePeriodSeconds: number; containers: { image: string }[] } } };
    };
    expect(spec.template.spec.terminationGracePeriodSeconds).toBe(105);
    expect(spec.template.spec.containers.map(({ image }) => image)).toEqual(["helmwarden:0.1.1"]);
    await helm(["uninstall", "own", "--wait", "--timeout", "60s"]);
    // The record outlives the program.
    const claim = `/api/v1/namespaces/${name}/persistentvolumeclaims/own-helmwarden-audit`;
    expect((await api("GET", claim)).status).toBe(200);
  },
  180_000,
);

test.each([
  ["replicas without a shared queue", ["replicas=2"], /queue that they share/],
  ["an unknown field", ["replicaCount=2"], /replicaCount/],
  ["the tag latest", ["image.tag=latest"], /tag/],
  ["a Role of everything", ["rbac.rules[0].rules[0].verbs={*}"], /rbac/],
  ["a second HelmwardenConfig", ["config.text=kind: HelmwardenConfig"], /config.settings/],
  ["an audit file of its own", ["config.settings.audit.file=/tmp/x"], /audit/],
])("%s is refused, with a word on what to do", async (_, settings, reason) => {
  const flags = settings.flatMap((one) => ["--set", one]);
  await expect(helmOf(4)(["template", "own", chart, ...flags])).rejects.toThrow(reason);
});

const before = olderVersion();

// Values that a newer chart knows are absent after the second, which people are used to.
describe.skipIf(before === undefined)("the chart of an older version", () => {
  test.each([
    [3, "--reset-then-reuse-values"],
    [4, "--reset-then-reuse-values"],
    [4, "--reuse-values"],
  ] as const)(
    "is upgraded to this one by helm %i with %s, and keeps its record",
    async (major, flag) => {
      const name = await restricted();
      const old = mkdtempSync(join(dir, "older-"));
      execFileSync("tar", ["-x", "-C", old], { input: git("archive", before ?? "", "deploy/chart") });
      const helm = helmOf(major, name);
      const wait = ["--wait", "--timeout", "60s"];
      const given = ["--set", "config.settings.resync=1h", "--set", `rbac.namespaces={${name}}`];
      await helm(["install", "own", join(old, "deploy/chart"), ...wait, ...given]);
      const claim = async (): Promise<string> => {
        const { body } = await api("GET", `/api/v1/namespaces/${name}/persistentvolumeclaims/own-helmwarden-audit`);
        return (body as { metadata: { uid: string } }).metadata.uid;
      };
      const record = await claim();
      expect(await helm(["upgrade", "own", chart, flag, ...wait])).toContain("has been upgraded");
      expect(await claim()).toBe(record);
      const manifest = await helm(["get", "manifest", "own"]);
      const fresh = await helm(["template", "own", chart, "--namespace", name, ...given]);
      expect(kindsIn(manifest)).toEqual(kindsIn(fresh));
      expect(manifest).toContain("resync: 1h");
    },
    180_000,
  );
});

/** The last tag, or while there is none: the first commit with the chart. Undefined where git knows neither. */
function olderVersion(): string | undefined {
  const tag = git("describe", "--tags", "--abbrev=0").toString().trim();
  if (tag !== "") return tag;
  const [first] = git("log", "--reverse", "--format=%H", "--", "deploy/chart/Chart.yaml").toString().split("\n");
  return first === "" ? undefined : first;
}

/** Empty where it fails. */
function git(...args: string[]): Buffer {
  try {
    return execFileSync("git", ["-C", repository, ...args], {
      stdio: ["ignore", "pipe", "ignore"],
      maxBuffer: 2 ** 26,
    });
  } catch {
    return Buffer.alloc(0);
  }
}
