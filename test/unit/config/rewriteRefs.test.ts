import { expect, test } from "vitest";
import { rewriteRefs } from "../../../src/config/rewriteRefs.ts";

const TEXT = `# what we sync
apiVersion: helmwarden.dev/v1alpha1
kind: SecretSync
metadata: { name: web, namespace: web } # store: old
spec:
  data:
    - key: a   # from the old one
      from: { store: old, path: /apps/web, key: A }
    - key: b
      from:
        key: B
        path: '/apps/web'   # quoted
        store: "old"
    - key: c
      template: \${one}-\${two}
      from:
        one: { store: old, path: /apps/other, key: C }
        two: { store: third, path: /apps/web, key: A }
    - key: d
      from: { store: old, path: /apps/web, key: STAYS }
---
apiVersion: v1
kind: ConfigMap
data: { store: old, path: /apps/web, key: A }
`;

test("only store and path of the refs that move are written anew", () => {
  const { text, refs } = rewriteRefs({ name: "a.yaml", text: TEXT }, ({ store, path, key }) =>
    store === "old" && key !== "STAYS" ? { store: "new", path: path.slice(1) } : undefined,
  );
  expect(refs).toBe(3);
  const changed = text.split("\n").filter((line, index) => line !== TEXT.split("\n")[index]);
  expect(changed).toEqual([
    '      from: { store: "new", path: "apps/web", key: A }',
    '        path: "apps/web"   # quoted',
    '        store: "new"',
    '        one: { store: "new", path: "apps/other", key: C }',
  ]);
  expect(text.split("\n")).toHaveLength(TEXT.split("\n").length);
});

test("a file without such refs comes back as it was", () => {
  expect(rewriteRefs({ name: "a.yaml", text: TEXT }, () => undefined)).toEqual({ name: "a.yaml", text: TEXT, refs: 0 });
});
