import { whyNotRotated } from "../notRotatable.ts";
import type { ProposedKey, ProposedRelease, ProposedSecret } from "./proposal.ts";

/** A key in the store whose value a policy might change, and where that value goes. */
interface Candidate {
  readonly namespace: string;
  readonly path: string;
  readonly key: string;
  readonly bytes: number;
  /** For people: `Secret web/shop`, or the value path of a release. */
  readonly of: string;
  readonly isDataAtRest: boolean;
}

export interface RotationInput {
  readonly store: string;
  readonly cluster: string;
  /** A duration such as 90d. */
  readonly every: string;
  readonly secrets: readonly ProposedSecret[];
  readonly releases: readonly ProposedRelease[];
  readonly has: (path: string, key: string) => boolean;
}

const CREDENTIAL = /pass|pwd|secret|token|api[._-]?key|access[._-]?key|credential|salt|(^|[._-])(key|auth|pin)$/i;
const NO_CREDENTIAL = /user(name)?$|\.(crt|pem|key|json|ya?ml|conf|pub)$|^ssh-|certificate|dockerconfig|publickey/i;
/** Longer texts are files. */
const LONGEST = 256;
const [SHORTEST_PASSWORD, LONGEST_PASSWORD] = [16, 64];

/**
 * A RotationPolicy for each key that looks like a credential, commented out: a value that something else checks may
 * only change together with it, and what that is stands in no Secret. A key that encrypts data gets none, and a word why.
 */
export function rotationText(input: RotationInput): string {
  const found = [...input.secrets.flatMap(inSecret), ...input.releases.flatMap((one) => inRelease(one, input.secrets))];
  const own = new Map(
    found.filter(({ path, key }) => input.has(path, key)).map((one) => [`${one.path}#${one.key}`, one]),
  );
  if (own.size === 0) return "";
  const names = new Set<string>();
  const blocks = [...own.values()].map((one) =>
    one.isDataAtRest ? refusal(one) : policy(input, one, newName(one, names)),
  );
  return [`---\n${HEAD}`, ...blocks].join("##\n");
}

const HEAD = [
  "## Rotation: nothing of it is in force. For each secret, say first what checks its value (`target`: a database, an API):",
  "## with `none` only the store, and what is synced from it, learns a new one. Then take the `# ` away from its lines.",
  "",
].join("\n");

function policy(
  { store, cluster, every }: RotationInput,
  { namespace, path, key, of, bytes }: Candidate,
  name: string,
) {
  const length = Math.min(Math.max(bytes, SHORTEST_PASSWORD), LONGEST_PASSWORD);
  const inCluster = cluster === "default" ? [] : [`  cluster: ${quote(cluster)}`];
  const lines = [
    "---",
    "apiVersion: helmwarden.dev/v1alpha1",
    "kind: RotationPolicy",
    `metadata: { name: ${quote(name)}, namespace: ${quote(namespace)} }`,
    "spec:",
    ...inCluster,
    `  secret: { store: ${quote(store)}, path: ${quote(path)}, key: ${quote(key)} }`,
    `  every: ${quote(every)}`,
    `  generate: { password: { length: ${length} } }`,
    "  target: { none: {} }",
  ];
  return `## ${key} of ${of}.\n${lines.map((line) => `# ${line}\n`).join("")}`;
}

function refusal({ key, of }: Candidate): string {
  return `## No policy for ${key} of ${of}: it looks like a key that encrypts data, which another value makes unreadable.\n`;
}

/** Only what a SecretSync brings back; of a release's own Secret, the mapped values are looked at instead. */
function inSecret({ namespace, name, path, release, keys }: ProposedSecret): Candidate[] {
  if (release !== undefined) return [];
  return keys.filter(isCredential).map(({ key, bytes }) => ({
    namespace,
    path,
    key,
    bytes,
    of: `Secret ${namespace}/${name}`,
    isDataAtRest: whyNotRotated(key) !== undefined,
  }));
}

/** A value that only holds a secret is made of more than a generator makes. */
function inRelease(
  { namespace, name, chart, mappings }: ProposedRelease,
  secrets: readonly ProposedSecret[],
): Candidate[] {
  return mappings.flatMap(({ path: valuePath, from, note }): Candidate[] => {
    const source = secrets.find(({ path }) => path === from.path)?.keys.find(({ key }) => key === from.key);
    if (note !== undefined || source === undefined) return [];
    const last = valuePath.split(".").at(-1) ?? valuePath;
    if (!isCredential(source) && !isCredential({ ...source, key: last })) return [];
    const isDataAtRest = (whyNotRotated(from.key) ?? whyNotRotated(valuePath, chart)) !== undefined;
    return [
      { namespace, ...from, bytes: source.bytes, of: `${valuePath} of release ${namespace}/${name}`, isDataAtRest },
    ];
  });
}

function isCredential({ key, bytes, content }: ProposedKey): boolean {
  const isNamed = whyNotRotated(key) !== undefined || (CREDENTIAL.test(key) && !NO_CREDENTIAL.test(key));
  return isNamed && content === "text" && bytes <= LONGEST;
}

function newName({ path, key }: Candidate, taken: Set<string>): string {
  const words = `${path.split("/").at(-1) ?? ""}-${key}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  const name = words.replaceAll(/^-|-$/g, "").slice(0, 200);
  let free = name;
  for (let count = 2; taken.has(free); count += 1) free = `${name}-${count}`;
  taken.add(free);
  return free;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
