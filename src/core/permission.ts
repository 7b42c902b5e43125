/** What may be done with one resource, and what for. */
export interface Permission {
  /** "" is the core group. */
  readonly group: string;
  readonly resource: string;
  readonly verbs: readonly string[];
  /** Only objects of these names; absent: all of the namespace. */
  readonly names?: readonly string[];
  readonly reason: string;
}

/** All permissions in one namespace; undefined: in none, of the whole cluster. */
export interface Permissions {
  readonly namespace: string | undefined;
  readonly permissions: readonly Permission[];
}

/** A permission and where it is needed. */
export interface Need extends Permission {
  readonly namespace: string | undefined;
}

/** One permission for all names with the same verbs, less what is permitted for all names already; sorted. */
export function mergePermissions(needs: readonly Need[]): readonly Permissions[] {
  const namespaces = [...Map.groupBy(needs, ({ namespace }) => namespace)];
  return namespaces
    .map(([namespace, own]) => ({ namespace, permissions: mergeNames(withoutCovered(mergeVerbs(own))) }))
    .sort((left, right) => (left.namespace ?? "").localeCompare(right.namespace ?? ""));
}

function mergeVerbs(needs: readonly Need[]): Permission[] {
  const same = Map.groupBy(needs, ({ group, resource, names }) => JSON.stringify([group, resource, names]));
  return [...same.values()].flatMap((parts) => {
    const [first] = parts;
    if (first === undefined) return [];
    const { group, resource, names, reason } = first;
    const verbs = [...new Set(parts.flatMap((part) => part.verbs))];
    return [{ group, resource, verbs, ...(names === undefined ? {} : { names }), reason }];
  });
}

function withoutCovered(permissions: readonly Permission[]): Permission[] {
  return permissions.flatMap((one) => {
    if (one.names === undefined) return [one];
    const everywhere = permissions.filter(
      ({ group, resource, names }) => names === undefined && group === one.group && resource === one.resource,
    );
    const covered = new Set(everywhere.flatMap(({ verbs }) => verbs));
    const verbs = one.verbs.filter((verb) => !covered.has(verb));
    return verbs.length === 0 ? [] : [{ ...one, verbs }];
  });
}

function mergeNames(permissions: readonly Permission[]): Permission[] {
  const same = Map.groupBy(permissions, ({ names, ...rest }) => JSON.stringify([rest, names === undefined]));
  return [...same.values()].flatMap((parts) => {
    const [first] = parts;
    if (first === undefined || first.names === undefined) return first === undefined ? [] : [first];
    return [{ ...first, names: [...new Set(parts.flatMap(({ names }) => names ?? []))].sort() }];
  });
}
