import type { HelmRequest, UpgradeRequest } from "../ports.ts";

/**
 * Every argument list that helm is ever started with. `--reuse-values` is in each that touches values; a flag that
 * drops values, forces, waits, prints, or carries a value (`--set*`, `--install`, `--force*`, `--atomic`, `--wait`,
 * `--debug`) is in none, and a test holds the lists to that. Values come on standard input, as JSON.
 */

/** Where the release lives; the context is left out when helm runs with the pod's own service account. */
export interface Target {
  readonly context: string | undefined;
}

export function versionArguments(): string[] {
  return ["version", "--template", "{{.Version}}"];
}

/** The upgrade as it would be, with every object and Secret in clear on standard output, nothing written. */
export function renderArguments(request: HelmRequest, lookups: "live" | "empty", target: Target): string[] {
  const dryRun = `--dry-run=${lookups === "live" ? "server" : "client"}`;
  return upgradeOf(request, target, [dryRun, "--disable-openapi-validation", "--output", "json"]);
}

export function upgradeArguments(request: UpgradeRequest, target: Target): string[] {
  const labels = Object.entries(request.labels).map(([name, value]) => `${name}=${value}`);
  return upgradeOf(request, target, [
    "--hide-notes",
    "--history-max",
    String(request.historyMax),
    "--timeout",
    `${Math.ceil(request.timeoutMs / 1000)}s`,
    "--description",
    request.description,
    ...(labels.length === 0 ? [] : ["--labels", labels.join(",")]),
  ]);
}

export function pullArguments(
  chart: string,
  repository: string | undefined,
  version: string,
  folder: string,
): string[] {
  const from = repository === undefined ? [] : ["--repo", repository];
  return ["pull", ...from, "--version", version, "--destination", folder, "--", chart];
}

/** What follows `--` is never read as a flag, whatever it is called. */
function upgradeOf({ key, chart }: HelmRequest, { context }: Target, flags: readonly string[]): string[] {
  const where = context === undefined ? [] : ["--kube-context", context];
  const values = ["--reuse-values", "--values", "-"];
  return ["upgrade", "--namespace", key.namespace, ...where, ...values, ...flags, "--", key.name, chart.path];
}
