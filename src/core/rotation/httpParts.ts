/**
 * Parts that the `http` target itself gives to the templates of each request, beside its `secrets`: the rotation's
 * name (the same when a request is repeated), and value and id of the key that is tried, or that is to end.
 */
export const HTTP_PARTS = {
  create: ["rotation"],
  test: ["value", "id"],
  revoke: ["value", "id", "rotation"],
} as const satisfies Record<string, readonly string[]>;

export type HttpStepName = keyof typeof HTTP_PARTS;
