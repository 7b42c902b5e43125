import { expect, test } from "vitest";
import { eventPath } from "../../../../src/providers/vault/eventPath.ts";

const event = (type: string, mount_path: string, metadata: object): object => ({
  id: "1",
  specversion: "1.0",
  data: { event: { id: "1", metadata }, event_type: type, plugin_info: { mount_path, plugin: "kv" } },
});

/** As Vault Enterprise 1.16 documents it: no such server was at hand. */
test.each([
  ["kv-v2/data-write", "secret/", "secret/data/apps/x", "secret/data/apps/x"],
  ["kv-v2/data-delete", "secret/", "secret/data/apps/x", "secret/data/apps/x"],
  ["kv-v2/undelete", "secret/", "secret/undelete/apps/x", "secret/data/apps/x"],
  ["kv-v2/metadata-delete", "secret/", "secret/metadata/apps/x", "secret/metadata/apps/x"],
  ["kv-v1/write", "secret/", "secret/apps/x", "secret/apps/x"],
])("of the later form, %s names its secret by data_path", (type, mountPath, path, data_path) => {
  const metadata = { path, data_path, modified: "true", operation: type.split("/")[1] };
  expect(eventPath(event(type, mountPath, metadata), "secret")).toEqual({ kind: "path", path: "apps/x" });
});

test.each([
  ["kv-v2/data-write", "secret/", "data/secret/data/x", "secret", "secret/data/x"],
  ["kv-v2/destroy", "team/kv/", "destroy/x", "team/kv", "x"],
  ["kv-v2/data-write", "data/", "data/data/x", "data", "data/x"],
  ["kv-v1/delete", "one/", "one/x", "one", "one/x"],
])("of the first form, %s at %s of %s in mount %s is %s", (type, mountPath, path, mount, expected) => {
  expect(eventPath(event(type, mountPath, { path }), mount)).toEqual({ kind: "path", path: expected });
});

test("another mount, a configuration and a form unknown are told apart", () => {
  expect(eventPath(event("kv-v2/data-write", "other/", { path: "data/x" }), "secret")).toEqual({ kind: "other" });
  expect(eventPath(event("kv-v2/config-write", "secret/", { path: "config" }), "secret")).toEqual({ kind: "other" });
  expect(eventPath({ hello: 1 }, "secret")).toEqual({ kind: "unknown" });
  expect(eventPath(undefined, "secret")).toEqual({ kind: "unknown" });
});
