import { describe, expect, test } from "vitest";
import { select, storesOf } from "../../../src/cli/select.ts";
import type { Config, ReleaseSync, SecretSync, ValueSource } from "../../../src/core/spec.ts";

function ref(store: string): ValueSource {
  return { kind: "ref", ref: { store, path: "apps/x", key: "K" } };
}

function release(namespace: string, name: string, source: ValueSource): ReleaseSync {
  return { name, key: { cluster: "default", namespace, name }, values: [{ source }] } as unknown as ReleaseSync;
}

function secret(namespace: string, name: string, source: ValueSource): SecretSync {
  return { name: `doc-${name}`, namespace, secret: name, data: [{ key: "k", source }] } as unknown as SecretSync;
}

const template = {
  kind: "template",
  parts: new Map([
    ["a", { store: "one", path: "p", key: "k" }],
    ["b", { store: "three", path: "p", key: "k" }],
  ]),
} as unknown as ValueSource;
const config = {
  releases: [
    release("apps", "blog", ref("one")),
    release("shop", "blog", template),
    release("shop", "cart", ref("two")),
  ],
  secrets: [secret("shop", "cart", ref("one")), secret("apps", "admin", ref("four"))],
} as unknown as Config;

/** `r:ns/name` and `s:ns/name` of what the names select. */
function chosen(...names: string[]): string[] {
  const { releases, secrets } = select(config, names);
  return [
    ...releases.map(({ key }) => `r:${key.namespace}/${key.name}`),
    ...secrets.map((one) => `s:${one.namespace}/${one.secret}`),
  ];
}

describe("select", () => {
  test.each<[string[], string[]]>([
    [[], ["r:apps/blog", "r:shop/blog", "r:shop/cart", "s:shop/cart", "s:apps/admin"]],
    [["blog"], ["r:apps/blog", "r:shop/blog"]],
    [["shop/blog"], ["r:shop/blog"]],
    [["cart"], ["r:shop/cart", "s:shop/cart"]],
    [["apps/admin"], ["s:apps/admin"]],
    [
      ["apps/blog", "apps/blog", "admin"],
      ["r:apps/blog", "s:apps/admin"],
    ],
  ])("%j", (names, expected) => {
    expect(chosen(...names)).toEqual(expected);
  });

  test.each(["nothing", "apps", "apps/cart", "blog/apps", "", "doc-admin"])(
    "%j is no name of ours: wrong usage",
    (name) => {
      const unknown = expect.objectContaining({
        code: "UsageInvalid",
        message: expect.stringContaining(JSON.stringify(name)) as string,
      });
      expect(() => chosen("blog", name)).toThrow(unknown);
    },
  );
});

test("storesOf: only what the selection reads from, each part of a template counted", () => {
  expect([...storesOf(select(config, ["shop/blog"]))]).toEqual(["one", "three"]);
  expect([...storesOf(config)].sort()).toEqual(["four", "one", "three", "two"]);
});
