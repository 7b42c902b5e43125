import type { Clock, Rests } from "../ports.ts";
import { idOf } from "./dueSubjects.ts";
import type { RedisLink } from "./redisLink.ts";
import { within } from "./runs.ts";

/** A store's own word is believed for no longer than this. */
const LONGEST_MS = 3_600_000;
/** Nobody waits longer for a note than a call of the store would take. */
const ANSWER_MS = 500;

/** Rests as keys that expire by Redis' own clock. While Redis is away there are none, and no call waits for it. */
export function createRedisRests({ client }: RedisLink, prefix: string, clock: Clock): Rests {
  const keyOf = (name: string): string => `${prefix}:rest:${idOf(name)}`;
  /** Below zero where there is no such key. */
  const ask = async (name: string): Promise<number> => {
    if (client.status !== "ready") return 0;
    let left = 0;
    const asking = client.pttl(keyOf(name)).then((ms) => (left = ms));
    await within(clock, ANSWER_MS, asking);
    return Math.max(0, left);
  };
  return {
    left: ask,
    async begin(name, ms) {
      const wanted = Math.ceil(Math.min(ms, LONGEST_MS));
      if (client.status !== "ready" || wanted <= (await ask(name))) return;
      await within(clock, ANSWER_MS, client.set(keyOf(name), "", "PX", wanted));
    },
  };
}
