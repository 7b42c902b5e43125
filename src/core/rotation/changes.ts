import { SecretValue } from "../secretValue.ts";
import { type RotationPolicy, userKeyOf } from "./policy.ts";
import { type Credential, formatState, markOf, type RotationAttempt, type RotationState, stateKeyOf } from "./state.ts";

/** What the keys at the secret's path are, and what a step makes of them; undefined: not there. */
export type KeyChanges = ReadonlyMap<
  string,
  { readonly from: SecretValue | undefined; readonly to: SecretValue | undefined }
>;

/** The keys at the secret's path, as they were read. */
export type PresentKeys = ReadonlyMap<string, SecretValue>;

/** Puts a state beside the secret, which must not have moved from `value`. */
export function stateChanges(
  { secret }: RotationPolicy,
  present: PresentKeys,
  value: SecretValue,
  state: RotationState,
): KeyChanges {
  const key = stateKeyOf(secret.key);
  return new Map([
    [secret.key, { from: value, to: value }],
    [key, { from: present.get(key), to: formatState(state) }],
  ]);
}

/** Makes `next` current, and leaves the old one in the overlap's key. */
export function finishChanges(
  policy: RotationPolicy,
  present: PresentKeys,
  attempt: RotationAttempt,
  state: RotationState,
): KeyChanges {
  const overlapped = policy.overlap === undefined ? undefined : publishedOf(policy, attempt.old);
  return new Map([
    ...credentialChanges(policy, present, attempt.old, attempt.next),
    ...overlapChange(policy, present, overlapped),
    [stateKeyOf(policy.secret.key), { from: present.get(stateKeyOf(policy.secret.key)), to: formatState(state) }],
  ]);
}

/** Makes the old one current again. */
export function rollBackChanges(
  policy: RotationPolicy,
  present: PresentKeys,
  attempt: RotationAttempt,
  state: RotationState,
): KeyChanges {
  return new Map([
    ...credentialChanges(policy, present, attempt.next, attempt.old),
    ...overlapChange(policy, present, policy.overlap && publishedOf(policy, attempt.old)),
    [stateKeyOf(policy.secret.key), { from: present.get(stateKeyOf(policy.secret.key)), to: formatState(state) }],
  ]);
}

/** Forgets the old one; what was published of it beside the new one becomes the new one's. */
export function retireChanges(policy: RotationPolicy, present: PresentKeys, attempt: RotationAttempt): KeyChanges {
  const { next, finishedAt } = attempt;
  const state: RotationState = {
    rotatedAt: finishedAt ?? attempt.startedAt,
    mark: markOf(attempt.rotation, next.value),
    currentId: next.id,
    attempt: undefined,
  };
  return new Map([
    ...overlapChange(policy, present, policy.overlap && publishedOf(policy, next)),
    ...stateChanges(policy, present, next.value, state),
  ]);
}

/** The part of a credential that others check with: the public one of a key pair, else the value itself. */
function publishedOf({ generate }: RotationPolicy, credential: Credential): SecretValue | undefined {
  const publicKey = "publicKey" in generate ? generate.publicKey : undefined;
  return publicKey === undefined ? credential.value : credential.beside.get(publicKey);
}

function overlapChange(
  { overlap }: RotationPolicy,
  present: PresentKeys,
  to: SecretValue | undefined,
): [string, { from: SecretValue | undefined; to: SecretValue }][] {
  return overlap === undefined || to === undefined ? [] : [[overlap.key, { from: present.get(overlap.key), to }]];
}

function* credentialChanges(
  policy: RotationPolicy,
  present: PresentKeys,
  from: Credential,
  to: Credential,
): Generator<[string, { from: SecretValue | undefined; to: SecretValue }]> {
  yield [policy.secret.key, { from: from.value, to: to.value }];
  for (const [key, value] of to.beside) yield [key, { from: present.get(key), to: value }];
  const userKey = userKeyOf(policy);
  const user = present.get(userKey ?? "");
  if (userKey !== undefined && to.user !== undefined)
    yield [userKey, { from: user, to: SecretValue.fromText(to.user) }];
}
