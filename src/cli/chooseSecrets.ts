import type { ProposedSecret } from "../core/migration/proposal.ts";
import { HelmwardenError } from "../errors.ts";
import type { Terminal } from "./context.ts";

const TRIES = 3;

/**
 * Lets the person at the terminal choose among Secrets, by number: NAMESPACE/NAME of those, or undefined for all.
 * UsageInvalid after three answers that mean nothing.
 */
export async function chooseSecrets(
  secrets: readonly ProposedSecret[],
  { out, ask }: Pick<Terminal, "out" | "ask">,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  if (ask === undefined || secrets.length < 2) return undefined;
  const width = String(secrets.length).length;
  for (const [index, { namespace, name, keys }] of secrets.entries()) {
    out(`${String(index + 1).padStart(width)}  ${namespace}/${name} (${keys.length} keys)\n`);
  }
  for (let times = 1; times <= TRIES; times += 1) {
    const answer = await ask("Which of them? Numbers such as 1,3-5, or nothing for all:", false, signal);
    const chosen = readNumbers(answer, secrets.length);
    if (chosen === "all") return undefined;
    if (chosen !== undefined) {
      return secrets.flatMap(({ namespace, name }, index) => (chosen.has(index + 1) ? [`${namespace}/${name}`] : []));
    }
    out(`Numbers are 1 to ${secrets.length}, with commas between, or ranges such as 2-4.\n`);
  }
  throw new HelmwardenError("UsageInvalid", "No Secrets were chosen. Name them on the command line: NAMESPACE/NAME.");
}

/** `1,3-5` as numbers; "all" for nothing or `all`; undefined for what is neither, or is not on the list. */
export function readNumbers(text: string, most: number): ReadonlySet<number> | "all" | undefined {
  const words = text.split(/[\s,]+/).filter(Boolean);
  if (words.length === 0 || (words.length === 1 && /^(all|a|y|yes)$/i.test(words[0] ?? ""))) return "all";
  const numbers = new Set<number>();
  for (const word of words) {
    const [, first, last = first] = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(word) ?? [];
    const [from, to] = [Number(first), Number(last)];
    if (first === undefined || from < 1 || to > most || from > to) return undefined;
    for (let number = from; number <= to; number += 1) numbers.add(number);
  }
  return numbers;
}
