// A program: one rotation that dies by SIGKILL right before, or right after, its n-th effect on store, target or Secret.
// Prints the effects, each when it is made. Without a number it lives, and the list is whole.
import { writeSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { HelmwardenError } from "../../src/errors.ts";
import type { ReleasePorts } from "../../src/operations/releasePorts.ts";
import type { RotatePorts } from "../../src/operations/rotate/rotatePorts.ts";
import { rotateOnce } from "./rotateOnce.ts";

const { values: asked } = parseArgs({
  allowPositionals: true,
  options: {
    config: { type: "string", short: "c", default: "" },
    when: { type: "string" },
    effect: { type: "string" },
    /** Records of the audit log are effects, too. */
    records: { type: "boolean", default: false },
    /** `test`: what was set does not let in; `apply`: the cluster takes no Secret. */
    refuses: { type: "string" },
  },
});

const EFFECTS = new Set<string | symbol>(["create", "set", "undo", "retire", "replace", "apply"]);
if (asked.records) EFFECTS.add("append");
let made = 0;
let isSet = false;

function watch<T extends object>(target: T): T {
  return new Proxy(target, {
    get(of, name) {
      const member: unknown = Reflect.get(of, name);
      if (name === "writer" || name === "secrets") return watch(member as object);
      if (typeof member !== "function") return member;
      if (name === "test" && asked.refuses === "test" && isSet) return () => Promise.resolve("refused");
      if (!EFFECTS.has(name)) return member.bind(of) as unknown;
      return async (...args: unknown[]): Promise<unknown> => {
        const mine = String(made) === asked.effect;
        made += 1;
        writeSync(1, `${String(name)}\n`);
        if (mine && asked.when === "before") die();
        if (name === asked.refuses) throw new HelmwardenError("ClusterDenied", "The test takes no Secret.");
        const result: unknown = await Reflect.apply(member, of, args);
        isSet ||= name === "set";
        if (mine && asked.when === "after") die();
        return result;
      };
    },
  });
}

function watchRelease(own: ReleasePorts): ReleasePorts {
  return { ...own, audit: watch(own.audit), cluster: watch(own.cluster) };
}

function die(): void {
  process.kill(process.pid, "SIGKILL");
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

const environment = process.env;
const outcome = await rotateOnce({
  config: asked.config,
  environment,
  cacheFolder: join(environment["HELMWARDEN_CACHE_DIR"] ?? "", "helmwarden"),
  watch: (ports): RotatePorts => ({
    ...ports,
    stores: new Map([...ports.stores].map(([name, store]) => [name, watch(store)])),
    target: ports.target && watch(ports.target),
    audit: watch(ports.audit),
    portsOf: async (name) => watchRelease(await ports.portsOf(name)),
  }),
});
process.stderr.write(JSON.stringify(outcome));
