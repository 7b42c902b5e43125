import { HelmwardenError } from "../../errors.ts";
import type { Store } from "../../ports.ts";
import { jsonOf } from "../http.ts";
import type { HttpResponse } from "../httpExchange.ts";
import type { KvClient } from "./kvClient.ts";
import { encodePath } from "./paths.ts";
import { Names } from "./schema.ts";

/**
 * Every path of the mount below a prefix ("": all of it), one LIST a folder. KV 2 lists also those whose newest version
 * is deleted. StoreDenied for the first folder that may not be listed: a part would look like the whole.
 */
export function createListPaths(
  kv: KvClient,
  mount: string,
  subject: string,
  discover: (signal: AbortSignal) => Promise<1 | 2>,
): NonNullable<Store["listPaths"]> {
  return async (below, signal) => {
    const part = (await discover(signal)) === 2 ? "/metadata/" : "/";
    const found: string[] = [];
    const folders = [below];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      const [at, shown] = folder === "" ? ["", ""] : [`${encodePath(folder)}/`, `${folder}/`];
      const response = await kv.list(encodePath(mount) + part + at, mount + part + shown, signal);
      if (response.status === 404) continue;
      for (const name of namesIn(response, `${subject} lists ${mount}/${shown}`)) {
        if (name.endsWith("/")) folders.push(shown + name.slice(0, -1));
        else found.push(shown + name);
      }
    }
    return found.sort();
  };
}

function namesIn(response: HttpResponse, what: string): readonly string[] {
  const names = Names.safeParse(jsonOf(response));
  if (names.success) return names.data.data.keys;
  throw new HelmwardenError(
    "StoreInvalid",
    `${what} in a form that Vault does not use. See whether the address is Vault's and not a proxy's.`,
  );
}
