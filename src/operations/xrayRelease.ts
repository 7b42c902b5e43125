import { planOverlay } from "../core/overlay.ts";
import { formatKey } from "../core/release.ts";
import { Sealed } from "../core/secretValue.ts";
import type { ReleaseSync } from "../core/spec.ts";
import { formatValuePath } from "../core/valuePath.ts";
import { writtenValue } from "../core/wanted.ts";
import type { Xray } from "../core/xray.ts";
import { HelmwardenError } from "../errors.ts";
import type { Store } from "../ports.ts";
import { wantedValues } from "./observe.ts";
import { takeXray } from "./preflight.ts";
import type { ReleasePorts } from "./releasePorts.ts";
import { createStorePass } from "./storePass.ts";

/** Takes the X-ray of one release afresh, with the values that its stores hold now. Writes nothing. */
export async function xrayRelease(
  ports: ReleasePorts,
  spec: ReleaseSync,
  stores: ReadonlyMap<string, Store>,
  signal: AbortSignal,
): Promise<Xray> {
  const reading = await ports.releases.read(spec.key, signal);
  const base = reading.kind === "found" ? reading.release.base : undefined;
  if (base === undefined) {
    throw new HelmwardenError("ReleaseNotFound", `Helm has no deployed release ${formatKey(spec.key)} to look into.`);
  }
  const values = await wantedValues(spec, createStorePass(stores, signal));
  const wishes = values.map(({ path, type, value }) => {
    const where = formatValuePath(path);
    const written = value.kind === "hold" ? value : writtenValue(where, value.value, type, true);
    if (written.kind === "json") return { path, json: written.json };
    throw new HelmwardenError(
      "StoreInvalid",
      `${where} has no value to follow (${written.hold.reason}). ${written.hold.message}`,
    );
  });
  const planned = planOverlay(base.config.open(), base.defaults.open(), wishes);
  const chart = await ports.helm.chart(spec.chart, base.chart, signal);
  const upgrade = { base, overlay: new Sealed(planned.overlay), expected: new Sealed(planned.expected) };
  return await takeXray(ports, spec, values, upgrade, chart, "", signal);
}
