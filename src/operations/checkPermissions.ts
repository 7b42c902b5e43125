import { type PermissionsInput, permissionsOf } from "../core/permissions.ts";
import type { Permission } from "../core/permission.ts";
import type { Access, AccessQuestion, CheckLine } from "../ports.ts";
import { inLanes } from "./lanes.ts";

const QUESTIONS_AT_ONCE = 8;

/** Asks the API server for everything that this configuration needs, namespace by namespace; one line each. */
export async function* checkPermissions(
  access: Access,
  input: PermissionsInput,
  signal: AbortSignal,
): AsyncGenerator<CheckLine> {
  for (const { namespace, permissions } of permissionsOf(input)) {
    const questions = permissions.flatMap((permission) => questionsOf(permission, namespace));
    const denied = new Map<string, Set<string>>();
    await inLanes(questions, QUESTIONS_AT_ONCE, async ({ question, reason }) => {
      if (await access.can(question, signal)) return;
      const { group, resource, name, verb } = question;
      const what = `${resource}${group === "" ? "" : `.${group}`}${name === undefined ? "" : `/${name}`} (${reason})`;
      denied.set(what, (denied.get(what) ?? new Set()).add(verb));
    });
    const missing = [...denied].map(([what, verbs]) => `${[...verbs].join(", ")} ${what}`);
    const subject = namespace === undefined ? "permissions on the whole cluster" : `permissions in ${namespace}`;
    if (missing.length === 0) yield { subject, ok: true, message: "all that is needed" };
    else {
      const advice = "`helmwarden rbac` prints the Roles for this configuration; apply them as an administrator.";
      yield { subject, ok: false, message: `missing ${missing.join("; ")}`, advice };
    }
  }
}

function questionsOf(
  { group, resource, verbs, names, reason }: Permission,
  namespace: string | undefined,
): { readonly question: AccessQuestion; readonly reason: string }[] {
  const where = namespace === undefined ? {} : { namespace };
  return verbs.flatMap((verb) =>
    (names?.map((name) => ({ name })) ?? [{}]).map((one) => ({
      question: { verb, group, resource, ...where, ...one },
      reason,
    })),
  );
}
