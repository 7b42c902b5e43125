import { expect, test } from "vitest";
import { appliedManifest, parseManifest, ReleaseObjects } from "../../../src/helm/manifest.ts";
import { canary } from "../../support/canary.ts";
import { expectSilent } from "../../support/silence.ts";

const secret = canary("manifest");

test("documents become objects; empty ones and comments are passed over, lists opened", () => {
  const text = `---
# Source: blog/templates/empty.yaml
---
---
kind: Secret
data: {pw: "${secret}"}
---
kind: List
items:
  - {kind: A}
  - 5
  - {kind: B}
---
[1, 2]
...
`;
  expect(parseManifest(text)).toEqual([{ kind: "Secret", data: { pw: secret } }, { kind: "A" }, { kind: "B" }]);
  expect(parseManifest("")).toEqual([]);
});

test("anchors and merge keys are what they stand for; a key that is there twice is the last", () => {
  const text = `kind: A\nbase: &b {x: 1, z: 2}\nmerged: {<<: *b, z: 3}\nplain: *b\n`;
  expect(parseManifest(text)).toEqual([
    { kind: "A", base: { x: 1, z: 2 }, merged: { x: 1, z: 3 }, plain: { x: 1, z: 2 } },
  ]);
  expect(parseManifest("a: 1\na: 2\n")).toEqual([{ a: 2 }]);
});

const bomb = [
  "a0: &a0 [x, x, x, x, x, x, x, x, x, x]",
  ...Array.from({ length: 9 }, (_, n) => `a${n + 1}: &a${n + 1} [${Array(10).fill(`*a${n}`).join(", ")}]`),
].join("\n");

test.each([
  ["unclosed", `kind: [${secret}`],
  ["a tab", `kind:\n\t- ${secret}`],
  ["an alias of nothing", `kind: *nothing\npw: ${secret}`],
  ["aliases that multiply", `${bomb}\npw: ${secret}`],
])("what is not YAML is refused, and nothing of it quoted: %s", (_, text) => {
  let caught: unknown;
  try {
    parseManifest(`kind: Fine\n---\n${text}`);
  } catch (error) {
    caught = error;
  }
  expect(caught).toMatchObject({ code: "ChartRejected" });
  expectSilent(caught);
});

test("hooks that run at an upgrade are applied, others are not", () => {
  const hooks = [
    { manifest: "kind: Pre", events: ["pre-install", "pre-upgrade"] },
    { manifest: "kind: Install", events: ["pre-install"] },
    { manifest: "kind: Post", events: ["post-upgrade"] },
    { manifest: "kind: Test", events: ["test"] },
    {},
  ];
  const release = ReleaseObjects.parse({ manifest: "kind: Main", hooks });
  expect(parseManifest(appliedManifest(release)).map((object) => object["kind"])).toEqual(["Main", "Pre", "Post"]);
  for (const none of [undefined, null, []]) {
    expect(appliedManifest(ReleaseObjects.parse({ manifest: "kind: Main", hooks: none }))).toBe("kind: Main");
  }
});
