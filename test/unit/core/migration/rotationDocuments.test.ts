import { expect, test } from "vitest";
import { parseConfig } from "../../../../src/config/load.ts";
import type { ProposedKey, ProposedRelease, ProposedSecret } from "../../../../src/core/migration/proposal.ts";
import { rotationText } from "../../../../src/core/migration/rotationDocuments.ts";

const STORE = `apiVersion: helmwarden.dev/v1alpha1
kind: SecretStore
metadata: { name: vault }
spec: { vault: { address: "https://vault.example.com", mount: secret, auth: { token: { fromEnv: T } } } }
`;
const keyOf = (key: string, more: Partial<ProposedKey> = {}): ProposedKey => ({
  key,
  bytes: 24,
  content: "text",
  places: [],
  ...more,
});
const secretOf = (name: string, keys: readonly ProposedKey[], release?: string): ProposedSecret => ({
  namespace: "web",
  name,
  type: "Opaque",
  release,
  path: `web/${name}`,
  keys,
  readers: [],
  warnings: [],
});
const same = (path: string, from: string, key: string) =>
  ({ path, type: "string", form: "same", from: { path: `web/${from}`, key } }) as const;

const secrets = [
  secretOf("raw", [
    keyOf("DB_PASSWORD"),
    keyOf("db.password", { bytes: 900 }),
    keyOf("API_KEY", { bytes: 4 }),
    keyOf("username"),
    keyOf("token", { content: "binary" }),
    keyOf("tls.key"),
    keyOf("ENCRYPTION_KEY"),
    keyOf("left-out-token"),
  ]),
  secretOf("n8n", [keyOf("password"), keyOf("drawn-password"), keyOf("k")], "web/n8n"),
];
const releases: ProposedRelease[] = [
  {
    namespace: "web",
    name: "n8n",
    chart: { name: "n8n", version: "1.0.0" },
    revision: 1,
    mappings: [
      same("db.password", "n8n", "password"),
      same("config.encryption_key", "n8n", "k"),
      { ...same("url", "n8n-values", "url"), note: "holds password" },
    ],
    warnings: [],
  },
];
const text = rotationText({
  store: "vault",
  cluster: "default",
  every: "90d",
  secrets,
  releases,
  has: (_, key) => key !== "left-out-token",
});

test("a policy stands for each credential, out of force until somebody has read it", () => {
  expect(text.replaceAll(/^#.*\n/gm, "")).toBe("---\n");
  expect(parseConfig([{ name: "all.yaml", text: STORE + text }], ".").rotations).toEqual([]);

  const inForce = text.replaceAll(/^# /gm, "");
  const { rotations } = parseConfig([{ name: "all.yaml", text: STORE + inForce }], ".");
  expect(rotations.map(({ name, secret, every }) => ({ name, at: `${secret.path}#${secret.key}`, every }))).toEqual([
    { name: "raw-db-password", at: "web/raw#DB_PASSWORD", every: { kind: "interval", ms: 90 * 86_400_000 } },
    { name: "raw-api-key", at: "web/raw#API_KEY", every: { kind: "interval", ms: 90 * 86_400_000 } },
    { name: "n8n-password", at: "web/n8n#password", every: { kind: "interval", ms: 90 * 86_400_000 } },
  ]);
  expect(rotations.map(({ generate }) => (generate.kind === "password" ? generate.length : 0))).toEqual([24, 16, 24]);
});

test("a key that encrypts data gets none, by its name or by its chart, and why is said", () => {
  for (const one of ["ENCRYPTION_KEY of Secret web/raw", "k of config.encryption_key of release web/n8n"]) {
    expect(text).toContain(`No policy for ${one}: it looks like a key that encrypts data`);
  }
});

test("nothing that looks like a credential: not a word", () => {
  const input = { store: "vault", cluster: "default", every: "90d", releases: [], has: () => true };
  expect(rotationText({ ...input, secrets: [secretOf("raw", [keyOf("username")])] })).toBe("");
});
