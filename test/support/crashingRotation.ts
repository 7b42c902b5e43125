// A program: one rotation that dies by SIGKILL right before, or right after, its n-th effect on store or target. Prints
// the effects, each when it is made. Without a number it lives, and the list is whole.
import { writeSync } from "node:fs";
import { join } from "node:path";
import type { RotatePorts } from "../../src/operations/rotate/rotatePorts.ts";
import { rotateOnce } from "./rotateOnce.ts";

const [, , , , config = "", when, fatal] = process.argv;
const EFFECTS: ReadonlySet<string | symbol> = new Set(["create", "set", "undo", "retire", "replace"]);
let made = 0;

function watch<T extends object>(target: T): T {
  return new Proxy(target, {
    get(of, name) {
      const member: unknown = Reflect.get(of, name);
      if (name === "writer") return watch(member as object);
      if (typeof member !== "function") return member;
      if (!EFFECTS.has(name)) return member.bind(of) as unknown;
      return async (...args: unknown[]): Promise<unknown> => {
        const mine = String(made) === fatal;
        made += 1;
        writeSync(1, `${String(name)}\n`);
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
const outcome = await rotateOnce({
  config,
  environment,
  cacheFolder: join(environment["HELMWARDEN_CACHE_DIR"] ?? "", "helmwarden"),
  watch: (ports): RotatePorts => ({
    ...ports,
    stores: new Map([...ports.stores].map(([name, store]) => [name, watch(store)])),
    target: ports.target && watch(ports.target),
  }),
});
process.stderr.write(JSON.stringify(outcome));
