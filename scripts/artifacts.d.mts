export type ArtifactName =
  | "node"
  | "node22"
  | "node26"
  | "helm4"
  | "helm3"
  | "cluster"
  | "vault"
  | "kwok"
  | "rules"
  | "redis"
  | "age"
  | "postgres"
  | "mariadb";
export const repository: string;
export const nodeVersion: string;
export const cacheDir: string;
export function artifactDir(name: ArtifactName): string;
export function artifactFile(name: ArtifactName, file: string): string;
