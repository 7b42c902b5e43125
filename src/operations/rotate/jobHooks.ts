import type { JsonObject } from "../../core/json.ts";
import { mapAt, objectName, textAt } from "../../core/objects.ts";
import { planOverlay } from "../../core/overlay.ts";
import type { Revision } from "../../core/release.ts";
import { Sealed } from "../../core/secretValue.ts";
import type { ReleaseSync } from "../../core/spec.ts";
import { formatValuePath, type ValuePath } from "../../core/valuePath.ts";
import type { ReleasePorts } from "../releasePorts.ts";

/** What a value path that switches a Job on adds to an upgrade. */
export interface JobHooks {
  readonly hooks: Sealed<readonly JsonObject[]>;
  /** `Kind/name` of each; the Job is among them. */
  readonly names: readonly string[];
  /** Why it is no such switch. */
  readonly fault: string | undefined;
}

/** Two dry runs over the deployed release, with the switch on and off. Writes nothing. */
export async function jobHooks(
  ports: Pick<ReleasePorts, "helm">,
  spec: ReleaseSync,
  path: ValuePath,
  base: Revision,
  signal: AbortSignal,
): Promise<JobHooks> {
  const shown = `\`${formatValuePath(path)}\``;
  const overlays = [true, false].map((json) => planOverlay(base.config.open(), base.defaults.open(), [{ path, json }]));
  const clash = overlays.flatMap(({ holds }) => holds)[0];
  if (clash !== undefined) return none(clash.message);
  const chart = await ports.helm.chart(spec.chart, base.chart, signal);
  const renders = overlays.map(({ overlay }) =>
    ports.helm.render({ key: spec.key, chart, overlay: new Sealed(overlay) }, "live", signal),
  );
  const [on, off] = (await Promise.all(renders)).map((render) => render.open());
  const name = (object: JsonObject): string => objectName(object, spec.key.namespace);
  const usual = new Set(off?.map(name));
  const added = (on ?? []).filter((object) => !usual.has(name(object)));
  const names = added.map(name);
  const other = added.find((object) => !eventsOf(object).includes("pre-upgrade"));
  if (other !== undefined)
    return none(`${shown} adds ${name(other)}, which is no hook before an upgrade: correct \`switch\``);
  if (!added.some((object) => textAt(object, "kind") === "Job"))
    return none(
      `with ${shown} the chart adds no Job before an upgrade: correct \`switch\`, or use a chart that has one`,
    );
  return { hooks: new Sealed(added), names, fault: undefined };
}

/** Hooks that helm would not take out of its way, by kind. */
export function stayingHooks({ hooks }: JobHooks, kind: "Job" | "Secret"): readonly string[] {
  return hooks.open().flatMap((object) => {
    const policy = annotation(object, "helm.sh/hook-delete-policy");
    const stays = policy !== undefined && !policy.includes("before-hook-creation");
    const name = textAt(mapAt(object, "metadata"), "name");
    return stays && textAt(object, "kind") === kind && name !== undefined ? [name] : [];
  });
}

/** All Jobs among the hooks. */
export function jobsAmong({ hooks }: JobHooks): readonly string[] {
  return hooks.open().flatMap((object) => {
    const name = textAt(mapAt(object, "metadata"), "name");
    return textAt(object, "kind") === "Job" && name !== undefined ? [name] : [];
  });
}

function eventsOf(object: JsonObject): string {
  return annotation(object, "helm.sh/hook") ?? "";
}

function annotation(object: JsonObject, name: string): string | undefined {
  return textAt(mapAt(mapAt(object, "metadata"), "annotations"), name);
}

function none(fault: string): JobHooks {
  return { hooks: new Sealed([]), names: [], fault };
}
