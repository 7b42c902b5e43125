import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../src/core/json.ts";
import { objectName, podTemplateOf } from "../../../src/core/objects.ts";
import { dataOf, positionsOf } from "../../../src/core/positions.ts";
import { canary } from "../../support/canary.ts";

const secret = canary("positions");
const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** `id kind text` of every position. */
function linesOf(...objects: JsonObject[]): string[] {
  return [...positionsOf(objects, "apps")].map(([id, { kind, text }]) => `${id} ${kind} ${text}`);
}

test("data of a Secret comes decoded, stringData over data, and all else as fields", () => {
  const data = { a: base64(secret), b: base64("under"), c: null };
  const object = { kind: "Secret", metadata: { name: "db" }, type: "Opaque", data, stringData: { b: "over" } };
  expect(Object.fromEntries(dataOf(object))).toMatchObject({ a: secret, b: "over" });
  expect(linesOf(object)).toEqual(
    expect.arrayContaining([`Secret/db a secret ${secret}`, "Secret/db b secret over", "Secret/db type other Opaque"]),
  );
});

test("data of a ConfigMap comes as it is; that of anything else is fields", () => {
  const configMap = { kind: "ConfigMap", metadata: { name: "c" }, data: { "app.ini": `pw=${secret}` } };
  expect(linesOf(configMap)).toContain(`ConfigMap/c app.ini config pw=${secret}`);
  expect(linesOf({ kind: "Thing", metadata: { name: "t" }, data: { a: secret } })).toContain(
    `Thing/t data.a other ${secret}`,
  );
});

test.each(["type", "kind", "apiVersion", "immutable", "metadata.name"])(
  "a data key called %s is data, not that field",
  (name) => {
    const object = { apiVersion: "v1", kind: "Secret", immutable: true, type: "Opaque", metadata: { name: "s" } };
    expect(linesOf({ ...object, data: { [name]: base64(secret) } })).toContain(`Secret/s ${name} secret ${secret}`);
    expect(linesOf({ ...object, stringData: { [name]: secret } })).toContain(`Secret/s ${name} secret ${secret}`);
  },
);

describe("env, arguments and commands of pods are `pod`", () => {
  const template = {
    metadata: { annotations: { checksum: "abc" } },
    spec: {
      initContainers: [{ name: "init", args: ["--password", secret] }],
      containers: [
        {
          name: "app",
          image: "app:1",
          env: [
            { name: "A", value: secret },
            { name: "B", valueFrom: { secretKeyRef: { name: "s", key: "k" } } },
          ],
          livenessProbe: { exec: { command: ["curl", secret] } },
        },
      ],
    },
  };

  test.each([
    ["Deployment", { template }, "spec.template"],
    ["StatefulSet", { template }, "spec.template"],
    ["DaemonSet", { template }, "spec.template"],
    ["ReplicaSet", { template }, "spec.template"],
    ["Job", { template }, "spec.template"],
    ["Rollout", { template }, "spec.template"],
    ["CronJob", { jobTemplate: { spec: { template } } }, "spec.jobTemplate.spec.template"],
  ])("of a %s", (kind, spec, at) => {
    const object = { kind, metadata: { name: "w" }, spec };
    expect(podTemplateOf(object)).toBe(template);
    const pods = linesOf(object).filter((line) => line.includes(secret));
    expect(pods).toEqual([
      `${kind}/w ${at}.spec.initContainers.0.args.1 pod ${secret}`,
      `${kind}/w ${at}.spec.containers.0.env.0.value pod ${secret}`,
      `${kind}/w ${at}.spec.containers.0.livenessProbe.exec.command.1 pod ${secret}`,
    ]);
    expect(linesOf(object)).toContain(`${kind}/w ${at}.metadata.annotations.checksum other abc`);
  });

  test("of a Pod by itself, and of nothing else", () => {
    const spec = { containers: [{ env: [{ name: "A", value: secret }] }] };
    expect(linesOf({ kind: "Pod", metadata: { name: "p" }, spec })).toContain(
      `Pod/p spec.containers.0.env.0.value pod ${secret}`,
    );
    expect(linesOf({ kind: "Other", metadata: { name: "o" }, spec })).toContain(
      `Other/o spec.containers.0.env.0.value other ${secret}`,
    );
  });
});

describe("objectName", () => {
  test.each([
    [{ kind: "Secret", metadata: { name: "a" } }, "Secret/a"],
    [{ kind: "Secret", metadata: { name: "a", namespace: "apps" } }, "Secret/a"],
    [{ kind: "Secret", metadata: { name: "a", namespace: "else" } }, "Secret/else/a"],
    [{ kind: "Secret" }, "Secret/?"],
    [{}, "?/?"],
  ])("%j is %s", (object, name) => {
    expect(objectName(object as JsonObject, "apps")).toBe(name);
  });
});

test("odd objects give what they have and nothing breaks", () => {
  expect(linesOf({ kind: "Secret", metadata: { name: "s" }, data: "text" })).toContain("Secret/s data other text");
  expect(linesOf({ kind: "Deployment", metadata: null, spec: [] }, {})).toEqual([
    "Deployment/? kind other Deployment",
    "Deployment/? metadata other null",
  ]);
});
