import { HelmwardenError } from "../../errors.ts";
import { type HttpClient, jsonOf } from "../http.ts";
import { isEventStream } from "../httpLines.ts";
import type { Listen } from "../keepListening.ts";
import { answerOf, requestError, shapeError } from "./faults.ts";
import type { InfisicalOptions } from "./options.ts";
import type { ProjectLookup } from "./project.ts";
import { EventData } from "./schema.ts";
import { normalPath } from "./secretList.ts";
import type { WithToken } from "./sender.ts";

const ROUTE = "/api/v1/events/subscribe/project-events";
const EVENTS = ["secret:create", "secret:update", "secret:delete", "secret:import-mutation"];
/** The server pings every 15 s. */
const SILENCE_MS = 120_000;

export interface EventStreamParts {
  readonly options: InfisicalOptions;
  readonly subject: string;
  readonly http: HttpClient;
  readonly withToken: WithToken;
  readonly project: ProjectLookup;
}

/**
 * The project's events (Enterprise) of all folders of our environment, as server-sent events. "none": not in this plan
 * or version, or the project's id is not shown to us. The server ends a stream after an hour.
 */
export function createEventStream({ options, subject, http, withToken, project }: EventStreamParts): Listen {
  const { environment } = options;
  return async ({ opened, moved }, signal) => {
    const projectId = await project.id(signal);
    if (projectId === undefined) return "none";
    const conditions = { environmentSlug: environment, secretPath: "/**" };
    const json = { projectId, register: EVENTS.map((event) => ({ event, conditions })) };
    const line = eventReader((name, data) => {
      if (name.startsWith("secret:")) for (const path of movedPaths(data, environment)) moved(path);
    });
    const lines = { open: opened, line, silenceMs: options.silenceMs ?? SILENCE_MS };
    const response = await withToken((bearer) => {
      const headers = { ...bearer, accept: "text/event-stream" };
      return http.stream({ method: "POST", path: ROUTE, headers, json }, lines, signal);
    }, signal);
    if (isEventStream(response)) return "ended";
    const answer = answerOf(response);
    if (answer.noRoute || (answer.status === 400 && answer.refusal !== undefined)) return "none";
    if (answer.status === 403 && answer.refusal !== undefined) throw eventsDenied(subject);
    throw answer.status < 400 ? shapeError(subject) : requestError(subject, answer);
  };
}

/** Takes lines of server-sent events, and gives each event with its data. A ping has none. */
function eventReader(give: (name: string, data: string) => void): (line: string) => void {
  let [name, data] = ["", ""];
  return (line) => {
    if (line.startsWith("event: ")) name = line.slice(7);
    else if (line.startsWith("data: ")) data = line.slice(6);
    else if (line === "") {
      give(name, data);
      [name, data] = ["", ""];
    }
  };
}

/** The folders of our environment that it names; undefined among them: it is in a form that we do not know. */
function movedPaths(data: string, environment: string): ReadonlySet<string | undefined> {
  const event = EventData.safeParse(jsonOf({ body: Buffer.from(data) }));
  if (!event.success) return new Set([undefined]);
  const ours = event.data.filter((item) => item.environment === environment);
  return new Set(ours.map((item) => normalPath(item.secretPath)));
}

function eventsDenied(subject: string): HelmwardenError {
  const advice = "Give its role the permission Secret Events for this environment, or take `events` out.";
  return new HelmwardenError("StoreDenied", `${subject} does not let this identity subscribe to events. ${advice}`);
}
