import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../core/spec.ts";
import { toHelmwardenError } from "../errors.ts";
import type { Clock, Log } from "../ports.ts";

/** ConfigMap mounts change by a symlink that file events miss: the contents are looked at. */
const LOOK_MS = 2_000;

/**
 * Looks at the configuration until the signal aborts. A changed one that is valid is handed on, which gives the name of
 * the run that it begins; an invalid one is refused loudly, once, and the old one goes on.
 */
export async function watchConfig(
  path: string,
  onChanged: (config: Config) => Promise<string>,
  onRefused: () => void,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  signal: AbortSignal,
): Promise<void> {
  let known = await fingerprint(path);
  while (!signal.aborted) {
    await clock.sleep(LOOK_MS, signal).catch(() => undefined);
    const now = await fingerprint(path);
    if (signal.aborted || now === undefined || now === known) continue;
    known = now;
    try {
      const run = await onChanged(await loadConfig(path, signal));
      log.info("the configuration was changed and is in use", { run });
    } catch (caught) {
      if (signal.aborted) return;
      onRefused();
      const { code, message } = toHelmwardenError(caught);
      log.error("the changed configuration is refused; the old one goes on", { code, advice: message });
    }
  }
}

/** Identity of all contents; undefined while they cannot be read, as in the middle of a change. */
async function fingerprint(path: string): Promise<string | undefined> {
  try {
    const hash = createHash("sha256");
    const isFolder = (await stat(path)).isDirectory();
    const names = isFolder
      ? (await readdir(path))
          .filter((name) => /\.(ya?ml|json)$/.test(name))
          .toSorted()
          .map((name) => join(path, name))
      : [path];
    for (const name of names) hash.update(name).update(await readFile(name));
    return hash.digest("hex");
  } catch {
    return undefined;
  }
}
