import type { JsonObject } from "../json.ts";
import { scalarsOf } from "../positions.ts";
import type { Sealed, SecretValue } from "../secretValue.ts";
import { type TraceForm, traceIn } from "../trace.ts";

/** A rotated value that pods of a namespace hold in their own spec (an env value, an argument) instead of by reference. */
export interface Literal {
  readonly namespace: string;
  /** `whole`: the field is just the value. */
  readonly form: TraceForm;
}

/** The value that is to go, and the one that is to be everywhere. */
export interface Renewal {
  readonly old: SecretValue;
  readonly next: SecretValue;
}

/** Which of the two stands in a pod's own spec; undefined: neither. One that holds both still uses the old one. */
export function literalIn(spec: Sealed<JsonObject>, form: TraceForm, renewal: Renewal): "old" | "next" | undefined {
  const [old, next] = [renewal.old.reveal(), renewal.next.reveal()];
  const holds = (text: string, value: string): boolean => {
    const found = traceIn(text, value);
    return found === "whole" || (found === "part" && form === "part");
  };
  const texts = [...scalarsOf(spec.open(), "")].map(([, text]) => text);
  // A new value may begin with the old one, as a counter at its end makes it.
  if (texts.some((text) => holds(text, old) && (old.includes(next) || !holds(text, next)))) return "old";
  return texts.some((text) => holds(text, next)) ? "next" : undefined;
}
