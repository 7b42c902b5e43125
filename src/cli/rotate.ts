import type { App } from "../app.ts";
import type { RotationOutcome } from "../core/rotation/outcome.ts";
import type { RotationPolicy } from "../core/rotation/policy.ts";
import { afterSubject, beginWave, isOver, startNext, type Wave } from "../core/rolloutWave.ts";
import { HelmwardenError } from "../errors.ts";
import { createLog } from "../log.ts";
import { openRotation } from "../openRotation.ts";
import { isDueNow } from "../operations/rotate/facts.ts";
import type { RotatePorts } from "../operations/rotate/rotatePorts.ts";
import { runRotation } from "../operations/rotate/runRotation.ts";
import type { CommandContext, ExitCode, Terminal } from "./context.ts";
import { withApp } from "./openApp.ts";
import type { CommandOptions } from "./program.ts";
import { foretell } from "./rotateDryRun.ts";
import { styleFor, wrap } from "./style.ts";

export interface RotateOptions extends CommandOptions {
  readonly now: boolean;
  readonly reason?: string;
  readonly all: boolean;
  readonly store?: string;
  readonly dryRun: boolean;
  /** Seconds to wait for pods to take the new value. */
  readonly wait: number;
}

const AGAIN_MS = 3_000;

/** `rotate`: one policy, or all of a store in waves, now or where due; waits until the old value is gone. */
export async function rotateCommand(
  names: readonly string[],
  options: RotateOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { terminal } = context;
  return await withApp(options.dryRun ? "plan" : "sync", options, context, async (app) => {
    const policies = selectPolicies(app.config.rotations, names, options);
    if (options.dryRun) return await foretell(app, policies, terminal, context.signal);
    const outcomes = await inWaves(app, policies, options, context);
    const skipped = policies.filter((policy) => !outcomes.has(policy));
    if (options.output === "json") terminal.out(json(policies, outcomes));
    else if (skipped.length > 0)
      terminal.out(`Not begun, as one before them failed: ${skipped.map(({ name }) => name).join(", ")}.\n`);
    return exitCodeOf([...outcomes.values()]);
  });
}

/** UsageInvalid for what is unclear: a rotation is nothing to be guessed at. */
function selectPolicies(
  policies: readonly RotationPolicy[],
  names: readonly string[],
  { all, store, now, reason }: RotateOptions,
): readonly RotationPolicy[] {
  if (now && (reason ?? "").trim() === "")
    throw new HelmwardenError("UsageInvalid", "Say why: --now needs --reason TEXT, which goes into the audit log.");
  if (all === names.length > 0)
    throw new HelmwardenError(
      "UsageInvalid",
      "Name the RotationPolicy, or say --all (with --store X: all of that store).",
    );
  const unknown = names.find((name) => !policies.some((one) => namesOf(one).includes(name)));
  if (unknown !== undefined)
    throw new HelmwardenError(
      "UsageInvalid",
      `No RotationPolicy is called ${JSON.stringify(unknown)}. Name it as NAME or NAMESPACE/NAME; \`helmwarden rotation status\` lists them.`,
    );
  const named = all ? policies : policies.filter((one) => namesOf(one).some((name) => names.includes(name)));
  const chosen = named.filter(({ secret }) => store === undefined || secret.store === store);
  if (chosen.length === 0) throw new HelmwardenError("UsageInvalid", "No RotationPolicy matches.");
  return chosen;
}

function namesOf({ name, namespace }: RotationPolicy): string[] {
  return [name, `${namespace}/${name}`];
}

/** The canaries first; what fails keeps the rest from beginning. */
async function inWaves(
  app: App,
  policies: readonly RotationPolicy[],
  options: RotateOptions,
  context: CommandContext,
): Promise<ReadonlyMap<RotationPolicy, RotationOutcome>> {
  const outcomes = new Map<RotationPolicy, RotationOutcome>();
  const byId = new Map(policies.map((policy) => [`${policy.cluster}/${policy.namespace}/${policy.name}`, policy]));
  let wave: Wave = beginWave([...byId.keys()]);
  while (!isOver(wave)) {
    const next = startNext(wave, app.config.program.rollout);
    wave = next.wave;
    if (next.start.length === 0) break;
    await Promise.all(
      next.start.map(async (id) => {
        const policy = byId.get(id);
        if (policy === undefined) return;
        const outcome = await rotateOne(app, policy, options, context);
        outcomes.set(policy, outcome);
        wave = afterSubject(wave, id, resultOf(outcome));
      }),
    );
  }
  return outcomes;
}

function resultOf({ kind }: RotationOutcome): "healthy" | "unhealthy" | "untouched" {
  if (kind === "notDue") return "untouched";
  return kind === "rotated" || kind === "waiting" ? "healthy" : "unhealthy";
}

async function rotateOne(
  app: App,
  policy: RotationPolicy,
  options: RotateOptions,
  { terminal, signal }: CommandContext,
): Promise<RotationOutcome> {
  const style = styleFor(terminal.color);
  const name = `rotation ${policy.namespace}/${policy.name}`;
  const say = (text: string): void => terminal.err(`${name}: ${text}\n`);
  const log = createLog(options.verbose ? "debug" : "error", { write: terminal.err });
  const onStep: RotatePorts["onStep"] = (step, message) => say(`${style("faint", step.padEnd(6))} ${message}`);
  const open = await openRotation(app, policy, log, onStep, signal);
  try {
    const { clock } = open.ports;
    const ask = {
      reason: options.reason ?? "due",
      asked: true,
      isDue: (secret: Parameters<typeof isDueNow>[1]) => options.now || isDueNow(policy, secret, clock.now()),
    };
    const end = clock.monotonic() + options.wait * 1000;
    let told = "";
    for (;;) {
      const ran = await runRotation(open.ports, open.around, policy, ask, signal);
      const outcome = ran === "taken" ? TAKEN : ran;
      const goesOn = outcome.kind === "waiting" || outcome.kind === "unfinished";
      if (!goesOn || clock.monotonic() >= end) return finished(outcome, name, terminal, options);
      if (outcome.message !== told) say(`waits: ${outcome.message}`);
      told = outcome.message;
      await clock.sleep(AGAIN_MS, signal);
    }
  } finally {
    await open.close();
  }
}

const TAKEN: Extract<RotationOutcome, { kind: "waiting" }> = {
  kind: "waiting",
  message: "Another process is at this rotation; it goes on there.",
};

function finished(
  outcome: RotationOutcome,
  name: string,
  terminal: Terminal,
  { output }: RotateOptions,
): RotationOutcome {
  if (output === "json") return outcome;
  const style = styleFor(terminal.color);
  const { word, mood } = VERDICTS[outcome.kind];
  const message = outcome.kind === "notDue" ? "" : `\n${wrap(outcome.message, terminal.columns, "  ")}`;
  terminal.out(`${style("strong", name)}  ${style(mood, word)}${message}\n`);
  return outcome;
}

const VERDICTS: Readonly<
  Record<RotationOutcome["kind"], { readonly word: string; readonly mood: "good" | "warn" | "bad" | "faint" }>
> = {
  rotated: { word: "rotated", mood: "good" },
  waiting: { word: "rotated; the old value stays for now", mood: "warn" },
  unfinished: { word: "rotated, but not everywhere", mood: "bad" },
  notDue: { word: "not due; --now rotates it all the same", mood: "faint" },
  refused: { word: "refused: nothing was changed", mood: "warn" },
  rolledBack: { word: "rolled back", mood: "bad" },
  failed: { word: "failed", mood: "bad" },
};

function json(policies: readonly RotationPolicy[], outcomes: ReadonlyMap<RotationPolicy, RotationOutcome>): string {
  const results = policies.map((policy) => ({
    namespace: policy.namespace,
    policy: policy.name,
    outcome: outcomes.get(policy) ?? { kind: "notBegun" },
  }));
  return `${JSON.stringify({ command: "rotate", results }, undefined, 2)}\n`;
}

function exitCodeOf(outcomes: readonly RotationOutcome[]): ExitCode {
  const kinds = new Set(outcomes.map(({ kind }) => kind));
  if (kinds.has("failed") || kinds.has("rolledBack") || kinds.has("unfinished")) return 1;
  return kinds.has("refused") || kinds.has("waiting") ? 2 : 0;
}
