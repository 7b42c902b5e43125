export interface Lockfile {
  readonly packages: Readonly<Record<string, object>>;
}
export function readLockfile(): Lockfile;
export function missingBuilds(lock: Lockfile): readonly (readonly [name: string, version: string, wanting: object])[];
