import type { App } from "../app.ts";
import type { Config } from "../core/spec.ts";
import type { Clock, Log } from "../ports.ts";
import { VERSION } from "../version.ts";
import { callersOf } from "./callers.ts";
import { watchConfig } from "./configWatch.ts";
import { Daemon } from "./daemon.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { startServer } from "./server.ts";

export interface RunOptions {
  readonly configPath: string;
  readonly config: Config;
  /** Puts the program together for a configuration. */
  readonly createApp: (config: Config, metrics: Metrics, signal: AbortSignal) => App;
  readonly namespace: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** How much longer than the grace period closing may take in all. */
const CLOSE_MS = 5_000;

/**
 * The background daemon. Runs until the signal aborts; then takes no more work, lets passes end within the grace
 * period, and resolves. Rejects where it cannot start.
 */
export async function runDaemon(options: RunOptions, stopping: AbortSignal): Promise<void> {
  const { clock, log, namespace, configPath } = options;
  const life = new AbortController();
  const { signal } = life;
  let config = options.config;
  const metrics = await createMetrics(VERSION);
  let app = options.createApp(config, metrics, signal);
  const queue = await app.openQueue();
  const sharedQueue = config.program.queue.kind === "redis";
  const daemon = await Daemon.start(app, {
    queue,
    metrics,
    clock,
    log,
    namespace,
    random: Math.random,
    sharedQueue,
    signal,
  });
  const callers = (): ReturnType<typeof callersOf> =>
    daemon.callers((dependents) => callersOf(config, dependents, app.credential, clock));
  const server = await startServer(config.program.http, daemon.view, metrics, callers, { clock, log });
  log.info("helmwarden runs", {
    run: app.run,
    version: VERSION,
    port: server.port,
    releases: config.releases.length,
    secrets: config.secrets.length,
  });
  const watching = watchConfig(
    configPath,
    async (changed) => {
      warnOfRestart(config, changed, log);
      app = options.createApp(changed, metrics, signal);
      config = changed;
      await daemon.reload(changed, app);
      return app.run;
    },
    () => metrics.configReloaded("refused"),
    { clock, log },
    AbortSignal.any([stopping, signal]),
  );
  await aborted(stopping);
  const { shutdownGraceMs } = config.program;
  log.info("helmwarden stops; passes under way may end", { graceMs: shutdownGraceMs });
  await bounded(daemon.stop(shutdownGraceMs), shutdownGraceMs + CLOSE_MS);
  life.abort();
  await Promise.all([server.close(), watching]);
  log.info("helmwarden has stopped");
}

/** What a running process cannot swap. */
function warnOfRestart(before: Config, after: Config, log: Log): void {
  const parts = (["queue", "http"] as const).filter(
    (part) => JSON.stringify(before.program[part]) !== JSON.stringify(after.program[part]),
  );
  if (parts.length > 0) log.warn("these fields are taken at the next start only", { fields: parts.join(" ") });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

async function bounded(work: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
