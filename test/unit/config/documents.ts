import type { Config } from "../../../src/core/spec.ts";
import { HelmwardenError } from "../../../src/errors.ts";
import { parseConfig } from "../../../src/config/load.ts";

/** A configuration with every kind of document and most fields, which loads. Line 1 is the first document's. */
export const WHOLE = `apiVersion: helmwarden.dev/v1alpha1
kind: SecretStore
metadata: { name: vault }
spec:
  refreshInterval: 30s
  vault:
    address: https://vault.example.com:8200/
    namespace: team-a
    mount: secret
    version: 2
    caFile: ca.crt
    auth:
      kubernetes: { role: helmwarden }
---
apiVersion: helmwarden.dev/v1alpha1
kind: SecretStore
metadata: { name: infisical }
spec:
  maxLoss: 20%
  push: { token: { fromFile: push.token } }
  infisical:
    projectId: 6f1e
    environment: prod
    auth:
      universal:
        clientId: { fromEnv: ID }
        clientSecret: { fromSecret: { namespace: a, name: b, key: c } }
    webhook: { secret: { fromFile: webhook.secret } }
---
apiVersion: helmwarden.dev/v1alpha1
kind: ReleaseSync
metadata: { name: matomo, namespace: analytics }
spec:
  chart: { path: ./charts/matomo }
  values:
    - path: matomo.key
      type: string
      kind: token
      from: { store: infisical, path: apps/matomo/, key: KEY }
    - path: database.url
      template: mysql://app:\${password|urlencode}@db/app
      from:
        password: { store: vault, path: apps/matomo, key: DB_PASSWORD }
  guards: { regeneration: allow }
  upgrade: { timeout: 10m, onFailure: keep }
---
apiVersion: helmwarden.dev/v1alpha1
kind: SecretSync
metadata: { name: admin, namespace: vaultwarden }
spec:
  data:
    - key: token
      from: { store: vault, path: apps/vaultwarden, key: ADMIN_TOKEN }
---
apiVersion: helmwarden.dev/v1alpha1
kind: HelmwardenConfig
spec:
  audit: { file: audit.jsonl }
  resync: 5m
  digestKey: { fromFile: digest.key }
  queue: { redis: { url: { fromFile: redis.url }, concurrency: 2 } }
  http: { port: 9090, token: { fromFile: http.token } }
  rollout: { canary: 2, maxUnavailable: 10% }
  retry: { first: 1s }
---
apiVersion: helmwarden.dev/v1alpha1
kind: RotationPolicy
metadata: { name: api-key, namespace: analytics }
spec:
  secret: { store: vault, path: apps/api, key: KEY }
  every: 60d
  window: { cron: "0 2 * * 6", duration: 4h, timezone: Europe/Berlin }
  generate: { password: { length: 40, classes: { lower: 1, symbol: 2 }, symbols: "-_", exclude: l } }
  target:
    http:
      create: { url: "https://api.example.com/keys", headers: { Authorization: "Bearer \${admin}" }, value: $.key }
      test: { url: "https://api.example.com/keys/\${value}" }
      secrets: { admin: { fromStore: { store: vault, path: accounts/api, key: ADMIN } } }
  overlap: { key: OLD_KEY, for: 2d }
  notify: { webhook: { url: "https://ops.example.com/hook", secret: { fromFile: hook.secret } } }
`;

/** The lines of the error that a text gives, without the heading; none where it loads. */
export function errorsIn(text: string, file = "c.yaml"): readonly string[] {
  const result = tryParse(text, file);
  if (!(result instanceof HelmwardenError)) return [];
  if (result.code !== "ConfigInvalid") throw result;
  return result.message.split("\n").slice(1);
}

export function tryParse(text: string, file = "c.yaml"): Config | HelmwardenError {
  try {
    return parseConfig([{ name: file, text }], file);
  } catch (caught) {
    if (caught instanceof HelmwardenError) return caught;
    throw caught;
  }
}

/** `WHOLE` with one piece of text changed; the piece has to be there. */
export function whole(from: string, to: string): string {
  if (!WHOLE.includes(from)) throw new Error(`the fixture holds no ${from}`);
  return WHOLE.replace(from, () => to);
}
