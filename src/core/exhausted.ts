import { HelmwardenError } from "../errors.ts";

/** For the default branch of a switch that handles every case: a new case becomes a type error here. */
export function exhausted(value: never): never {
  throw new HelmwardenError("Internal", `A case is not handled (${typeof value}): report this bug.`);
}
