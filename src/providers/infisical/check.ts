import { toHelmwardenError } from "../../errors.ts";
import type { CheckLine, Store } from "../../ports.ts";
import type { HttpClient } from "../http.ts";
import { jsonOf } from "../http.ts";
import { answerOf, environmentError, requestError, shapeError } from "./faults.ts";
import type { InfisicalOptions } from "./options.ts";
import type { ProjectLookup } from "./project.ts";
import { Status } from "./schema.ts";
import type { Session } from "./session.ts";

export interface Checked {
  readonly options: InfisicalOptions;
  readonly subject: string;
  readonly http: HttpClient;
  readonly session: Session;
  readonly project: ProjectLookup;
  readonly readPath: Store["readPath"];
}

/** See Store.check: how far one gets, and what to do where it ends. */
export async function checkInfisical(
  { options, subject, http, session, project, readPath }: Checked,
  signal: AbortSignal,
): Promise<CheckLine> {
  let end = "cannot be reached";
  try {
    await reach(http, subject, signal);
    end = "is reachable, but does not let us log in";
    await session.token(signal);
    end = "lets us log in, but not read this environment of the project";
    const found = await project.hasEnvironment(signal);
    if (found === false) throw environmentError(subject, options.environment);
    // Where the project itself is not shown to us, its root folder is what every environment has.
    if (found === undefined) await readPath("/", signal);
    const message = `${subject} lets us log in, and the project has the environment ${options.environment}`;
    return { subject: `store ${options.name}`, ok: true, message };
  } catch (caught) {
    const advice = toHelmwardenError(caught).message;
    return { subject: `store ${options.name}`, ok: false, message: `${subject} ${end}.`, advice };
  }
}

/** Needs no token. */
async function reach(http: HttpClient, subject: string, signal: AbortSignal): Promise<void> {
  const response = await http.send({ method: "GET", path: "/api/status" }, signal);
  if (response.status !== 200) throw requestError(subject, answerOf(response));
  if (!Status.safeParse(jsonOf(response)).success) throw shapeError(subject);
}
