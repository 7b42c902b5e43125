import type { ChartIdentity } from "../core/release.ts";
import type { JsonObject } from "../core/json.ts";
import { Sealed } from "../core/secretValue.ts";
import type { ChartSource } from "../core/spec.ts";
import { HelmwardenError } from "../errors.ts";
import type { Helm, HelmRequest, LocalChart, UpgradeRequest } from "../ports.ts";
import { pullArguments, renderArguments, type Target, upgradeArguments, versionArguments } from "./arguments.ts";
import { createCharts } from "./charts.ts";
import type { HelmFolders } from "./environment.ts";
import { failureOf } from "./failure.ts";
import { appliedManifest, parseManifest, ReleaseObjects } from "./manifest.ts";
import { overlayText } from "./overlayText.ts";
import { type HelmEnvironment, type HelmExit, runHelm } from "./process.ts";
import { pullFailureOf } from "./pullFailure.ts";
import { requireSupported } from "./version.ts";

export interface HelmOptions {
  /** HELM_BIN, or `helm` to be found on PATH. */
  readonly binary: string;
  readonly environment: HelmEnvironment;
  readonly folders: HelmFolders;
  readonly target: Target;
  /** Told 1 when a helm process starts and -1 when it ends. */
  readonly onRunning?: ((change: 1 | -1) => void) | undefined;
}

const VERSION_MS = 10_000;
const RENDER_MS = 60_000;
const PULL_MS = 120_000;
/** `--timeout` counts for each hook by itself, so the process as a whole may take longer. */
const UPGRADE_SLACK_MS = 60_000;
/** Long, as a killed helm leaves the release locked; helm marks it failed on SIGTERM. */
const GRACE_MS = 20_000;

/** The helm binary behind the port; see arguments.ts for all that it is ever told to do. */
export function createHelm(options: HelmOptions): Helm {
  const run = async (
    args: readonly string[],
    timeoutMs: number,
    signal: AbortSignal,
    input?: string,
    failure = failureOf,
  ): Promise<HelmExit> => {
    const { binary, environment, folders, onRunning } = options;
    onRunning?.(1);
    const { work: cwd, input: inputFolder } = folders;
    const exit = await runHelm(
      {
        binary,
        args,
        environment,
        cwd,
        inputFolder,
        timeoutMs,
        graceMs: GRACE_MS,
        ...(input === undefined ? {} : { input }),
      },
      signal,
    ).finally(() => onRunning?.(-1));
    if (exit.code !== 0 || exit.ended !== "exit") throw failure(exit);
    return exit;
  };
  const findChart = createCharts(options.folders.charts, async (chart, repository, version, folder, signal) => {
    await run(pullArguments(chart, repository, version, folder), PULL_MS, signal, undefined, pullFailureOf);
  });
  return {
    async version(signal: AbortSignal): Promise<string> {
      return requireSupported((await run(versionArguments(), VERSION_MS, signal)).stdout);
    },
    async chart(source: ChartSource, deployed: ChartIdentity, signal: AbortSignal): Promise<LocalChart> {
      return await findChart(source, deployed, signal);
    },
    async render(
      request: HelmRequest,
      lookups: "live" | "empty",
      signal: AbortSignal,
    ): Promise<Sealed<readonly JsonObject[]>> {
      const exit = await run(
        renderArguments(request, lookups, options.target),
        RENDER_MS,
        signal,
        overlayText(request.overlay),
      );
      return new Sealed(parseManifest(appliedManifest(parseRelease(exit.stdout))));
    },
    async upgrade(request: UpgradeRequest, signal: AbortSignal): Promise<void> {
      const timeoutMs = request.timeoutMs + UPGRADE_SLACK_MS;
      await run(upgradeArguments(request, options.target), timeoutMs, signal, overlayText(request.overlay));
    },
  };
}

function parseRelease(stdout: string): ReleaseObjects {
  try {
    return ReleaseObjects.parse(JSON.parse(stdout));
  } catch {
    throw new HelmwardenError(
      "HelmUnsupported",
      "helm's dry run did not print a release as JSON. Use helm 3.17+ or 4.1+.",
    );
  }
}
