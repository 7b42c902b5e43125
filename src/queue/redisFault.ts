import { HelmwardenError } from "../errors.ts";

/** What is wrong with Redis, and what to do. */
const FAULTS = {
  unreachable: ["cannot be reached", "Check that it runs, and the network to it"],
  silent: ["does not answer", "Check its load, and the network to it"],
  untrusted: ["has a TLS certificate that is not trusted", "Give its authority in NODE_EXTRA_CA_CERTS"],
  denied: ["refuses our login or a command", "Check user and password in its URL, and its ACL"],
  full: ["is full", "Raise its maxmemory"],
  unready: ["takes no writes now", "Look at its log; a replica or a loading Redis cannot be used"],
  unsuitable: ["answers with an error", "Check that it is Redis 6.2 or newer"],
} as const satisfies Record<string, readonly [string, string]>;

export type RedisFault = keyof typeof FAULTS;

const BY_WORD: Readonly<Record<string, RedisFault>> = {
  OOM: "full",
  NOAUTH: "denied",
  WRONGPASS: "denied",
  NOPERM: "denied",
  LOADING: "unready",
  READONLY: "unready",
  MASTERDOWN: "unready",
  MISCONF: "unready",
  BUSY: "unready",
};

/** The class of an error of ioredis or BullMQ. Its text is looked at here and goes nowhere. */
export function redisFaultOf(caught: unknown): RedisFault {
  if (!(caught instanceof Error)) return "unreachable";
  const { code } = caught as { code?: unknown };
  if (typeof code === "string" && /CERT|SIGNATURE|ALTNAME/.test(code)) return "untrusted";
  // What Redis itself answers begins with a word in capitals.
  const word = /^([A-Z]{3,}) /.exec(caught.message)?.[1];
  return word === undefined ? "unreachable" : (BY_WORD[word] ?? "unsuitable");
}

export function queueUnavailable(fault: RedisFault, shown: string): HelmwardenError {
  const [what, todo] = FAULTS[fault];
  return new HelmwardenError(
    "QueueUnavailable",
    `The queue's Redis at ${shown} ${what}. ${todo}; the queue goes on by itself then.`,
    { fault },
  );
}
