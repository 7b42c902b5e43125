import { createHash } from "node:crypto";

/** The longest name that Kubernetes takes. */
const LONGEST_NAME = 253;

/** Whoever an object of ours is about: a release, a Secret or a store. */
interface About {
  readonly kind: string;
  readonly name: string;
}

/**
 * The name of a subject's status ConfigMap and of its Lease: `helmwarden-release-NAME`, its end replaced by a hash
 * where Kubernetes finds it too long.
 */
export function ownObjectName({ kind, name: subject }: About): string {
  const name = `helmwarden-${kind.toLowerCase()}-${subject}`;
  if (name.length <= LONGEST_NAME) return name;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 16);
  return `${name.slice(0, LONGEST_NAME - 1 - hash.length).replace(/[^a-z0-9]+$/, "")}-${hash}`;
}
