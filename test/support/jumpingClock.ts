// Preloaded into a program: its wall clock is off by what a file says, in milliseconds, from the moment that it says so.
// Timers and the monotonic clock go on, as they do where a machine's clock is set.
import { readFileSync } from "node:fs";

const RealDate = Date;
let offset = 0;
const look = (): void => {
  try {
    offset = Number(readFileSync(process.env["CLOCK_OFFSET_FILE"] ?? "", "utf8"));
  } catch {
    offset = 0;
  }
};
look();
setInterval(look, 50).unref();

const now = (): number => RealDate.now() + offset;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args: unknown[], asked) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, asked) as Date,
  apply: () => new RealDate(now()).toString(),
  get: (target, key) => (key === "now" ? now : (Reflect.get(target, key) as unknown)),
});
