// A system of the user's, as docs/rotation-targets.md asks for one, that learns values by signed steps.
import { canary } from "./canary.ts";
import { startReceiver } from "./keyService.ts";
import { signs } from "./signed.ts";

interface Step {
  readonly rotation: string;
  readonly step: "set" | "test" | "undo" | "retire" | "check";
  readonly value?: string;
}

export async function startSignedSteps() {
  const secret = canary("webhook-secret");
  /** What is valid, by the rotation that brought it. */
  const values = new Map<string, string>();
  const works = (value: string | undefined): boolean => value !== undefined && [...values.values()].includes(value);
  const receiver = await startReceiver((received) => {
    if (!signs(secret, received)) return { status: 401 };
    const { rotation, step, value } = JSON.parse(received.body) as Step;
    if (step === "test")
      return { status: 200, body: JSON.stringify({ result: works(value) ? "accepted" : "refused" }) };
    if (step === "set") values.set(rotation, value ?? "");
    if (step === "undo") values.delete(rotation);
    if (step === "retire") for (const other of values.keys()) if (other !== rotation) values.delete(other);
    return { status: 204 };
  });
  return { ...receiver, secret, values, works };
}
