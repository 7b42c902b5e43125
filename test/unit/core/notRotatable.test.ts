import { expect, test } from "vitest";
import { whyNotRotated } from "../../../src/core/notRotatable.ts";

// What the right procedure must name.
test.each([
  ["N8N_ENCRYPTION_KEY", undefined, "n8n export:credentials"],
  ["main.secret.n8n.encryption_key", "n8n", "n8n export:credentials"],
  ["NEXTCLOUD_SECRET", undefined, "no procedure"],
  ["nextcloud.secret", "nextcloud", "no procedure"],
  ["KC_BOOTSTRAP_ADMIN_PASSWORD", undefined, "kcadm.sh set-password"],
  ["KEYCLOAK_ADMIN_PASSWORD", undefined, "kcadm.sh set-password"],
  ["auth.adminPassword", "keycloak", "kcadm.sh set-password"],
  ["global.railsSecrets.secret", "gitlab", "gitlab-rake"],
  ["SECRET_KEY_BASE", undefined, "cookies_rotations"],
  ["config.secretKeyBase", undefined, "cookies_rotations"],
  ["APP_KEY", undefined, "APP_PREVIOUS_KEYS"],
  ["DJANGO_SECRET_KEY", undefined, "SECRET_KEY_FALLBACKS"],
  ["SECRET_KEY", undefined, "SECRET_KEY_FALLBACKS"],
  ["vault.unsealKey", undefined, "vault operator rekey"],
  ["app.encryptionKey", undefined, "the app's own procedure"],
] as const)("%s of the chart %s: %s", (name, chart, procedure) => {
  const why = whyNotRotated(name, chart === undefined ? undefined : { name: chart, version: "1" });
  expect(why).toContain(procedure);
  expect(why).toMatch(/^(is|holds) .*\.$/);
});

test.each([
  ["DB_PASSWORD", undefined],
  ["auth.adminPassword", "wordpress"],
  ["BOOTSTRAP_TOKEN", undefined],
  ["nextcloud.password", "nextcloud"],
  ["encryptionKeyId", undefined],
] as const)("%s of the chart %s may be rotated", (name, chart) => {
  expect(whyNotRotated(name, chart === undefined ? undefined : { name: chart, version: "1" })).toBeUndefined();
});
