import type { ChartIdentity } from "./release.ts";

/** Values that another one cannot simply replace. `why` goes on from the value's name, and ends with what to do. */
interface Kind {
  readonly why: string;
  /** By the name of an environment variable, a key or the end of a value path, in kebab case. */
  readonly name?: RegExp;
  /** By chart and value path. */
  readonly chart?: { readonly name: string; readonly path: RegExp };
}

/** What encrypts data at rest, whatever it belongs to. */
export const ENCRYPTS_DATA =
  "is or looks like a key that encrypts data at rest: with another one the data becomes unreadable. Re-encrypt it by the app's own procedure.";

/** The first that matches; those of one app come before what is only named like a key. */
const KINDS: readonly Kind[] = [
  {
    name: /^n-?8-?n[-_]?encryption[-_]?key$/i,
    chart: { name: "n8n", path: /encryption_?key/i },
    why: "is n8n's encryption key: with another one its stored credentials become unreadable. Export them (`n8n export:credentials --all --decrypted --output=FILE`), change the key, import them (`n8n import:credentials --input=FILE`), and delete the file.",
  },
  {
    name: /^nextcloud[-_]?secret$/i,
    chart: { name: "nextcloud", path: /^nextcloud\.secret$/i },
    why: "is Nextcloud's secret: tokens and stored passwords are encrypted with it, and Nextcloud has no procedure to change it. Keep it as long as the instance lives, and put it into its backups.",
  },
  {
    name: /^(kc[-_]?bootstrap|keycloak[-_]?admin[-_]?password)/i,
    chart: { name: "keycloak", path: /^auth\.(adminPassword|adminUser)$/ },
    why: "is Keycloak's bootstrap admin, which is read at the first start only: another one changes nothing. Change the user's password in Keycloak (`kcadm.sh set-password -r master --username USER`), and put that into the store.",
  },
  {
    chart: { name: "gitlab", path: /rails.*secret/i },
    why: "holds the keys that GitLab's database is encrypted with. Keep it, and put it into the backups: only its otp_key_base can be changed, by `gitlab-rake gitlab:two_factor:rotate_key:apply`.",
  },
  {
    name: /secret[-_]?key[-_]?base$/i,
    why: "is Rails' secret_key_base: with another one sessions end, and what is encrypted or signed with it becomes unreadable. Let the app accept the old one as well (`message_verifiers.rotate` and `cookies_rotations`), re-encrypt what is stored, and change it there.",
  },
  {
    name: /^(laravel[-_]?)?app[-_]?key$/i,
    why: "is named as Laravel's APP_KEY: with another one sessions end, and what is encrypted with it becomes unreadable. Put the old one into APP_PREVIOUS_KEYS (Laravel 11 or newer), change it, and re-encrypt what is stored.",
  },
  {
    name: /(^secret[-_]?key|django[-_]?secret([-_]?key)?)$/i,
    why: "is named as Django's SECRET_KEY: with another one sessions and links end, and fields that are encrypted with it become unreadable. Put the old one into SECRET_KEY_FALLBACKS (Django 4.1 or newer), change it, and re-encrypt what is stored.",
  },
  {
    name: /unseal[-_]?key$/i,
    why: "is named as what unseals a Vault or OpenBao, which makes new ones itself. Use `vault operator rekey`.",
  },
  { name: /(encryption|master|data)[-_]?key$/i, why: ENCRYPTS_DATA },
];

/** Why a value of this name is not to be replaced, and what to do instead; undefined: nothing speaks against it. */
export function whyNotRotated(name: string, chart?: ChartIdentity): string | undefined {
  const last = camelToKebab(name.split(".").at(-1) ?? name);
  const byChart = KINDS.find((kind) => kind.chart?.name === chart?.name && kind.chart?.path.test(name) === true);
  return (byChart ?? KINDS.find((kind) => kind.name?.test(last) === true))?.why;
}

function camelToKebab(name: string): string {
  return name.replaceAll(/([a-z0-9])([A-Z])/g, "$1-$2");
}
