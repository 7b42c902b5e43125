#!/usr/bin/env node
import { enableCompileCache } from "node:module";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { askAt } from "./cli/ask.ts";
import type { CommandContext } from "./cli/context.ts";

enableCompileCache();
// A migration goes through many Secrets once: what is done with would fill 100 MB of a young heap that only grows.
if (process.argv[2] === "migrate") setFlagsFromString("--semi-space-growth-factor=1");

const stopping = new AbortController();
let signals = 0;
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    signals += 1;
    if (signals > 1) process.exit(130);
    stopping.abort();
  });
}
// A reader that went away (`| head`) is no fault of ours.
process.stdout.on("error", () => process.exit(0));

const { env, stdin, stdout, stderr } = process;
const context: CommandContext = {
  signal: stopping.signal,
  surroundings: { environment: env, cacheFolder: cacheFolder(), namespace: env["POD_NAMESPACE"] ?? "helmwarden" },
  terminal: {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    color: stdout.isTTY && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb",
    interactive: stderr.isTTY && env["TERM"] !== "dumb",
    ...(stdin.isTTY && stderr.isTTY ? { ask: askAt(stdin, stderr) } : {}),
    columns: Math.min(stdout.columns ?? 80, 100),
    rows: stdout.isTTY ? stdout.rows : undefined,
  },
};

const { runProgram } = await import("./cli/program.ts");
process.exitCode = await runProgram(process.argv.slice(2), context);

/** HELMWARDEN_CACHE_DIR, else the user's cache folder, else a private one among the temporary files. */
function cacheFolder(): string {
  const chosen = env["HELMWARDEN_CACHE_DIR"] ?? env["XDG_CACHE_HOME"];
  if (chosen !== undefined && chosen !== "") return join(chosen, "helmwarden");
  const home = homedir();
  return home === "" || home === "/"
    ? join(tmpdir(), `helmwarden-${process.getuid?.() ?? 0}`)
    : join(home, ".cache", "helmwarden");
}
