const NAMES = ["AUTH", "SECURE_AUTH", "LOGGED_IN", "NONCE"].flatMap((name) => [`${name}_KEY`, `${name}_SALT`]);

/**
 * The eight keys that WordPress signs its cookies with, of which `key` is one; all with the prefix that it has, as in
 * WORDPRESS_AUTH_KEY. Undefined: it is none of them.
 */
export function wordpressKeys(key: string): readonly string[] | undefined {
  // SECURE_AUTH_KEY ends like AUTH_KEY, too.
  const own = NAMES.filter((name) => key.endsWith(name)).sort((left, right) => right.length - left.length)[0];
  if (own === undefined) return undefined;
  const prefix = key.slice(0, key.length - own.length);
  return NAMES.map((name) => prefix + name);
}
