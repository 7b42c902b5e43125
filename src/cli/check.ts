import type { App } from "../app.ts";
import type { RotationPolicy } from "../core/rotation/policy.ts";
import type { StoredRelease } from "../core/release.ts";
import { toHelmwardenError } from "../errors.ts";
import { checkPermissions } from "../operations/checkPermissions.ts";
import { deployedObjects } from "../operations/deployedObjects.ts";
import { withJobHooks } from "../operations/rotate/withJobHooks.ts";
import type { CheckLine } from "../ports.ts";
import type { CommandContext, ExitCode } from "./context.ts";
import { withApp } from "./openApp.ts";
import type { CommandOptions } from "./program.ts";
import { select, storesOf } from "./select.ts";
import { type Style, styleFor, wrap } from "./style.ts";

/** `check`: one line for each thing that a sync needs, with what to do where it is not there. Changes nothing. */
export async function checkCommand(options: CommandOptions, context: CommandContext): Promise<ExitCode> {
  const { terminal, signal } = context;
  return await withApp("plan", options, context, async (app) => {
    const lines: CheckLine[] = [];
    const style = styleFor(terminal.color);
    for await (const line of checks(app, options, signal)) {
      lines.push(line);
      if (options.output === "json") continue;
      terminal.out(checkText(line, terminal.rows === undefined ? undefined : terminal.columns, style));
    }
    if (options.output === "json") terminal.out(`${JSON.stringify({ command: "check", lines }, undefined, 2)}\n`);
    return lines.every(({ ok }) => ok) ? 0 : 1;
  });
}

const INDENT = "      ";

/** Wrapped behind its verdict, the advice below; without a `width`, which is no terminal, one line for `grep`. */
export function checkText(
  { ok, subject, message, advice = "" }: CheckLine,
  width: number | undefined,
  style: Style,
): string {
  const verdict = `${ok ? style("good", "ok  ") : style("bad", "FAIL")}  `;
  const text = `${subject}: ${message}`;
  const more = advice === "" ? [] : [advice];
  if (width === undefined) return `${verdict}${[text.replace(/\.$/, ""), ...more].join(". ")}\n`;
  const [first = "", ...below] = [text, ...more].map((part) => wrap(part, width, INDENT));
  return `${[verdict + first.slice(INDENT.length), ...below].join("\n")}\n`;
}

async function* checks(app: App, options: CommandOptions, signal: AbortSignal): AsyncGenerator<CheckLine> {
  const { stores, releases, secrets } = app.config;
  const counts = `SecretStores ${stores.size}, ReleaseSyncs ${releases.length}, SecretSyncs ${secrets.length}`;
  yield { subject: `configuration ${options.config}`, ok: true, message: counts };
  yield app.checkAudit();
  const read = new Set([
    ...storesOf(select(app.config, [])),
    ...app.config.rotations.map(({ secret }) => secret.store),
  ]);
  const unused = [...stores.keys()].filter((name) => !read.has(name));
  for (const name of stores.keys()) {
    yield await look(`store ${name}`, async () => {
      const found = await (await app.stores([name])).get(name)?.check(signal);
      return found ?? { subject: `store ${name}`, ok: false, message: "is not configured" };
    });
  }
  for (const policy of app.config.rotations) yield await rotationCheck(app, policy, signal);
  for (const name of unused) yield { subject: `store ${name}`, ok: true, message: "no document reads from it" };
  const clusters = new Set([
    ...releases.map(({ key }) => key.cluster),
    ...[...secrets, ...app.config.rotations].map(({ cluster }) => cluster),
  ]);
  for (const name of clusters) yield* clusterChecks(app, name, signal);
}

/** Is the secret there, may it be rotated, and does the target take it? */
async function rotationCheck(app: App, policy: RotationPolicy, signal: AbortSignal): Promise<CheckLine> {
  const subject = `rotation ${policy.namespace}/${policy.name}`;
  return await look(subject, async () => {
    const { openPolicyTarget } = await import("../openRotation.ts");
    const { readRotated } = await import("../operations/rotate/rotatedSecret.ts");
    const store = (await app.stores([policy.secret.store])).get(policy.secret.store);
    const secret = store === undefined ? undefined : await readRotated(store, policy, signal);
    if (secret !== undefined && "refused" in secret)
      return { subject, ok: false, message: "is refused", advice: secret.refused };
    const target = await openPolicyTarget(app, policy, signal);
    if (target === undefined) return { subject, ok: true, message: "no target has to learn the value first" };
    try {
      return { ...(await target.check(signal)), subject };
    } finally {
      await target.close();
    }
  });
}

async function* clusterChecks(app: App, name: string, signal: AbortSignal): AsyncGenerator<CheckLine> {
  const subject = `cluster ${name}`;
  yield await look("helm", async () => ({
    subject: "helm",
    ok: true,
    message: await (await app.helm(name)).version(signal),
  }));
  const reached = await look(subject, async () => {
    const version = await (await app.cluster(name)).access.serverVersion(signal);
    return { subject, ok: true, message: `reachable, Kubernetes ${version}` };
  });
  yield reached;
  if (!reached.ok) return;
  const cluster = await app.cluster(name);
  const releases = app.config.releases.filter(({ key }) => key.cluster === name);
  const ports = await app.portsOf(name);
  const objects = await deployedObjects(ports.releases, releases, signal);
  // What is wrong with a Job is in its policy's own line.
  const deployed = await withJobHooks(ports, app.config, objects, signal).catch(() => objects);
  yield* checkPermissions(cluster.access, { config: app.config, cluster: name, home: app.namespace, deployed }, signal);
  for (const { key } of releases) {
    const release = `release ${key.namespace}/${key.name}`;
    yield await look(release, async () => {
      const reading = await ports.releases.read(key, signal);
      if (reading.kind === "found") return { subject: release, ok: true, message: stateOf(reading.release) };
      if (reading.kind === "missing") {
        const advice = "Install it with helm, or correct `release` and the namespace.";
        return { subject: release, ok: false, message: "helm has none of that name", advice };
      }
      const advice = "Delete that storage Secret if an older revision is good, then `helm rollback`.";
      return { subject: release, ok: false, message: `revision ${reading.revision} cannot be decoded`, advice };
    });
  }
}

function stateOf({ last: { chart, revision, status } }: StoredRelease): string {
  return `revision ${revision} of chart ${chart.name} ${chart.version}, ${status}`;
}

async function look(subject: string, check: () => Promise<CheckLine>): Promise<CheckLine> {
  try {
    return await check();
  } catch (caught) {
    const { code, message } = toHelmwardenError(caught);
    return { subject, ok: false, message: code, advice: message };
  }
}
