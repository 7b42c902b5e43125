import type { Proposal, ProposedKey, ProposedSecret } from "../core/migration/proposal.ts";
import { takeInventory } from "../operations/migrate/takeInventory.ts";
import type { CommandContext, ExitCode, Terminal } from "./context.ts";
import { chosenBy, type MigrateOptions, requireNoScope } from "./migrate.ts";
import { withApp } from "./openApp.ts";
import { styleFor, table, wrap } from "./style.ts";

/** `migrate plan`: Secrets, readers, owners and value paths; names and sizes only. */
export async function migratePlanCommand(
  secrets: readonly string[],
  options: MigrateOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { terminal, signal } = context;
  if (options.from !== undefined) {
    requireNoScope(secrets, options);
    const run = { ...options, yes: false, dryRun: false, dir: "" };
    return await (await import("./migrateStores.ts")).migrateStoresCommand("plan", run, context);
  }
  return await withApp("plan", { ...options, output: "text" }, context, async (app): Promise<ExitCode> => {
    const { scope } = await chosenBy(secrets, options, app);
    const ports = await app.portsOf(options.cluster);
    const cluster = await app.cluster(options.cluster);
    const { proposal } = await takeInventory({ cluster, releases: ports.releases }, scope, signal);
    const shown = { command: "migrate plan", ...proposal };
    if (options.output === "json") terminal.out(`${JSON.stringify(shown, undefined, 2)}\n`);
    else if (options.output === "yaml") terminal.out((await import("yaml")).stringify(shown));
    else printProposal(proposal, terminal);
    return 0;
  });
}

/** The proposal for people. */
export function printProposal(proposal: Proposal, terminal: Terminal): void {
  const style = styleFor(terminal.color);
  const rows = proposal.secrets.flatMap(secretRows);
  if (rows.length > 0) {
    const heads = ["SECRET", "KEY", "BYTES", "TO", "VALUE PATHS"].map((head) => style("strong", head));
    terminal.out(`${table([heads, ...rows])}\n\n`);
  }
  for (const { namespace, name, readers } of proposal.secrets.filter((one) => one.readers.length > 0)) {
    const list = readers.map(({ object, by }) => `${object} (${by.join(", ")})`).join(", ");
    terminal.out(`${wrap(`${namespace}/${name} is read by ${list}`, terminal.columns, "")}\n`);
  }
  const warnings = [
    ...proposal.secrets.flatMap(({ namespace, name, warnings: own }) =>
      own.map((one) => `${namespace}/${name}: ${one}`),
    ),
    ...proposal.releases.flatMap(({ namespace, name, warnings: own }) =>
      own.map((one) => `release ${namespace}/${name}: ${one}`),
    ),
    ...proposal.notSeen.map((one) => `not looked at: ${one}`),
  ];
  for (const warning of warnings)
    terminal.out(`${style("warn", "!")} ${wrap(warning, terminal.columns - 2, "  ").trimStart()}\n`);
  for (const { namespace, name, why } of proposal.skipped)
    terminal.out(`${style("faint", `skipped ${namespace}/${name}: ${why}`)}\n`);
  terminal.out(`${summaryOf(proposal)}\n`);
}

function summaryOf({ secrets, skipped, releases }: Proposal): string {
  const keys = secrets.flatMap((one) => one.keys);
  const bytes = keys.reduce((sum, key) => sum + key.bytes, 0);
  const mapped = releases.reduce((sum, { mappings }) => sum + mappings.length, 0);
  return `Migrate plan: ${secrets.length} Secrets with ${keys.length} keys (${bytes} bytes), ${mapped} value paths of ${releases.length} releases, ${skipped.length} skipped.`;
}

function secretRows(secret: ProposedSecret): string[][] {
  const { namespace, name, type, release, path, keys } = secret;
  const owner = release === undefined ? "" : ` of ${release}`;
  return keys.map((key, index) => [
    index === 0 ? `${namespace}/${name} (${type.replace("kubernetes.io/", "")}${owner})` : "",
    key.key,
    `${key.bytes}${key.content === "binary" ? " binary" : ""}`,
    index === 0 ? path : "",
    placesOf(key),
  ]);
}

function placesOf({ places }: ProposedKey): string {
  return places
    .map(({ release, path, form }) => `${release} ${path}${form === "same" ? "" : ` (${FORMS[form]})`}`)
    .join(", ");
}

const FORMS = { same: "", base64: "base64", holds: "inside", partOf: "a part of it" } as const;
