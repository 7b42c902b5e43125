// Kills a program by SIGKILL at exactly one of its writes to servers: they are counted, and held, by a proxy between.
import type { FaultProxy } from "./faultProxy.ts";
import type { RunningProgram } from "./program.ts";
import type { Relay } from "./relay.ts";

/** `after`: the server has done it, and the program has not heard of it. */
export type When = "before" | "after";

/**
 * Writes by number, and on which side of each to die, without an end. Of so many writes that follow each other with
 * nothing in between, each is looked at once: after one is before the next.
 */
export function* moments(inARow: number): Generator<{ readonly number: number; readonly when: When }> {
  for (let number = 1; ; number += 1) {
    if ((number - 1) % inARow === 0) yield { number, when: "before" };
    yield { number, when: "after" };
  }
}

interface Asked {
  readonly method: string;
  readonly path: string;
}

const isWrite = ({ method, path }: Asked): boolean =>
  !["GET", "LIST", "HEAD"].includes(method) && !path.includes("/auth/");

/**
 * Starts a program behind the proxy, and kills it at its n-th write, from 1. False: it ended before it made so many.
 * A write that it is killed before never reaches the server.
 */
export async function killAtWrite(
  proxy: Relay | FaultProxy,
  { number, when }: { readonly number: number; readonly when: When },
  start: () => RunningProgram,
): Promise<boolean> {
  let [asked, answered, killed] = [0, 0, false];
  const kill = async (): Promise<void> => {
    killed = true;
    running.child.kill("SIGKILL");
    await running.end;
  };
  const isMine = (request: Asked, moment: When, count: number): boolean =>
    isWrite(request) && moment === when && count === number;
  proxy.onAnswer = async (request) => {
    if (isWrite(request)) answered += 1;
    if (isMine(request, "after", answered)) await kill();
  };
  const dieBefore = async (request: Asked): Promise<boolean> => {
    if (isWrite(request)) asked += 1;
    if (!isMine(request, "before", asked)) return false;
    await kill();
    return true;
  };
  const stop = hold(proxy, dieBefore);
  const running = start();
  await running.end;
  stop();
  return killed;
}

/** What `isHeld` says true to is not passed on. */
function hold(proxy: Relay | FaultProxy, isHeld: (request: Asked) => Promise<boolean>): () => void {
  const free = (): void => {
    proxy.onAnswer = () => {};
  };
  if ("inject" in proxy) {
    proxy.onRequest = async (request) => {
      if (await isHeld(request)) proxy.inject({ path: /^/, times: 1, fault: { kind: "reset" } });
    };
    return () => {
      free();
      proxy.onRequest = () => {};
    };
  }
  proxy.answer = async (request) => ((await isHeld(request)) ? { status: 503 } : undefined);
  return () => {
    free();
    proxy.answer = () => undefined;
  };
}
