import { gunzipSync, gzipSync } from "node:zlib";
import { z } from "zod";
import { Sealed } from "../core/secretValue.ts";
import { HelmwardenError } from "../errors.ts";
import type { GetSecret, PatchStored, Releases } from "../ports.ts";

/** A release's JSON of which only the status is looked at: everything else goes back as it was. */
const StoredJson = z.looseObject({ info: z.looseObject({ status: z.string() }) });

/** Rewrites a pending revision as failed, in the label and in the JSON: helm reads both. */
export function createUnlock(getSecret: GetSecret, patchStored: PatchStored): Releases["unlock"] {
  return async ({ key, last }, signal) => {
    const name = `sh.helm.release.v1.${key.name}.v${last.revision}`;
    const stored = await getSecret(key.namespace, name, signal);
    const encoded = stored?.data.open()["release"];
    if (stored === undefined || encoded === undefined || stored.resourceVersion !== last.resourceVersion) throw moved();
    const release = StoredJson.parse(JSON.parse(unpack(encoded)));
    if (!release.info.status.startsWith("pending-")) throw moved();
    const description = `Release unlocked by helmwarden from stale '${release.info.status}' state`;
    const failed = { ...release, info: { ...release.info, status: "failed", description } };
    await patchStored(
      {
        ...stored,
        labels: { ...stored.labels, status: "failed" },
        data: new Sealed({ release: pack(JSON.stringify(failed)) }),
      },
      signal,
    );
  };
}

/** The API's base64 around Helm's base64 around gzip, or around plain JSON in old releases. */
function unpack(encoded: string): string {
  const bytes = Buffer.from(Buffer.from(encoded, "base64").toString("latin1"), "base64");
  return (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString("utf8");
}

function pack(json: string): string {
  return Buffer.from(gzipSync(json, { level: 9 }).toString("base64")).toString("base64");
}

function moved(): HelmwardenError {
  return new HelmwardenError(
    "ReleaseConflict",
    "The locked revision has moved meanwhile. Nothing was changed; the next pass looks again.",
  );
}
