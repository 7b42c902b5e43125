import type { PathXray, Reach, Xray } from "../core/xray.ts";
import { isReadAtStart, type Reader } from "../core/readers.ts";
import { HelmwardenError } from "../errors.ts";
import { xrayRelease } from "../operations/xrayRelease.ts";
import type { CommandContext, ExitCode } from "./context.ts";
import { withApp } from "./openApp.ts";
import type { CommandOptions } from "./program.ts";
import { select, storesOf } from "./select.ts";
import { type Style, styleFor } from "./style.ts";

/** `xray RELEASE`: path, object and key, workload, how it is read, whether it restarts. */
export async function xrayCommand(name: string, options: CommandOptions, context: CommandContext): Promise<ExitCode> {
  const { terminal, signal } = context;
  return await withApp("plan", options, context, async (app): Promise<ExitCode> => {
    const selection = select(app.config, [name]);
    const [spec] = selection.releases;
    if (spec === undefined)
      throw new HelmwardenError("UsageInvalid", `${name} is a Secret; only releases have charts to look into.`);
    const stores = await app.stores(storesOf({ releases: [spec], secrets: [] }));
    const xray = await xrayRelease(await app.portsOf(spec.key.cluster), spec, stores, signal);
    if (options.output === "json")
      terminal.out(`${JSON.stringify({ command: "xray", ...spec.key, ...xray, cacheKey: undefined }, undefined, 2)}\n`);
    else terminal.out(drawXray(`${spec.key.namespace}/${spec.key.name}`, xray, spec.restart, styleFor(terminal.color)));
    return 0;
  });
}

/** The picture of text. */
export function drawXray(release: string, xray: Xray, restart: "auto" | "never", style: Style): string {
  const lines = [
    style("strong", `release ${release}`),
    ...xray.paths.flatMap((path) => pathLines(path, restart, style)),
  ];
  if (xray.derived.length > 0)
    lines.push("", "follows the values in a form that hides them (a hash):", ...xray.derived.map((one) => `  ${one}`));
  if (xray.unexplained.length > 0) {
    lines.push(
      "",
      style("bad", "would change though no mapped value explains it:"),
      ...xray.unexplained.map((one) => `  ${one}`),
    );
  }
  const reuse = xray.reusable
    ? "The next change needs no new X-ray: the chart renders from its values alone."
    : "Taken anew before each change: the chart draws, looks up or dates something, or a mapped value is no string.";
  return `${[...lines, "", style("faint", reuse)].join("\n")}\n`;
}

function pathLines({ path, reaches, untraced, liveOnly }: PathXray, restart: "auto" | "never", style: Style): string[] {
  if (untraced) return ["", path, style("faint", "  └─ cannot be followed (its type has too few values)")];
  if (reaches.length === 0)
    return [
      "",
      path,
      style("warn", "  └─ reaches nothing: the path is not one of the chart's, or its live Secret wins"),
    ];
  const lines = reaches.flatMap((reach, index) => reachLines(reach, restart, index === reaches.length - 1));
  return ["", liveOnly ? `${path}  (the live Secret wins over it)` : path, ...lines];
}

function reachLines(reach: Reach, restart: "auto" | "never", last: boolean): string[] {
  const form = reach.form === "part" ? " (inside)" : "";
  const head = `  ${last ? "└" : "├"}─ ${reach.object} ${reach.field}${form}`;
  const stem = last ? "   " : "  │";
  const readers = reach.readers.map((reader, index) => {
    const branch = index === reach.readers.length - 1 ? "└" : "├";
    return `${stem}  ${branch}─ ${reader.workload} by ${reader.by.join(", ")}: ${effectOf(reader, restart)}`;
  });
  return [head, ...readers];
}

function effectOf({ by, rolledByChart, remembers }: Reader, restart: "auto" | "never"): string {
  const memory = remembers ? ", its volume may remember the old value" : "";
  if (rolledByChart) return `rolled by the chart${memory}`;
  if (!by.some(isReadAtStart)) return `no restart needed${memory}`;
  return restart === "auto" ? `restarted by helmwarden${memory}` : `reads it at its next start${memory}`;
}
