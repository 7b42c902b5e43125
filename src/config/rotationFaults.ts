import { spacingOf } from "../core/rotation/cron.ts";
import { formatDuration } from "../core/rotation/row.ts";
import { stateKeyOf } from "../core/rotation/state.ts";
import { wordpressKeys } from "../core/rotation/wordpressKeys.ts";

interface CronFields {
  readonly cron: string;
  readonly timezone: string;
}

/** What the checks look at. */
interface PolicyFields {
  readonly secret: { readonly key: string };
  readonly every: number | CronFields;
  readonly window?: (CronFields & { readonly duration: number }) | undefined;
  readonly deadline: number;
  readonly jitter: number;
  readonly generate: object;
  readonly target: object;
  readonly overlap?: { readonly key: string; readonly for: number } | undefined;
}

interface Fault {
  readonly path: string[];
  readonly message: string;
}

const SHORTEST_INTERVAL = 3_600_000;
/** Two times of a cron expression lie so much further apart when the clocks change between them. */
const CLOCK_CHANGE = 7_200_000;
const KEY_PAIRS = ["rsa", "ed25519"];
const LOGINS = ["postgres", "mariadb", "mysql", "redis", "chartJob"];

/** What is wrong with a policy whose fields are each right. */
export function rotationFaults(given: PolicyFields): Fault[] {
  return [...timeFaults(given), ...keyFaults(given), ...valueFaults(given)];
}

function timeFaults({ every, window, deadline, jitter, overlap }: PolicyFields): Fault[] {
  const faults: Fault[] = [];
  const spacing =
    typeof every === "number" ? { shortest: every, longest: every } : spacingOf(every.cron, every.timezone);
  const interval = formatDuration(spacing.shortest);
  if (spacing.shortest < SHORTEST_INTERVAL)
    faults.push({
      path: ["every", "cron"],
      message: `comes every ${interval}: at least an hour must lie between two times`,
    });
  if (jitter >= spacing.shortest)
    faults.push({ path: ["jitter"], message: `must be shorter than \`every\` (${interval})` });
  if (overlap !== undefined && overlap.for >= spacing.shortest)
    faults.push({
      path: ["overlap", "for"],
      message: `must be shorter than \`every\` (${interval}): the next value would end it`,
    });
  if (window === undefined) return faults;
  const opening = spacingOf(window.cron, window.timezone).longest;
  const closed = formatDuration(opening);
  if (opening - CLOCK_CHANGE > spacing.longest)
    faults.push({
      path: ["window"],
      message: `opens up to ${closed} apart, which is longer than \`every\`: it cannot be kept`,
    });
  else if (opening - window.duration > deadline) {
    const message = `opens up to ${closed} apart, so that a rotation could be past its \`deadline\` before it may start`;
    faults.push({ path: ["window"], message });
  }
  return faults;
}

/** Every key at the secret's path that a rotation writes, with the field that names it. */
export function writtenKeys(
  spec: Pick<PolicyFields, "secret" | "generate" | "target" | "overlap">,
): Map<string[], string> {
  const { secret, generate, target, overlap } = spec;
  const keys = new Map([
    [["secret", "key"], secret.key],
    [[], stateKeyOf(secret.key)],
  ]);
  for (const [kind, options] of Object.entries(generate) as [string, { readonly publicKey?: unknown }][]) {
    if (typeof options?.publicKey === "string") keys.set(["generate", kind, "publicKey"], options.publicKey);
    const others = kind === "wordpressSalts" ? (wordpressKeys(secret.key) ?? []) : [];
    for (const other of others.filter((key) => key !== secret.key)) keys.set(["generate", kind], other);
  }
  for (const [kind, options] of Object.entries(target) as [string, { readonly userKey?: unknown }][])
    if (typeof options?.userKey === "string") keys.set(["target", kind, "userKey"], options.userKey);
  if (overlap !== undefined) keys.set(["overlap", "key"], overlap.key);
  return keys;
}

function keyFaults(given: PolicyFields): Fault[] {
  const keys = [...writtenKeys(given)];
  const repeated = keys.filter(([, key], index) => keys.findIndex(([, other]) => other === key) < index);
  return repeated.map(([path]) => ({ path, message: "is a key that this policy writes something else to" }));
}

function valueFaults({ secret, generate, target }: PolicyFields): Fault[] {
  const [kind = ""] = Object.keys(generate);
  const [system = ""] = Object.keys(target);
  const path = ["generate", kind];
  if (kind === "wordpressSalts" && wordpressKeys(secret.key) === undefined)
    return [
      { path: ["secret", "key"], message: "must end with one of WordPress' names, such as AUTH_KEY or NONCE_SALT" },
    ];
  if (LOGINS.includes(system) && [...KEY_PAIRS, "wordpressSalts"].includes(kind))
    return [{ path, message: `makes no password, which ${system} needs` }];
  return [];
}
