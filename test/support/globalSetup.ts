// Lets `npx vitest run test/integration/x` work alone: starts the shared servers unless `npm test` has done it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasSharedServers, startSharedServers } from "./servers.ts";

export async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (hasSharedServers()) return undefined;
  const dir = mkdtempSync(join(tmpdir(), "helmwarden-test-"));
  const servers = await startSharedServers(dir);
  return async () => {
    await servers.stop();
    rmSync(dir, { recursive: true, force: true });
  };
}
