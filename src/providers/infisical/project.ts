import { jsonOf } from "../http.ts";
import { answerOf, requestError, shapeError } from "./faults.ts";
import { singleFlight } from "../singleFlight.ts";
import type { InfisicalOptions } from "./options.ts";
import { Project } from "./schema.ts";
import type { Sender } from "./sender.ts";

export interface ProjectLookup {
  /** A slug is looked up once, as v4 takes ids only. Undefined: a server that has neither this lookup nor v4. */
  id(signal: AbortSignal): Promise<string | undefined>;
  /** Whether the project has our environment; undefined where the server does not tell. */
  hasEnvironment(signal: AbortSignal): Promise<boolean | undefined>;
}

export function createProjectLookup(
  options: InfisicalOptions,
  subject: string,
  send: Sender,
  life: AbortSignal,
): ProjectLookup {
  const { project, environment } = options;
  let known: { readonly id: string | undefined } | undefined = "id" in project ? project : undefined;

  const findBySlug = singleFlight(async (signal) => {
    const slug = "slug" in project ? project.slug : "";
    known = { id: (await get(`/api/v1/projects/slug/${encodeURIComponent(slug)}`, signal))?.id };
    return known.id;
  }, life);

  /** Undefined: the server does not have this route, or does not show it to us. */
  async function get(path: string, signal: AbortSignal): Promise<Project | undefined> {
    const response = await send(path, undefined, signal);
    const answer = answerOf(response);
    // To see the project's settings is a permission of its own: who reads secrets need not have it.
    if (answer.noRoute || (answer.status === 403 && answer.refusal === "PermissionDenied")) return undefined;
    if (response.status !== 200) throw requestError(subject, answer);
    const found = Project.safeParse(jsonOf(response));
    if (!found.success) throw shapeError(subject);
    return found.data;
  }

  async function id(signal: AbortSignal): Promise<string | undefined> {
    return known === undefined ? findBySlug(signal) : known.id;
  }

  return {
    id,
    async hasEnvironment(signal) {
      const projectId = await id(signal);
      if (projectId === undefined) return undefined;
      const found = await get(`/api/v1/projects/${encodeURIComponent(projectId)}`, signal);
      return found?.environments.includes(environment);
    },
  };
}
