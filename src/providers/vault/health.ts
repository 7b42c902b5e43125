import { HelmwardenError } from "../../errors.ts";
import { jsonOf } from "../http.ts";
import type { HttpClient } from "../http.ts";
import { Health } from "./schema.ts";

const ALWAYS_200 = "standbyok=true&perfstandbyok=true&sealedcode=200&uninitcode=200";

/**
 * After a 503, which may be Vault's, sealed or not initialised, or a proxy's: asks health, which needs no token.
 * Throws StoreUnavailable if Vault says what is wrong, and returns if it is something else.
 */
export async function explainUnavailable(http: HttpClient, subject: string, signal: AbortSignal): Promise<void> {
  const response = await http.send({ method: "GET", path: `/v1/sys/health?${ALWAYS_200}` }, signal);
  const health = Health.safeParse(jsonOf(response));
  if (!health.success || (health.data.initialized && !health.data.sealed)) return;
  const text = health.data.initialized ? "is sealed. Unseal it." : "is not initialised. Initialise it.";
  throw new HelmwardenError("StoreUnavailable", `${subject} ${text}`, { sealed: true });
}
