// How a helm process is started, fed, stopped and outlived, with small programs in its place.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type HelmExit, type HelmRun, runHelm } from "../../../src/helm/process.ts";
import { canary } from "../../support/canary.ts";
import { waitUntil } from "../../support/process.ts";
import { expectFault } from "../../support/silence.ts";

const TIMES = { timeoutMs: 60_000, graceMs: 20_000 };
const never = new AbortController().signal;
let dir: string;
beforeAll(() => void (dir = mkdtempSync(join(tmpdir(), "helmwarden-process-"))));
afterAll(() => rmSync(dir, { recursive: true }));

let programs = 0;
function run(script: string, more: Partial<HelmRun> = {}, signal = never): Promise<HelmExit> {
  programs += 1;
  const binary = join(dir, `helm-${programs}`);
  writeFileSync(binary, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return runHelm({ binary, args: [], environment: {}, cwd: dir, inputFolder: dir, ...TIMES, ...more }, signal);
}

/** One that has ended, and that nobody has asked how, has no command line any more. */
function runs(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
  } catch {
    return false;
  }
}

/** How a process ended that runs this, and is killed as soon as `spawn` has returned. */
async function killedAtSpawn(options: object): Promise<NodeJS.Signals | null> {
  const dying = spawn(process.execPath, [
    join(import.meta.dirname, "../../support/dyingAtSpawn.ts"),
    JSON.stringify(options),
  ]);
  const [, signal] = (await once(dying, "exit")) as [number | null, NodeJS.Signals | null];
  return signal;
}

describe.concurrent("a helm process", () => {
  test("gets its input, nothing else of ours, and both of its outputs come back", async () => {
    process.env["HELMWARDEN_TEST_SECRET"] = canary("inherited");
    const input = canary("input");
    const exit = await run('cat; env >&2; pwd; echo "$1"; exit 3', {
      input,
      args: ["--x"],
      environment: { ONLY: "this" },
    });
    expect(exit).toMatchObject({ code: 3, ended: "exit", stdout: `${input}${dir}\n--x\n` });
    expect(exit.stderr).toContain("ONLY=this");
    expect(exit.stderr).not.toContain("HELMWARDEN_TEST_SECRET");
  });

  test("has its whole input though we are killed the moment it starts", async () => {
    const [program, got] = [join(dir, "reads-later"), join(dir, "got")];
    // Slow enough that we are gone before it reads.
    writeFileSync(program, `#!/bin/sh\nsleep 0.2; cat >${got}.part; mv ${got}.part ${got}\n`, { mode: 0o755 });
    const input = canary("whole").repeat(1_000);
    const ended = await killedAtSpawn({ binary: program, cwd: dir, inputFolder: dir, input });
    expect(ended).toBe("SIGKILL");
    await waitUntil("it has read", async () => existsSync(got), { processes: [], timeoutMs: 10_000 });
    expect(readFileSync(got, "utf8")).toBe(input);
  });

  test("may end without reading a large input", async () => {
    expect(await run("exit 0", { input: "x".repeat(4_000_000) })).toMatchObject({ code: 0, ended: "exit" });
  });

  test("is asked to end at its timeout, with all that it started", async () => {
    const exit = await run("sleep 600 & echo $!; wait", { timeoutMs: 1_000 });
    expect(exit).toMatchObject({ ended: "timeout", code: undefined });
    const ended = async (): Promise<boolean> => !runs(Number(exit.stdout));
    await waitUntil("what it started has ended", ended, { processes: [], timeoutMs: 10_000 });
  });

  test("is asked to end when the pass is cancelled, and may tidy up", async () => {
    const stop = new AbortController();
    const exit = run("trap 'echo tidied; exit 1' TERM; echo ready; sleep 600 & wait", {}, stop.signal);
    setTimeout(() => stop.abort(), 1_000);
    expect(await exit).toMatchObject({ ended: "cancelled", code: 1, stdout: "ready\ntidied\n" });
  });

  test("is killed where it does not end by itself", async () => {
    const exit = await run("trap '' TERM; while :; do sleep 1; done", { timeoutMs: 500, graceMs: 500 });
    expect(exit).toMatchObject({ ended: "timeout", code: undefined });
  });

  test("that was killed by somebody else is told from one that failed", async () => {
    expect(await run("kill -9 $$")).toMatchObject({ ended: "killed", code: undefined });
  });

  test("is not waited for longer than it lives, though something that it started holds its output", async () => {
    const start = performance.now();
    const exit = await run("setsid sleep 5 & echo done");
    expect(exit).toMatchObject({ code: 0, ended: "exit", stdout: "done\n" });
    expect(performance.now() - start).toBeLessThan(4_500);
  });

  test("that is not there, or no program, is HelmMissing", async () => {
    const start = { args: [], environment: {}, cwd: dir, inputFolder: dir, ...TIMES };
    await expectFault("HelmMissing", () => runHelm({ ...start, binary: join(dir, "absent") }, never));
    await expectFault("HelmMissing", () => runHelm({ ...start, binary: dir }, never));
  });
});
