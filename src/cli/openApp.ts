import { type App, createApp } from "../app.ts";
import { loadConfig } from "../config/load.ts";
import { createLog } from "../log.ts";
import type { CommandContext } from "./context.ts";
import type { CommandOptions } from "./program.ts";

/** Loads the configuration, puts the program together for one command, and takes it apart afterwards in any case. */
export async function withApp<T>(
  mode: "plan" | "sync",
  { config: path, verbose }: CommandOptions,
  { surroundings, terminal, signal }: CommandContext,
  work: (app: App) => Promise<T>,
): Promise<T> {
  const config = await loadConfig(path, signal);
  const log = createLog(verbose ? "debug" : "error", { write: terminal.err });
  const app = createApp(config, mode, surroundings, log, signal);
  try {
    return await work(app);
  } finally {
    await app.close();
  }
}
