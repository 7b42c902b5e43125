// The search for secrets where none belongs: in what programs under test wrote, and in the cluster.
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { CANARY } from "./canary.ts";
import { type ClusterApi, clusterApi } from "./clusterApi.ts";

export interface LeakSearch {
  readonly runDir: string;
  readonly kubeconfig: string;
}

/** A chart that itself puts a value into something else than a Secret has this label on the object (and its pods). */
export const CHART_SHOWS = "helmwarden.test/chart-shows-its-values";

/** Everything below `runDir` and in the cluster that holds a canary; empty: no secret has leaked. */
export async function searchLeaks({ runDir, kubeconfig }: LeakSearch): Promise<string[]> {
  return [...searchFolder(runDir), ...(await searchCluster(kubeconfig, await listPaths(clusterApi(kubeconfig))))];
}

/** Names and contents of all files. */
export function searchFolder(folder: string): string[] {
  return readdirSync(folder, { recursive: true }).flatMap((entry) => {
    const path = join(folder, String(entry));
    const form = formIn(String(entry)) ?? (lstatSync(path).isFile() ? formIn(readFileSync(path, "latin1")) : undefined);
    return form === undefined ? [] : [`${path} holds a secret (${form})`];
  });
}

/** What helm, helmwarden and the controllers make in a namespace. */
const USUAL = [
  ...["configmaps", "events", "pods", "secrets", "serviceaccounts"].map((name) => ["/api/v1", name]),
  ...["deployments", "statefulsets", "daemonsets", "replicasets", "controllerrevisions"].map((name) => [
    "/apis/apps/v1",
    name,
  ]),
  ["/apis/batch/v1", "jobs"],
  ["/apis/coordination.k8s.io/v1", "leases"],
];

/** The usual objects of one namespace; `searchLeaks` looks at every kind, in what namespaces are left by then. */
export async function searchNamespace(kubeconfig: string, namespace: string): Promise<string[]> {
  return await searchCluster(
    kubeconfig,
    USUAL.map(([base, name]) => `${base}/namespaces/${namespace}/${name}`),
  );
}

/** Of Secrets everything but their data is searched, and of Helm's our descriptions. */
async function searchCluster(kubeconfig: string, listed: readonly string[]): Promise<string[]> {
  const api = clusterApi(kubeconfig);
  const lists = listed.map(async (path) => {
    const { items = [] } = (await api("GET", path)).body as { items?: readonly ClusterObject[] };
    return items.flatMap((object) => {
      const form = formIn(JSON.stringify(shownOf(path, object)));
      return form === undefined
        ? []
        : [`${path} ${object.metadata.namespace}/${object.metadata.name} holds a secret (${form})`];
    });
  });
  return (await Promise.all(lists)).flat();
}

interface ClusterObject {
  readonly metadata: { namespace?: string; name: string; labels?: Readonly<Record<string, string>> };
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

/** Of an object, what may not hold a secret. */
function shownOf(path: string, { data, ...rest }: ClusterObject): unknown {
  if (rest.metadata.labels?.[CHART_SHOWS] !== undefined) return {};
  if (rest.type === "helm.sh/release.v1") return { ...rest, description: descriptionIn(data?.["release"] ?? "") };
  return path.endsWith("/secrets") ? rest : { ...rest, data };
}

/** Helm's own descriptions quote errors, and stay where the release's values are as well. */
function descriptionIn(release: string): string {
  try {
    const packed = Buffer.from(Buffer.from(release, "base64").toString("latin1"), "base64");
    const { info } = JSON.parse(gunzipSync(packed).toString("utf8")) as { info: { description: string } };
    return info.description.startsWith("helmwarden") ? info.description : "";
  } catch {
    return "";
  }
}

interface ResourceList {
  readonly resources: readonly { name: string; verbs: readonly string[] }[];
}

async function listPaths(api: ClusterApi): Promise<string[]> {
  const groups = (await api("GET", "/apis")).body as { groups: { preferredVersion: { groupVersion: string } }[] };
  const bases = ["/api/v1", ...groups.groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`)];
  const found = bases.map(async (base) => {
    const { resources } = (await api("GET", base)).body as ResourceList;
    return resources.filter(({ verbs }) => verbs.includes("list")).map(({ name }) => `${base}/${name}`);
  });
  return (await Promise.all(found)).flat();
}

/** In which form a canary stands in this text. */
export function formIn(text: string): string | undefined {
  return FORMS.find(({ match }) => match.test(text))?.form;
}

const bytes = [...Buffer.from(CANARY)];
const hex = (byte: number): string => byte.toString(16).padStart(2, "0");

/** The base64 characters that depend on the canary's start alone, for each place it can have in a group of three bytes. */
function base64Core(shift: number): string {
  const encoded = Buffer.concat([Buffer.alloc(shift), Buffer.from(CANARY)]).toString("base64");
  return encoded.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + CANARY.length) * 8) / 6));
}

const FORMS: readonly { form: string; match: RegExp }[] = [
  { form: "raw", match: new RegExp(CANARY) },
  ...[0, 1, 2].map((shift) => ({ form: `base64 at ${shift}`, match: new RegExp(base64Core(shift)) })),
  { form: "URL-encoded", match: new RegExp(bytes.map((byte) => `%${hex(byte)}`).join(""), "i") },
  { form: "JSON-escaped", match: new RegExp(bytes.map((byte) => `\\\\u00${hex(byte)}`).join(""), "i") },
  { form: "hex", match: new RegExp(bytes.map(hex).join(""), "i") },
];
