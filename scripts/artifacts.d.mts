export type ArtifactName = "node" | "helm4" | "helm3" | "cluster" | "vault" | "kwok" | "redis";
export const repository: string;
export const cacheDir: string;
export function artifactDir(name: ArtifactName): string;
export function artifactFile(name: ArtifactName, file: string): string;
