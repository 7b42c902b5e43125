import { createHash, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import type { Generator } from "../core/rotation/policy.ts";

type KeyPairSpec = Extract<Generator, { kind: "rsa" | "ed25519" }>;
type Pair = { readonly privateKey: KeyObject; readonly publicKey: KeyObject };

const generate = promisify(generateKeyPair);

/** Both parts as text: PEM (PKCS #8 and SPKI), or JWK with the RFC 7638 thumbprint as `kid`. */
export async function makeKeyPair(spec: KeyPairSpec): Promise<{ readonly [Part in keyof Pair]: string }> {
  const pair: Pair =
    spec.kind === "rsa" ? await generate("rsa", { modulusLength: spec.bits }) : await generate("ed25519", {});
  if (spec.format === "pem") {
    return {
      privateKey: pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      publicKey: pair.publicKey.export({ type: "spki", format: "pem" }).toString(),
    };
  }
  const about = { kid: thumbprint(pair.publicKey), use: "sig", alg: spec.kind === "rsa" ? "RS256" : "EdDSA" };
  return {
    privateKey: JSON.stringify({ ...pair.privateKey.export({ format: "jwk" }), ...about }),
    publicKey: JSON.stringify({ ...pair.publicKey.export({ format: "jwk" }), ...about }),
  };
}

/** RFC 7638: the required members alone, by name. */
function thumbprint(publicKey: KeyObject): string {
  const { crv, e, kty, n, x } = publicKey.export({ format: "jwk" });
  const required = kty === "RSA" ? { e, kty, n } : { crv, kty, x };
  return createHash("sha256").update(JSON.stringify(required)).digest("base64url");
}
