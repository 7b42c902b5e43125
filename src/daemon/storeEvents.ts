import type { Clock } from "../ports.ts";
import type { Generation } from "./generation.ts";
import type { Polls } from "./polls.ts";

type Path = string | undefined;

/** A burst of events is a read at its begin and one a second until its end. */
const GAP_MS = 1_000;

/** Listens to the stores that are configured to tell what moves, and has just that read, until the signal aborts. */
export function followEvents(
  generation: Generation,
  polls: Pick<Polls, "poll" | "pollAll">,
  clock: Pick<Clock, "sleep">,
  signal: AbortSignal,
): void {
  for (const [name, paths] of generation.dependents) {
    if (generation.config.stores.get(name)?.provider.events !== true) continue;
    const read = inTurns(
      (path) => (path === undefined ? polls.pollAll(name, signal) : polls.poll(name, path, signal, true)),
      clock,
      signal,
    );
    const onEvent = (path: Path): void => {
      if (path === undefined || paths.has(path)) read(path);
    };
    void generation.stores.get(name)?.watchEvents(onEvent, signal);
  }
}

/** Of each path one read at a time; told again meanwhile, it is read once more, as that read may have come too early. */
function inTurns(
  read: (path: Path) => Promise<void>,
  clock: Pick<Clock, "sleep">,
  signal: AbortSignal,
): (path: Path) => void {
  const again = new Map<Path, boolean>();
  const work = async (path: Path): Promise<void> => {
    do {
      again.set(path, false);
      await read(path);
      await clock.sleep(GAP_MS, signal).catch(() => undefined);
    } while (again.get(path) === true && !signal.aborted);
    again.delete(path);
  };
  return (path) => {
    if (again.has(path)) again.set(path, true);
    else void work(path);
  };
}
