/** Names one secret: a configured store, a path in it, and a key at that path. */
export interface SecretRef {
  readonly store: string;
  /** As the provider spells it: `apps/matomo` in Vault, `/apps/matomo` in Infisical; normalised by config. */
  readonly path: string;
  readonly key: string;
}

export function formatRef(ref: SecretRef): string {
  return `${ref.store}:${ref.path}#${ref.key}`;
}
