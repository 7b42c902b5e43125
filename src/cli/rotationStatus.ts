import type { RotationRow } from "../core/rotation/row.ts";
import { systemClock } from "../clock.ts";
import type { App } from "../app.ts";
import type { StatusRecord } from "../core/statusRecord.ts";
import { rotationRows } from "../operations/rotate/rotationRows.ts";
import type { CommandContext, ExitCode } from "./context.ts";
import { withApp } from "./openApp.ts";
import { formatRotations, type RotationForm } from "./rotationTable.ts";

export interface RotationStatusOptions {
  readonly config: string;
  readonly verbose: boolean;
  readonly output: RotationForm;
  readonly store?: string;
}

/** `rotation status`: where each policy stands, from what the stores say now. Exit code 2 where one is overdue. */
export async function rotationStatusCommand(
  names: readonly string[],
  options: RotationStatusOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { terminal, signal } = context;
  return await withApp("plan", { ...options, output: "text" }, context, async (app) => {
    const policies = app.config.rotations.filter(
      ({ name, namespace, secret }) =>
        (names.length === 0 || names.includes(name) || names.includes(`${namespace}/${name}`)) &&
        (options.store === undefined || secret.store === options.store),
    );
    const stores = await app.stores(policies.map(({ secret }) => secret.store));
    const now = systemClock.now();
    const rows = await rotationRows(policies, stores, await recordsOf(app, signal), now, signal);
    terminal.out(formatRotations(rows, options.output, terminal, now));
    return rows.some(isLate) ? 2 : 0;
  });
}

function isLate({ state }: RotationRow): boolean {
  return state === "overdue";
}

/** What came of the last tries, where the clusters tell. */
async function recordsOf(app: App, signal: AbortSignal): Promise<ReadonlyMap<string, StatusRecord>> {
  const clusters = Map.groupBy(app.config.rotations, ({ cluster }) => cluster);
  const found = await Promise.all(
    [...clusters].map(async ([name, policies]) => {
      const namespaces = [...new Set(policies.map(({ namespace }) => namespace))];
      try {
        return [...(await (await app.cluster(name)).statuses.list(namespaces, signal))];
      } catch {
        return [];
      }
    }),
  );
  return new Map(found.flat());
}
