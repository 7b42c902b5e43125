import { describe, expect, test } from "vitest";
import {
  type ChangedPath,
  guardHolds,
  notRotatableHolds,
  ownerHolds,
  statefulKeyHolds,
} from "../../../src/core/guards.ts";
import type { LiveWorkload, Reader } from "../../../src/core/readers.ts";
import { Sealed } from "../../../src/core/secretValue.ts";
import type { JsonObject } from "../../../src/core/json.ts";
import type { Guards } from "../../../src/core/spec.ts";
import type { PathXray, Xray } from "../../../src/core/xray.ts";

const HOLD: Guards = { regeneration: "hold", statefulCredential: "hold", empty: "hold" };
const ALLOW: Guards = { regeneration: "allow", statefulCredential: "allow", empty: "allow" };

const reader: Reader = { workload: "StatefulSet/db", by: ["env"], rolledByChart: false, remembers: true };

function path(change: Partial<PathXray> = {}, readers: readonly Reader[] = []): PathXray {
  const reaches = [{ object: "Secret/db", field: "password", kind: "secret", form: "whole", readers } as const];
  return { path: "db.password", untraced: false, liveOnly: false, reaches, ...change };
}

function xray(change: Partial<Xray> = {}): Xray {
  return { cacheKey: "k", reusable: true, paths: [path()], derived: [], unexplained: [], ...change };
}

function changed(change: Partial<ChangedPath> = {}): ChangedPath[] {
  return [{ path: "db.password", kind: "credential", replaces: true, ...change }];
}

const reasons = (seen: Xray, paths: readonly ChangedPath[], guards: Guards = HOLD): string[] =>
  guardHolds(seen, paths, guards).map(({ reason, where }) => `${reason} ${where}`);

test("a change whose every effect is known is let through", () => {
  expect(reasons(xray(), changed())).toEqual([]);
});

describe("regeneration", () => {
  const seen = xray({ unexplained: ["Secret/db root", "Secret/db other"] });

  test("holds each position that no mapped value explains", () => {
    expect(reasons(seen, changed())).toEqual(["regeneration Secret/db root", "regeneration Secret/db other"]);
  });

  test("`allow` lets it through", () => {
    expect(reasons(seen, changed(), { ...HOLD, regeneration: "allow" })).toEqual([]);
  });

  test("what follows the values in a hash is explained", () => {
    expect(reasons(xray({ derived: ["Secret/db htpasswd"] }), changed())).toEqual([]);
  });
});

describe("ignored", () => {
  test.each<[string, Xray, string[]]>([
    ["a value that reaches nothing", xray({ paths: [path({ reaches: [] })] }), ["ignored db.password"]],
    ["one that something hides in a hash", xray({ paths: [path({ reaches: [] })], derived: ["Secret/db h"] }), []],
    ["one that cannot be followed", xray({ paths: [path({ reaches: [], untraced: true })] }), []],
    ["one that the live Secret wins over and is patched", xray({ paths: [path({ liveOnly: true })] }), []],
    ["one that was not X-rayed", xray({ paths: [] }), []],
  ])("%s", (_, seen, expected) => {
    expect(reasons(seen, changed())).toEqual(expected);
    expect(reasons(seen, changed(), ALLOW)).toEqual(expected);
  });

  test("only where it would change", () => {
    expect(reasons(xray({ paths: [path({ reaches: [] })] }), [])).toEqual([]);
  });
});

describe("stateful credential", () => {
  const seen = xray({ paths: [path({}, [{ ...reader, workload: "Deployment/app", remembers: false }, reader])] });

  test("holds a credential that a workload with a volume reads, and names both", () => {
    expect(reasons(seen, changed())).toEqual(["statefulCredential db.password"]);
    expect(guardHolds(seen, changed(), HOLD)[0]?.message).toMatch(
      /^StatefulSet\/db reads this from Secret\/db key password /,
    );
  });

  test("also one that reaches it through the pod's own env", () => {
    const reaches = [
      { object: "StatefulSet/db", field: "spec.env", kind: "pod", form: "whole", readers: [reader] } as const,
    ];
    expect(reasons(xray({ paths: [path({ reaches })] }), changed())).toEqual(["statefulCredential db.password"]);
  });

  test.each<[string, ChangedPath[], Guards]>([
    ["`allow`", changed(), { ...HOLD, statefulCredential: "allow" }],
    ["`kind: token`", changed({ kind: "token" }), HOLD],
    ["a first value, which nothing can remember", changed({ replaces: false }), HOLD],
    ["no change of it", [], HOLD],
  ])("%s lets it through", (_, paths, guards) => {
    expect(reasons(seen, paths, guards)).toEqual([]);
  });

  test("what only pulls images with it is no reason", () => {
    expect(reasons(xray({ paths: [path({}, [{ ...reader, by: ["imagePull"] }])] }), changed())).toEqual([]);
  });

  test("a workload without memory is no reason", () => {
    expect(reasons(xray({ paths: [path({}, [{ ...reader, remembers: false }])] }), changed())).toEqual([]);
  });
});

const workload = (spec: JsonObject, remembers = true, name = "db"): LiveWorkload => ({
  ref: { kind: "StatefulSet", name },
  podTemplate: new Sealed({ spec }),
  remembers,
});
const key = (change: Partial<ChangedPath> = {}): ChangedPath[] => changed({ path: "password", ...change });

describe("stateful credential in a Secret that is written itself", () => {
  const secretKeyRef = { name: "db", key: "password" };
  const byEnv = { containers: [{ env: [{ name: "PASSWORD", valueFrom: { secretKeyRef } }] }] };
  const mounted = {
    containers: [{ volumeMounts: [{ name: "login" }] }],
    volumes: [{ name: "login", secret: { secretName: "db" } }],
  };

  test.each<[held: boolean, string, LiveWorkload[], ChangedPath[]?]>([
    [true, "read by env", [workload(byEnv)]],
    [true, "read from a file, as databases do at their first start", [workload(mounted)]],
    [true, "read by one of several", [workload(byEnv, false, "app"), workload({}), workload(byEnv)]],
    [false, "read by what remembers nothing", [workload(byEnv, false)]],
    [false, "read by nobody", [workload({}), workload({ volumes: [{ name: "x", secret: { secretName: "other" } }] })]],
    [false, "another key than the one that is read", [workload(byEnv)], key({ path: "token" })],
    [false, "what images are pulled with", [workload({ imagePullSecrets: [{ name: "db" }] })]],
    [false, "a first value", [workload(byEnv)], key({ replaces: false })],
    [false, "`kind: token`", [workload(byEnv)], key({ kind: "token" })],
    [false, "no change", [workload(byEnv)], []],
  ])("%s: %s", (expected, _, workloads, paths = key()) => {
    const holds = statefulKeyHolds("db", paths, workloads);
    expect(holds.map(({ reason, where }) => `${reason} ${where}`)).toEqual(
      expected ? ["statefulCredential password"] : [],
    );
    for (const { message } of holds)
      expect(message).toMatch(/^StatefulSet\/db reads this from Secret\/db key password /);
  });

  test("each of its keys is looked at", () => {
    const envFrom = { containers: [{ envFrom: [{ secretRef: { name: "db" } }] }] };
    const holds = statefulKeyHolds("db", [...key(), ...key({ path: "root" })], [workload(envFrom)]);
    expect(holds.map(({ where }) => where)).toEqual(["password", "root"]);
  });
});

const held = (name: string, chart = "demo", change: Partial<ChangedPath> = {}): boolean =>
  notRotatableHolds({ name: chart, version: "1.0.0" }, changed({ path: name, ...change })).length > 0;

describe("not rotatable", () => {
  test.each([
    "encryptionKey",
    "main.secret.n8n.encryption_key",
    "config.N8N_ENCRYPTION_KEY",
    "app.secretKeyBase",
    "SECRET_KEY_BASE",
    "django.secretKey",
    "django.djangoSecret",
    "masterKey",
    "laravel.appKey",
    "vault.unsealKey",
    String.raw`env.app\.encryption-key`,
  ])("by name: %s", (name) => {
    expect(held(name)).toBe(true);
  });

  test.each(["auth.password", "apiKey", "openRouterKey", "keyring", "encryption.enabled", "secretKeyRef", "publicKey"])(
    "%s is none",
    (name) => {
      expect(held(name)).toBe(false);
    },
  );

  test.each([
    ["nextcloud", "nextcloud.secret", true],
    ["nextcloud", "nextcloud.password", false],
    ["demo", "nextcloud.secret", false],
    ["keycloak", "auth.adminPassword", true],
    ["wordpress", "auth.adminPassword", false],
    ["gitlab", "global.railsSecrets.secret", true],
    ["constructor", "auth.password", false],
    ["toString", "auth.password", false],
  ])("by chart: %s %s is %s", (chart, name, expected) => {
    expect(held(name, chart)).toBe(expected);
  });

  test("by mapping, which has the last word", () => {
    expect(held("auth.password", "demo", { kind: "encryptionKey" })).toBe(true);
    expect(held("encryptionKey", "demo", { kind: "token" })).toBe(false);
    expect(held("encryptionKey", "demo", { replaces: false })).toBe(false);
  });
});

const labelled = (...labels: string[]): string =>
  `apiVersion: v1\nmetadata:\n  labels:\n${labels.map((label) => `    ${label}\n`).join("")}`;

describe("owner", () => {
  test.each([
    ["Flux", labelled("helm.toolkit.fluxcd.io/name: blog", "helm.toolkit.fluxcd.io/namespace: apps")],
    ["Argo CD", labelled("argocd.argoproj.io/instance: blog")],
    ["Argo CD", labelled("argocd.argoproj.io/tracking-id: blog:apps/Deployment:apps/blog")],
    ["the k3s Helm controller", labelled("objectset.rio.cattle.io/owner-gvk: helm.cattle.io/v1, Kind=HelmChart")],
  ])("%s, by its mark", (owner, manifest) => {
    expect(ownerHolds(manifest)).toEqual([expect.objectContaining({ reason: "owner", where: owner })]);
  });

  test.each(["", labelled("app.kubernetes.io/managed-by: Helm"), "data:\n  key: argocd.argoproj.io/instance\n"])(
    "nobody: %j",
    (manifest) => {
      expect(ownerHolds(manifest)).toEqual([]);
    },
  );
});

test("every hold says what to do, in the imperative, and ends in a full stop", () => {
  const seen = xray({
    unexplained: ["Secret/db root"],
    paths: [path({ reaches: [] }), { ...path({}, [reader]), path: "b" }],
  });
  const paths = [...changed(), ...changed({ path: "b" })];
  const holds = [
    ...guardHolds(seen, paths, HOLD),
    ...notRotatableHolds({ name: "n", version: "1" }, changed({ kind: "encryptionKey" })),
    ...ownerHolds("argocd.argoproj.io/instance: x"),
  ];
  expect(holds.map(({ reason }) => reason)).toEqual([
    "regeneration",
    "ignored",
    "statefulCredential",
    "notRotatable",
    "owner",
  ]);
  for (const { message } of holds) expect(message).toMatch(/\b(set|put|change|use|correct|sync|let)\b.*\.$/i);
});
