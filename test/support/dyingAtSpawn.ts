// A program: starts a helm process and dies by SIGKILL as soon as the process is there, before anything else.
import childProcess from "node:child_process";
import { syncBuiltinESMExports } from "node:module";
import { type HelmRun, runHelm } from "../../src/helm/process.ts";

const { spawn } = childProcess;
childProcess.spawn = new Proxy(spawn, {
  apply(target, self, args) {
    Reflect.apply(target, self, args);
    process.kill(process.pid, "SIGKILL");
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  },
});
syncBuiltinESMExports();

const run = JSON.parse(process.argv[2] ?? "{}") as Pick<HelmRun, "binary" | "cwd" | "inputFolder" | "input">;
await runHelm({ args: [], environment: {}, timeoutMs: 60_000, graceMs: 20_000, ...run }, new AbortController().signal);
