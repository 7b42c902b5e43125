import type { SecretRef } from "./secretRef.ts";
import { refsOf, type Config, type ReleaseSync, type SecretSync } from "./spec.ts";

/** One document that a daemon keeps in step. */
export type SubjectSpec =
  | { readonly kind: "Release"; readonly spec: ReleaseSync }
  | { readonly kind: "Secret"; readonly spec: SecretSync };

/** `cluster/Kind/namespace/name`: what a job, a log line and a status row call it. */
export type SubjectId = string;

export function subjectIdOf(subject: SubjectSpec): SubjectId {
  if (subject.kind === "Secret") {
    const { cluster, namespace, secret } = subject.spec;
    return `${cluster}/Secret/${namespace}/${secret}`;
  }
  const { cluster, namespace, name } = subject.spec.key;
  return `${cluster}/Release/${namespace}/${name}`;
}

/** The kubeconfig context of the cluster that it is in. */
export function clusterOf(subject: SubjectSpec): string {
  return subject.kind === "Release" ? subject.spec.key.cluster : subject.spec.cluster;
}

/** Everything that a configuration keeps in step; suspended releases are left out. */
export function subjectsOf(config: Pick<Config, "releases" | "secrets">): Map<SubjectId, SubjectSpec> {
  const all: SubjectSpec[] = [
    ...config.releases.filter(({ suspend }) => !suspend).map((spec): SubjectSpec => ({ kind: "Release", spec })),
    ...config.secrets.map((spec): SubjectSpec => ({ kind: "Secret", spec })),
  ];
  return new Map(all.map((subject) => [subjectIdOf(subject), subject]));
}

/** Every secret that a subject reads. */
export function subjectRefs(subject: SubjectSpec): SecretRef[] {
  const mappings = subject.kind === "Release" ? subject.spec.values : subject.spec.data;
  return mappings.flatMap(({ source }) => refsOf(source));
}

/** Who reads what: by store, by path, the subjects that read a key there. */
export type Dependents = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<SubjectId>>>;

export function dependentsOf(subjects: ReadonlyMap<SubjectId, SubjectSpec>): Dependents {
  const stores = new Map<string, Map<string, Set<SubjectId>>>();
  for (const [id, subject] of subjects) {
    for (const { store, path } of subjectRefs(subject)) {
      const paths = stores.get(store) ?? new Map<string, Set<SubjectId>>();
      stores.set(store, paths.set(path, (paths.get(path) ?? new Set<SubjectId>()).add(id)));
    }
  }
  return stores;
}
