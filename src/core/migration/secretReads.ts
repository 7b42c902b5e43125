/** One read of Secrets, as the API server's audit log tells it. */
export interface SecretRead {
  readonly at: Date;
  readonly user: string;
  readonly verb: "get" | "list" | "watch";
  /** Absent: in all namespaces. */
  readonly namespace: string | undefined;
  /** Absent: all of them. */
  readonly name: string | undefined;
  /** A kubelet reads what the pods of its node refer to; those are looked at themselves. */
  readonly isKubelet: boolean;
  /** Our own program. */
  readonly isOurs: boolean;
}

/** How somebody read, for people: `get 3 times, last 2026-11-23T20:00:00.000Z`. */
export interface ReadBySomebody {
  readonly user: string;
  readonly verbs: readonly string[];
  readonly times: number;
  readonly last: string;
}

export interface ReadTally {
  /** Reads of just this Secret. */
  readonly of: (namespace: string, name: string) => readonly ReadBySomebody[];
  /** Lists and watches of more than one Secret: whether they use one of ours cannot be told. */
  readonly wide: readonly ReadBySomebody[];
  /** The oldest and the newest moment that the log tells of; undefined: it is empty. */
  readonly span: { readonly from: string; readonly to: string } | undefined;
}

/** Adds up who read Secrets since a moment; kubelets and we ourselves do not count. */
export async function tallyReads(reads: AsyncIterable<SecretRead>, since: Date): Promise<ReadTally> {
  const single = new Map<string, Map<string, Mutable>>();
  const wide = new Map<string, Mutable>();
  const seen: { from?: Date; to?: Date } = {};
  for await (const read of reads) {
    if (seen.from === undefined || read.at < seen.from) seen.from = read.at;
    if (seen.to === undefined || read.at > seen.to) seen.to = read.at;
    if (read.at < since || read.isKubelet || read.isOurs) continue;
    if (read.name === undefined) count(wide, read);
    else {
      const id = `${read.namespace}/${read.name}`;
      const users = single.get(id) ?? new Map<string, Mutable>();
      single.set(id, users);
      count(users, read);
    }
  }
  const { from, to } = seen;
  return {
    of: (namespace, name) => listed(single.get(`${namespace}/${name}`)),
    wide: listed(wide),
    span: from === undefined || to === undefined ? undefined : { from: from.toISOString(), to: to.toISOString() },
  };
}

interface Mutable {
  readonly verbs: Set<string>;
  times: number;
  last: Date;
}

function count(users: Map<string, Mutable>, { user, verb, at }: SecretRead): void {
  const known = users.get(user) ?? { verbs: new Set<string>(), times: 0, last: at };
  users.set(user, known);
  known.verbs.add(verb);
  known.times += 1;
  if (at > known.last) known.last = at;
}

function listed(users: ReadonlyMap<string, Mutable> = new Map()): ReadBySomebody[] {
  return [...users].map(([user, { verbs, times, last }]) => ({
    user,
    verbs: [...verbs].sort(),
    times,
    last: last.toISOString(),
  }));
}
