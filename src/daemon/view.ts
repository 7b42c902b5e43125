import type { RotationRow } from "../core/rotation/row.ts";
import type { StatusPage } from "./statusPage.ts";

/** One loop of the daemon: how long ago it last came round, and whether that is recent enough for it. */
export interface LoopState {
  readonly loop: string;
  readonly ageMs: number;
  readonly ok: boolean;
}

/** `detail` is shown to anybody: constants of ours, no names from the configuration. */
export interface Readiness {
  readonly ok: boolean;
  readonly detail: string;
}

/** How long ago the store last changed a secret that a release holds. */
export interface SecretAge {
  readonly store: string;
  readonly path: string;
  readonly key: string;
  readonly ageMs: number;
}

/** The daemon as it is seen from outside. Every call answers at once, from memory. */
export interface DaemonView {
  live(): readonly LoopState[];
  /** The configuration is parsed and the API servers answer. A store outage is no unreadiness. */
  ready(): Readiness;
  status(): StatusPage;
  secretAges(): Iterable<SecretAge>;
  /** Where each RotationPolicy stood when this process last decided; it may be another's turn. */
  rotations(): { readonly rows: readonly RotationRow[]; readonly tickedAt: Date | undefined };
  /** Somebody says that this path changed; undefined: any of the store's. Many calls may come in a burst. */
  hook(store: string, path: string | undefined): void;
}
