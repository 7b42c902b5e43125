import type { ReleaseSync, SecretSync } from "../core/spec.ts";
import type { Access, CheckLine } from "../ports.ts";

/** What a namespace needs of a Role: verbs by resource, and what for. */
interface Need {
  readonly resource: string;
  readonly verbs: readonly string[];
  readonly reason: string;
}

const STATUS: Need = { resource: "configmaps", verbs: ["get", "list", "create", "patch"], reason: "status objects" };
const RESTART: readonly Need[] = ["deployments.apps", "statefulsets.apps", "daemonsets.apps"].map((resource) => ({
  resource,
  verbs: ["get", "list", "patch"],
  reason: "restarts and readiness",
}));
const RELEASE: readonly Need[] = [
  {
    resource: "secrets",
    verbs: ["get", "list", "create", "update", "patch", "delete"],
    reason: "Helm's storage and the chart's Secrets",
  },
  STATUS,
  ...RESTART,
];
const SECRET: readonly Need[] = [
  { resource: "secrets", verbs: ["get", "create", "patch"], reason: "the Secret" },
  STATUS,
  ...RESTART,
];

/** Asks the API server for every verb that a pass needs, namespace by namespace; one line each. */
export async function* checkPermissions(
  access: Access,
  releases: readonly ReleaseSync[],
  secrets: readonly SecretSync[],
  signal: AbortSignal,
): AsyncGenerator<CheckLine> {
  const ofReleases = new Set(releases.map(({ key }) => key.namespace));
  const ofSecrets = new Set(secrets.map(({ namespace }) => namespace));
  for (const namespace of new Set([...ofReleases, ...ofSecrets])) {
    const needs = ofReleases.has(namespace) ? RELEASE : SECRET;
    const missing = (
      await Promise.all(needs.map(async (need) => await missingOf(access, need, namespace, signal)))
    ).flat();
    const subject = `permissions in ${namespace}`;
    if (missing.length === 0)
      yield { subject, ok: true, message: "all that a sync needs, beside what the chart's own objects need" };
    else
      yield {
        subject,
        ok: false,
        message: `missing ${missing.join("; ")}`,
        advice: "Add these verbs to the Role of the account that helmwarden uses.",
      };
  }
}

async function missingOf(access: Access, need: Need, namespace: string, signal: AbortSignal): Promise<string[]> {
  const allowed = await Promise.all(need.verbs.map((verb) => access.can(verb, need.resource, namespace, signal)));
  const verbs = need.verbs.filter((_, index) => allowed[index] !== true);
  return verbs.length === 0 ? [] : [`${verbs.join(", ")} ${need.resource} (${need.reason})`];
}
