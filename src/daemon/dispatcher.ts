import type { SubjectId } from "../core/subject.ts";
import type { Clock, Log, Queue } from "../ports.ts";

/** Puts work on the queue; what the queue cannot take now is kept and sent again. */
export interface Dispatcher {
  send(subjects: Iterable<SubjectId>, reason: string, delayMs?: number): void;
}

const SEND_AGAIN_MS = 2_000;
/** Together on their way to the queue. */
const LANES = 32;

interface Kept {
  readonly reason: string;
  readonly delayMs: number;
}

export function createDispatcher(
  queue: Pick<Queue, "enqueue">,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
  onSent: (reason: string) => void,
  signal: AbortSignal,
): Dispatcher {
  const kept = new Map<SubjectId, Kept>();
  let sending: Promise<void> | undefined;
  let away = false;

  const sendOne = async (subject: SubjectId, entry: Kept): Promise<void> => {
    try {
      await queue.enqueue({ subject, reason: entry.reason }, entry.delayMs, signal);
      onSent(entry.reason);
      if (away) log.info("the queue takes work again");
      away = false;
    } catch {
      if (signal.aborted) return;
      if (!away) log.warn("the queue takes no work; it is kept and sent again");
      away = true;
      // Newer news of the subject may have come meanwhile.
      if (!kept.has(subject)) kept.set(subject, entry);
    }
  };
  const sendAll = async (): Promise<void> => {
    while (kept.size > 0 && !signal.aborted) {
      const batch = [...kept].slice(0, LANES);
      for (const [subject] of batch) kept.delete(subject);
      await Promise.all(batch.map(([subject, entry]) => sendOne(subject, entry)));
      if (away) await clock.sleep(SEND_AGAIN_MS, signal).catch(() => undefined);
    }
    sending = undefined;
  };
  return {
    send(subjects, reason, delayMs = 0) {
      for (const subject of subjects) {
        kept.set(subject, { reason, delayMs: Math.min(delayMs, kept.get(subject)?.delayMs ?? delayMs) });
      }
      sending ??= sendAll();
    },
  };
}
