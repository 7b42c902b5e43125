import type { RotationOutcome } from "../core/rotation/outcome.ts";
import type { RotationPolicy } from "../core/rotation/policy.ts";
import type { RotationRow } from "../core/rotation/row.ts";
import { toHelmwardenError } from "../errors.ts";
import { openNotify, openRotation } from "../openRotation.ts";
import { outcomeWordOf, restAfter } from "../core/rotation/rest.ts";
import { isDueNow } from "../operations/rotate/facts.ts";
import type { RotatedSecret } from "../operations/rotate/rotatedSecret.ts";
import { noteOverdue } from "../operations/rotate/noteOverdue.ts";
import { rotationRows } from "../operations/rotate/rotationRows.ts";
import { rotationSubject, runRotation } from "../operations/rotate/runRotation.ts";
import type { Clock, Job, Log, Queue } from "../ports.ts";
import type { Generation } from "./generation.ts";
import type { Loops } from "./loops.ts";
import type { Metrics } from "./metrics.ts";

export interface RotationsDeps {
  readonly generation: () => Generation;
  readonly send: (subject: string, reason: string) => void;
  readonly queue: Pick<Queue, "repeat" | "cancel">;
  readonly metrics: Pick<Metrics, "rotationEnded" | "errorSeen">;
  readonly loops: Loops;
  /** Do other processes take turns of this queue? */
  readonly sharedQueue: boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** How often it is decided; a rotation under way is looked at again as often. */
const TICK_MS = 15_000;
/** A tick that is older tells of the past. */
const WITHIN_MS = 120_000;
const WORD = "/Rotation/";

/** `cluster/Rotation/namespace/name` */
export function rotationIdOf({ cluster, namespace, name }: RotationPolicy): string {
  return `${cluster}${WORD}${namespace}/${name}`;
}

export function isRotation(subject: string): boolean {
  return subject.includes(WORD);
}

/** Decides every few seconds what is due, by what the stores say, and does the jobs that come of it. */
export class Rotations {
  readonly #deps: RotationsDeps;
  /** Monotonic milliseconds before which a policy is left alone by this process. */
  readonly #rests = new Map<string, number>();
  readonly #told = new Set<string>();
  #rows: readonly RotationRow[] = [];
  #tickedAt: Date | undefined;

  constructor(deps: RotationsDeps) {
    this.#deps = deps;
  }

  /** Follows a configuration: every policy may be tried again. */
  follow(): void {
    this.#rests.clear();
    this.#rows = [];
    if (this.#deps.generation().config.rotations.length === 0) {
      this.#tickedAt = undefined;
      this.#deps.queue.cancel("rotations");
      this.#deps.loops.forget("rotations");
      return;
    }
    this.#tickedAt ??= this.#deps.clock.now();
    this.#beat();
    this.#deps.queue.repeat("rotations", TICK_MS, (signal) => this.tick(signal));
  }

  /** As the last tick saw them; of a shared queue's processes, only the one whose turn it is can tell. */
  rows(): readonly RotationRow[] {
    const ageMs = this.#deps.clock.now().getTime() - (this.#tickedAt?.getTime() ?? 0);
    return ageMs < WITHIN_MS ? this.#rows : [];
  }

  /** The last tick here; before the first, when policies came, so that a scheduler that never ticks is seen. */
  tickedAt(): Date | undefined {
    return this.#tickedAt;
  }

  async tick(signal: AbortSignal): Promise<void> {
    const { clock, generation } = this.#deps;
    const { config, stores } = generation();
    const now = clock.now();
    this.#rows = await rotationRows(config.rotations, stores, new Map(), now, signal);
    this.#tickedAt = now;
    this.#beat();
    const late = this.#rows.flatMap((row, index) => {
      const policy = config.rotations[index];
      const isLate = policy !== undefined && !this.#send(policy, row, now) && row.late;
      return isLate ? [this.#tellOverdue(policy, row, signal)] : [];
    });
    await Promise.all(late);
  }

  /** Of a shared queue's turns, any number may fall to others. */
  #beat(): void {
    if (!this.#deps.sharedQueue) this.#deps.loops.beat("rotations", WITHIN_MS);
  }

  /** Does one decision's job come onto the queue? True where it begins a rotation. */
  #send(policy: RotationPolicy, { state, nextAt, message }: RotationRow, now: Date): boolean {
    const id = rotationIdOf(policy);
    if (state === "unknown")
      this.#deps.log.debug("a rotation could not be decided", { policy: policy.name, advice: message ?? "" });
    const rests = (this.#rests.get(id) ?? 0) > this.#deps.clock.monotonic();
    const isDue = state === "due" || state === "overdue";
    const begins = isDue && nextAt !== undefined && nextAt <= now && !rests;
    if (begins || state === "rotating") this.#deps.send(id, "rotation");
    return begins;
  }

  /** Does one job. Never rejects. */
  async work({ subject, reason }: Job, signal: AbortSignal): Promise<void> {
    const generation = this.#deps.generation();
    const policy = generation.config.rotations.find((one) => rotationIdOf(one) === subject);
    const rests = (this.#rests.get(subject) ?? 0) > this.#deps.clock.monotonic();
    if (policy === undefined || rests) return;
    const leave = generation.enter();
    try {
      await this.#rotate(generation, policy, subject, reason, signal);
    } catch (caught) {
      const { code, message } = toHelmwardenError(caught);
      this.#rests.set(subject, this.#deps.clock.monotonic() + TICK_MS * 4);
      if (!signal.aborted) this.#deps.log.warn("rotation", { subject, outcome: "failed", code, advice: message });
    } finally {
      generation.stores.get(policy.secret.store)?.outdate(policy.secret.path);
      leave();
    }
  }

  async #rotate(
    { app }: Generation,
    policy: RotationPolicy,
    subject: string,
    reason: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, log, metrics } = this.#deps;
    const steps = log.child({ run: app.run, subject });
    const open = await openRotation(app, policy, log, (step) => steps.info("rotation step", { step }), signal);
    try {
      const last = await open.around.cluster.statuses.get(rotationSubject(policy), signal);
      const isDue = (secret: RotatedSecret): boolean =>
        isDueNow(policy, secret, clock.now()) && restAfter(last, clock.now()) === 0;
      const outcome = await runRotation(
        open.ports,
        open.around,
        policy,
        { reason: "due", asked: false, isDue },
        signal,
      );
      if (outcome === "taken" || outcome.kind === "notDue") return;
      metrics.rotationEnded(outcome.kind);
      if (outcome.kind === "failed") metrics.errorSeen(outcome.code);
      const done = { outcome: outcomeWordOf(outcome), at: clock.now().toISOString() };
      this.#rests.set(subject, clock.monotonic() + restAfter(done, clock.now()));
      this.#logOutcome(app.run, subject, reason, outcome);
    } finally {
      await open.close();
    }
  }

  /** One line for each thing that happened. */
  #logOutcome(
    run: string,
    subject: string,
    reason: string,
    outcome: Exclude<RotationOutcome, { kind: "notDue" }>,
  ): void {
    const news = `${subject} ${outcome.kind} ${outcome.message}`;
    if (this.#told.has(news)) return;
    for (const one of this.#told) if (one.startsWith(`${subject} `)) this.#told.delete(one);
    this.#told.add(news);
    const fields = { run, subject, reason, outcome: outcome.kind, advice: outcome.message };
    if (outcome.kind === "rotated") this.#deps.log.info("rotation", fields);
    else this.#deps.log.warn("rotation", fields);
  }

  /** One Event and one message for each due date that was missed, whoever's restart comes between. Never rejects. */
  async #tellOverdue(policy: RotationPolicy, row: RotationRow, signal: AbortSignal): Promise<void> {
    const { log, clock, generation } = this.#deps;
    const due = row.dueAt?.toISOString() ?? "at once";
    const once = `${rotationIdOf(policy)} overdue ${due}`;
    if (this.#told.has(once)) return;
    this.#told.add(once);
    const at = clock.now();
    const what =
      row.state === "rotating"
        ? "is being rotated for too long: its old value still works"
        : `has been due since ${due}`;
    const message = `${row.secret} ${what}, and is past its deadline. See \`helmwarden rotation status\`.`;
    log.warn("rotation overdue", { subject: rotationIdOf(policy), advice: message });
    try {
      const { app } = generation();
      const { events, statuses } = await app.cluster(policy.cluster);
      // Told twice is better than never.
      if (!(await noteOverdue(statuses, policy, due, at, signal).catch(() => true))) return;
      await events.emit(rotationSubject(policy), "Warning", "RotationOverdue", message, signal).catch(() => undefined);
      if (policy.notify === undefined) return;
      const notify = await openNotify(app, clock, signal);
      const { name, namespace } = policy;
      await notify(policy.notify, { policy: name, namespace, rotation: "", event: "overdue", message, at }, signal);
    } catch (caught) {
      log.warn("nobody took the news of a rotation", { policy: policy.name, code: toHelmwardenError(caught).code });
    }
  }
}
