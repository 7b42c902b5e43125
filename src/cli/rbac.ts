import { permissionsOf } from "../core/permissions.ts";
import { formatKey } from "../core/release.ts";
import { roleObjects, rolesAsValues, rolesAsYaml, type ServiceAccountRef } from "../core/roles.ts";
import { HelmwardenError } from "../errors.ts";
import { deployedObjects } from "../operations/deployedObjects.ts";
import { withJobHooks } from "../operations/rotate/withJobHooks.ts";
import type { CommandContext, ExitCode } from "./context.ts";
import { withApp } from "./openApp.ts";
import type { CommandOptions } from "./program.ts";

export interface RbacOptions extends Omit<CommandOptions, "output"> {
  readonly output: "yaml" | "json" | "values";
  readonly cluster: string;
  readonly create: boolean;
  readonly serviceAccount?: string;
}

const HEAD = `# What helmwarden needs on this cluster for this configuration, and nothing else.
# Run \`helmwarden rbac\` again when the configuration changes, or when a chart's new version has other objects.
# Objects of a chart that are not there (deleted, or named after a value) are not made under these Roles: see --create.
# A chart that calls \`lookup\` needs get (and list) for what it looks up, unless that is here already.
`;

/** `rbac`: the Roles for exactly this configuration, from what is deployed. Changes nothing. */
export async function rbacCommand(options: RbacOptions, context: CommandContext): Promise<ExitCode> {
  const { terminal, signal } = context;
  const account = accountOf(options.serviceAccount);
  return await withApp("plan", { ...options, output: "text" }, context, async ({ config, namespace, portsOf }) => {
    const { cluster } = options;
    const releases = config.releases.filter(({ key, suspend }) => key.cluster === cluster && !suspend);
    const ports = await portsOf(cluster);
    const deployed = await deployedObjects(ports.releases, releases, signal);
    const objects = await withJobHooks(ports, config, deployed, signal);
    const home = account?.namespace ?? namespace;
    const needs = permissionsOf({ config, cluster, home, deployed: objects, creates: options.create });
    const unknown = releases.map(({ key }) => key).filter((key) => !deployed.has(formatKey(key)));
    for (const key of unknown)
      terminal.err(`helmwarden: ${formatKey(key)} is not there or not readable: its chart's objects are left out.\n`);
    if (options.output === "json") {
      const list = { apiVersion: "v1", kind: "List", items: roleObjects(needs, account) };
      terminal.out(`${JSON.stringify(list, undefined, 2)}\n`);
    } else terminal.out(`${HEAD}${options.output === "values" ? rolesAsValues(needs) : rolesAsYaml(needs, account)}`);
    const others = new Set([
      ...config.releases.map(({ key }) => key.cluster),
      ...[...config.secrets, ...config.rotations].map((one) => one.cluster),
    ]);
    others.delete(cluster);
    if (others.size > 0)
      terminal.err(`helmwarden: other clusters need Roles of their own: --cluster ${[...others].join(", ")}.\n`);
    return unknown.length === 0 ? 0 : 1;
  });
}

function accountOf(text: string | undefined): ServiceAccountRef | undefined {
  if (text === undefined) return undefined;
  const [namespace, name, more] = text.split("/");
  if (namespace && name && more === undefined) return { namespace, name };
  throw new HelmwardenError("UsageInvalid", "--service-account is written as NAMESPACE/NAME.");
}
