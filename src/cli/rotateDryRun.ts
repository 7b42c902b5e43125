import type { App } from "../app.ts";
import type { RotationPolicy } from "../core/rotation/policy.ts";
import { formatRef } from "../core/secretRef.ts";
import { formatValuePath } from "../core/valuePath.ts";
import { createLog } from "../log.ts";
import { openRotation } from "../openRotation.ts";
import { foreseeRotation } from "../operations/rotate/foreseeRotation.ts";
import { obstacleIn } from "../operations/rotate/foresee.ts";
import type { ExitCode, Terminal } from "./context.ts";
import { styleFor, wrap } from "./style.ts";

/** `rotate --dry-run`: each step as it would be, and what stands in its way. Nothing is written anywhere. */
export async function foretell(
  app: App,
  policies: readonly RotationPolicy[],
  terminal: Terminal,
  signal: AbortSignal,
): Promise<ExitCode> {
  const style = styleFor(terminal.color);
  let obstacles = 0;
  for (const policy of policies) {
    const log = createLog("error", { write: terminal.err });
    const open = await openRotation(app, policy, log, () => undefined, signal);
    try {
      const seen = await foreseeRotation(open.ports, policy, signal);
      const blocked = seen.refused ?? seen.dependents.flatMap((one) => obstacleIn(one) ?? [])[0];
      if (blocked !== undefined) obstacles += 1;
      const names = seen.dependents.map(({ subject }) => subject).join(", ") || "nothing reads it";
      const target = targetText(policy);
      const lines = [
        `create  a new ${policy.generate.kind}, kept beside ${formatRef(policy.secret)}`,
        `set     ${target === undefined ? "no target: nothing has to learn it first" : target}`,
        `test    ${testText(policy)}`,
        `finish  ${names}`,
        "retire  the old value, once every pod runs with the new one",
      ];
      terminal.out(`${style("strong", `rotation ${policy.namespace}/${policy.name}`)}\n`);
      for (const line of lines) terminal.out(`${wrap(line, terminal.columns, "  ")}\n`);
      if (blocked !== undefined) terminal.out(`${wrap(`! ${blocked}`, terminal.columns, "  ")}\n`);
    } finally {
      await open.close();
    }
  }
  terminal.out("Dry run: nothing was written.\n");
  return obstacles > 0 ? 2 : 0;
}

function testText({ target }: RotationPolicy): string {
  if (target.kind === "none") return "none";
  if (target.kind !== "chartJob") return "a login with the new value";
  if (target.login === undefined) return "whether the release holds the new value: no login proves it";
  const { kind, host, port, user } = target.login;
  return `a login at ${kind} ${host}:${port}, user ${user}`;
}

function targetText({ target }: RotationPolicy): string | undefined {
  switch (target.kind) {
    case "none":
      return undefined;
    case "postgres":
    case "mariadb":
    case "mysql":
      return `${target.kind} ${target.host}:${target.port}, strategy ${target.strategy.kind}`;
    case "redis":
      return `redis ${target.host}:${target.port}, user ${target.user}`;
    case "chartJob":
      return `helm upgrade with the new value and ${formatValuePath(target.switch)}, then one that switches it off again`;
    case "http":
      return `http ${target.create.method}`;
    case "vaultSecretId":
      return `AppRole ${target.role} of store ${target.store}`;
    case "infisicalClientSecret":
      return `identity ${target.identityId} of store ${target.store}`;
    case "webhook":
      return `webhook ${target.url}`;
  }
}
