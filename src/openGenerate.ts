import type { Generate } from "./ports.ts";

/** Makes new values without a configuration, for a person. */
export async function openGenerate(): Promise<Generate> {
  const { createGenerate } = await import("./generators/createGenerate.ts");
  return createGenerate();
}
