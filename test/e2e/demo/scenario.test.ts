// `npm run demo` as somebody plays it on a cluster of theirs, and as somebody breaks it off.
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { cacheDir } from "../../../scripts/artifacts.mjs";
import { clusterApi } from "../../support/clusterApi.ts";
import { findLeftovers } from "../../support/leftovers.ts";
import { waitUntil } from "../../support/process.ts";
import { type RunningProgram, startProgram } from "../../support/program.ts";
import { sharedServers } from "../../support/servers.ts";

vi.setConfig({ testTimeout: 180_000 });

const { kubeconfig, runDir } = sharedServers();
let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(runDir, "demo-"))));

const play = (): RunningProgram =>
  startProgram(["--cluster", "current"], {
    dir,
    env: { KUBECONFIG: kubeconfig, HELMWARDEN_CACHE: cacheDir },
    entry: "scripts/demo.ts",
  });

/** Of demos; one that is going away counts until it has gone. */
async function namespaces(): Promise<string[]> {
  const { body } = await clusterApi(kubeconfig)("GET", "/api/v1/namespaces");
  const { items } = body as { items: readonly { metadata: { name: string; deletionTimestamp?: string } }[] };
  const there = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return there.map(({ metadata }) => metadata.name).filter((name) => name.startsWith("helmwarden-demo-"));
}

test("it ends in `demo: ok` where all that it claims was seen, and leaves nothing", async () => {
  const { code, stdout, stderr } = await play().end;
  expect({ code, stderr, last: stdout.trimEnd().split("\n").at(-1) }).toEqual({
    code: 0,
    stderr: "",
    last: "demo: ok",
  });
  expect(stdout).toContain("held");
  expect(stdout.split("\n").filter((line) => line.length > 110)).toEqual([]);
  expect({ namespaces: await namespaces(), processes: findLeftovers(dir) }).toEqual({ namespaces: [], processes: [] });
});

test("Ctrl-C ends all that it has started", async () => {
  const demo = play();
  const isInstalled = async (): Promise<boolean> => demo.stdout().includes("release shop at revision 1");
  await waitUntil("the chart is installed", isInstalled, { processes: [], timeoutMs: 60_000 });
  expect(await namespaces()).toHaveLength(1);
  demo.child.kill("SIGINT");
  const { code, stdout } = await demo.end;
  expect({ code, last: stdout.trimEnd().split("\n").at(-1) }).toEqual({ code: 130, last: "interrupted" });
  expect({ namespaces: await namespaces(), processes: findLeftovers(dir) }).toEqual({ namespaces: [], processes: [] });
});
