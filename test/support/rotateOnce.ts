// One try of a rotation, put together as the program does, in this process; its effects in somebody else's hands if wanted.
import { withApp } from "../../src/cli/openApp.ts";
import type { RotationOutcome } from "../../src/core/rotation/outcome.ts";
import { createLog } from "../../src/log.ts";
import { openRotation } from "../../src/openRotation.ts";
import { rotate } from "../../src/operations/rotate/rotate.ts";
import type { RotatedSecret } from "../../src/operations/rotate/rotatedSecret.ts";
import type { RotatePorts } from "../../src/operations/rotate/rotatePorts.ts";

export interface RotateOnceOptions {
  readonly config: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cacheFolder: string;
  /** Sees the ports before the rotation gets them. */
  readonly watch?: (ports: RotatePorts) => RotatePorts;
}

/** The one policy of the configuration, begun where it was never rotated, or gone on with. The Lease is left out. */
export async function rotateOnce(options: RotateOnceOptions): Promise<RotationOutcome> {
  const { config, environment, cacheFolder, watch = (ports) => ports } = options;
  const { signal } = new AbortController();
  const terminal = { out: () => {}, err: () => {}, color: false, interactive: false, columns: 80, rows: undefined };
  const context = { terminal, surroundings: { environment, namespace: "helmwarden", cacheFolder }, signal };
  return await withApp("sync", { config, output: "json", verbose: false }, context, async (app) => {
    const policy = app.config.rotations[0]!;
    const log = createLog("error", process.stderr);
    const open = await openRotation(app, policy, log, () => undefined, signal);
    try {
      return await rotate(watch(open.ports), policy, { reason: "test", asked: true, isDue: isNew }, signal);
    } finally {
      await open.close();
    }
  });
}

function isNew({ state }: RotatedSecret): boolean {
  return state.rotatedAt === undefined;
}
