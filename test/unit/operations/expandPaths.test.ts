import { expect, test } from "vitest";
import { expandPaths } from "../../../src/operations/migrate/expandPaths.ts";
import { takeStoreInventory } from "../../../src/operations/migrate/takeStoreInventory.ts";
import type { Store } from "../../../src/ports.ts";
import { memoryStore } from "../../support/memoryStore.ts";
import { expectFault } from "../../support/silence.ts";

const { signal } = new AbortController();
const held = ["", "/apps/a", "/apps/b/c", "/other"];

const listed: Store = {
  ...memoryStore("infisical"),
  listPaths: (path) => Promise.resolve(held.filter((one) => one.startsWith(path === "" ? "" : `/${path}/`))),
};

test.each<[named: string[], paths: string[]]>([
  [["apps/a"], ["apps/a"]],
  [["apps/**"], ["/apps/a", "/apps/b/c"]],
  [
    ["x", "apps/b/**"],
    ["x", "/apps/b/c"],
  ],
  [["**"], held],
  [
    ["apps/a**", "**/a"],
    ["apps/a**", "**/a"],
  ],
])("%j", async (named, paths) => {
  expect(await expandPaths(listed, named, signal)).toEqual(paths);
});

test("what cannot be listed, or is empty, is no whole", async () => {
  await expectFault("UsageInvalid", () => expandPaths(memoryStore(), ["apps/**"], signal));
  await expectFault("UsageInvalid", () => expandPaths(listed, ["none/**"], signal));
});

test("what lies at the root has no path elsewhere, and is told", async () => {
  const store = memoryStore();
  store.put("other", "KEY");
  const { paths, imports } = await takeStoreInventory(store, ["/", "/other"], "vault", signal);
  expect(imports.map(({ path }) => path)).toEqual(["other"]);
  expect(paths[0]).toMatchObject({ from: "/", keys: [], left: [expect.stringContaining("needs a folder first")] });
});
