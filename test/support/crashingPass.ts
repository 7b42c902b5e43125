// A program: one sync that dies by SIGKILL right before, or right after, the n-th call of one name of its ports. Prints
// the calls, each when it is made. Without a name it lives, and the list is whole.
import { writeSync } from "node:fs";
import { join } from "node:path";
import { passOnce } from "./pass.ts";

const [, , , , config = "", when, fatalName, fatalNumber] = process.argv;
const calls = new Map<string, number>();

function watch<T extends object>(port: string, target: T): T {
  return new Proxy(target, {
    get(of, name) {
      const member: unknown = Reflect.get(of, name);
      if (typeof member !== "function") return member;
      return async (...args: unknown[]): Promise<unknown> => {
        const call = `${port}.${String(name)}`;
        const number = (calls.get(call) ?? 0) + 1;
        calls.set(call, number);
        writeSync(1, `${call}\n`);
        const mine = call === fatalName && number === Number(fatalNumber);
        if (mine && when === "before") die();
        const result: unknown = await Reflect.apply(member, of, args);
        if (mine && when === "after") die();
        return result;
      };
    },
  });
}

function die(): void {
  process.kill(process.pid, "SIGKILL");
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

const environment = process.env;
const outcomes = await passOnce({
  mode: "sync",
  config,
  environment,
  cacheFolder: join(environment["HELMWARDEN_CACHE_DIR"] ?? "", "helmwarden"),
  watch,
});
process.stderr.write(JSON.stringify(outcomes));
