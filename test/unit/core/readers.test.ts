import { describe, expect, test } from "vitest";
import type { JsonObject } from "../../../src/core/json.ts";
import { type DataKey, isReadAtStart, type ReadBy, readsOf, remembersValues } from "../../../src/core/readers.ts";

const secret: DataKey = { kind: "Secret", name: "db", key: "password" };
const config: DataKey = { kind: "ConfigMap", name: "db", key: "password" };

const inContainer = (container: object): JsonObject => ({ spec: { containers: [{ name: "app", ...container }] } });
const mounted = (volume: object, ...mounts: object[]): JsonObject => ({
  spec: {
    volumes: [{ name: "v", ...volume }],
    containers: [
      { name: "app", volumeMounts: (mounts.length === 0 ? [{}] : mounts).map((mount) => ({ name: "v", ...mount })) },
    ],
  },
});
const items = [{ key: "other", path: "o" }];
const ownItems = [...items, { key: "password", path: "p" }];

describe("readsOf: the ways in which a pod reads a key", () => {
  test.each<[string, JsonObject, DataKey, ReadBy[]]>([
    [
      "env of a Secret",
      inContainer({ env: [{ name: "A", valueFrom: { secretKeyRef: { name: "db", key: "password" } } }] }),
      secret,
      ["env"],
    ],
    [
      "env of another key",
      inContainer({ env: [{ name: "A", valueFrom: { secretKeyRef: { name: "db", key: "user" } } }] }),
      secret,
      [],
    ],
    [
      "env of another Secret",
      inContainer({ env: [{ name: "A", valueFrom: { secretKeyRef: { name: "x", key: "password" } } }] }),
      secret,
      [],
    ],
    [
      "env of a ConfigMap",
      inContainer({ env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "db", key: "password" } } }] }),
      config,
      ["env"],
    ],
    [
      "a Secret is no ConfigMap",
      inContainer({ env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "db", key: "password" } } }] }),
      secret,
      [],
    ],
    ["envFrom a Secret", inContainer({ envFrom: [{ prefix: "X_", secretRef: { name: "db" } }] }), secret, ["envFrom"]],
    ["envFrom a ConfigMap", inContainer({ envFrom: [{ configMapRef: { name: "db" } }] }), config, ["envFrom"]],
    ["envFrom another", inContainer({ envFrom: [{ secretRef: { name: "x" } }] }), secret, []],
    [
      "init containers",
      { spec: { initContainers: [{ envFrom: [{ secretRef: { name: "db" } }] }] } },
      secret,
      ["envFrom"],
    ],
    ["a volume", mounted({ secret: { secretName: "db" } }), secret, ["volume"]],
    ["a volume of a ConfigMap", mounted({ configMap: { name: "db" } }), config, ["volume"]],
    [
      "a volume that no container mounts",
      { spec: { volumes: [{ name: "v", secret: { secretName: "db" } }], containers: [{}] } },
      secret,
      [],
    ],
    ["a volume with this item", mounted({ secret: { secretName: "db", items: ownItems } }), secret, ["volume"]],
    ["a volume without this item", mounted({ secret: { secretName: "db", items } }), secret, []],
    [
      "a projected volume",
      mounted({ projected: { sources: [{ serviceAccountToken: {} }, { secret: { name: "db" } }] } }),
      secret,
      ["volume"],
    ],
    [
      "a projected ConfigMap",
      mounted({ projected: { sources: [{ configMap: { name: "db", items: ownItems } }] } }),
      config,
      ["volume"],
    ],
    [
      "a projected volume without this item",
      mounted({ projected: { sources: [{ secret: { name: "db", items } }] } }),
      secret,
      [],
    ],
    ["subPath", mounted({ secret: { secretName: "db" } }, { subPath: "password" }), secret, ["subPath"]],
    ["subPathExpr", mounted({ secret: { secretName: "db" } }, { subPathExpr: "$(POD)" }), secret, ["subPath"]],
    [
      "subPath and the whole",
      mounted({ secret: { secretName: "db" } }, { subPath: "password" }, {}),
      secret,
      ["volume", "subPath"],
    ],
    ["an empty subPath is none", mounted({ secret: { secretName: "db" } }, { subPath: "" }), secret, ["volume"]],
    ["an image pull secret", { spec: { imagePullSecrets: [{ name: "x" }, { name: "db" }] } }, secret, ["imagePull"]],
    ["no ConfigMap pulls images", { spec: { imagePullSecrets: [{ name: "db" }] } }, config, []],
    ["an empty pod", {}, secret, []],
    ["odd shapes", { spec: { containers: "x", volumes: [null, 1], imagePullSecrets: {} } }, secret, []],
  ])("%s", (_, template, source, reads) => {
    expect(readsOf(template, source)).toEqual(reads);
  });

  test("several at once", () => {
    const pod = mounted({ secret: { secretName: "db" } });
    const [container] = (pod["spec"] as { containers: JsonObject[] }).containers;
    Object.assign(container!, { envFrom: [{ secretRef: { name: "db" } }] });
    expect(readsOf(pod, secret)).toEqual(["envFrom", "volume"]);
  });

  test("only a volume and an image pull need no restart", () => {
    const ways: ReadBy[] = ["env", "envFrom", "volume", "subPath", "imagePull"];
    expect(ways.filter(isReadAtStart)).toEqual(["env", "envFrom", "subPath"]);
  });
});

const claim = { name: "data", persistentVolumeClaim: { claimName: "data" } };

describe("remembersValues", () => {
  test.each<[boolean, string, JsonObject]>([
    [true, "a StatefulSet with a claim of its own, whatever it runs", workload("StatefulSet", "app:1", [], [{}])],
    [true, "a StatefulSet with a mounted claim", workload("StatefulSet", "app:1", [claim])],
    [false, "a StatefulSet without a volume", workload("StatefulSet", "postgres:16", [{ name: "tmp", emptyDir: {} }])],
    [true, "a database in a Deployment", workload("Deployment", "docker.io/bitnami/mariadb:11", [claim])],
    [false, "a database that keeps nothing", workload("Deployment", "redis:7", [])],
    [false, "an app with a claim", workload("Deployment", "wordpress:6", [claim])],
    [false, "a Job", workload("Job", "app:1", [claim])],
  ])("%s: %s", (expected, _, object) => {
    expect(remembersValues(object)).toBe(expected);
  });

  test.each([
    "postgres",
    "postgres:16-alpine",
    "ghcr.io/cloudnative-pg/postgresql:16",
    "postgis/postgis:16-3.4",
    "registry:5000/mysql/mysql-server@sha256:abc",
    "mcr.microsoft.com/mssql/server:2022",
    "percona-xtradb-cluster",
    "bitnami/mongodb-sharded",
    "valkey/valkey:8",
    "timescale/timescaledb-ha",
    "docker.elastic.co/elasticsearch/elasticsearch:8",
    "quay.io/minio/minio",
  ])("%s is a database", (image) => {
    expect(remembersValues(workload("Deployment", image, [claim]))).toBe(true);
  });

  test.each(["wordpress", "myredistools:1", "mongoose-app", "nginx", "app/minion:1", "postgrest/postgrest", ""])(
    "%j is none",
    (image) => {
      expect(remembersValues(workload("Deployment", image, [claim]))).toBe(false);
    },
  );
});

function workload(kind: string, image: string, volumes: object[], claims: object[] = []): JsonObject {
  const template = { spec: { containers: [{ name: "app", image }], volumes } };
  return { kind, spec: { template, volumeClaimTemplates: claims } } as JsonObject;
}
