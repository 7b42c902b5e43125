import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import { formatValuePath } from "../../../src/core/valuePath.ts";
import { WHOLE } from "./documents.ts";

const INFISICAL = {
  apiVersion: "helmwarden.dev/v1alpha1",
  kind: "SecretStore",
  metadata: { name: "infisical" },
  spec: { infisical: { projectSlug: "p", environment: "prod", auth: { token: { fromEnv: "T" } } } },
};
const signal = new AbortController().signal;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "hw-config-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, content);
  return path;
}

async function expectRefused(path: string, text: string, loaded = path): Promise<void> {
  const error = { code: "ConfigInvalid", message: expect.stringContaining(`${path}: ${text}`) as string };
  await expect(loadConfig(loaded, signal)).rejects.toMatchObject(error);
}

describe("what is loaded", () => {
  test("has every default filled in, and paths that are absolute", async () => {
    const path = await file("one/config.yaml", WHOLE);
    const config = await loadConfig(path, signal);
    expect([...config.stores.keys()]).toEqual(["vault", "infisical"]);
    expect(config.stores.get("vault")).toEqual({
      name: "vault",
      refreshIntervalMs: 30_000,
      callsPerMinute: undefined,
      maxLoss: 0.5,
      pushToken: undefined,
      provider: {
        kind: "vault",
        address: "https://vault.example.com:8200",
        namespace: "team-a",
        mount: "secret",
        version: 2,
        caFile: join(folder, "one/ca.crt"),
        events: false,
        auth: {
          kubernetes: {
            role: "helmwarden",
            mount: "kubernetes",
            jwt: { fromFile: "/var/run/secrets/kubernetes.io/serviceaccount/token" },
          },
        },
      },
      where: { file: path, line: 1 },
    });
    expect(config.stores.get("infisical")).toMatchObject({
      refreshIntervalMs: 60_000,
      maxLoss: 0.2,
      pushToken: { fromFile: join(folder, "one/push.token") },
      provider: {
        webhookSecret: { fromFile: join(folder, "one/webhook.secret") },
        siteUrl: "https://app.infisical.com",
        project: { id: "6f1e" },
        recursive: undefined,
        auth: { kind: "universal", clientSecret: { fromSecret: { namespace: "a", name: "b", key: "c" } } },
      },
    });
    expect(config.releases).toMatchObject([
      {
        name: "matomo",
        key: { cluster: "default", namespace: "analytics", name: "matomo" },
        chart: { kind: "path", path: join(folder, "one/charts/matomo") },
        guards: { regeneration: "allow", statefulCredential: "hold", empty: "hold" },
        whenIgnored: "hold",
        upgrade: { timeoutMs: 600_000, readyMs: 300_000, historyMax: 10, onFailure: "keep", scrub: false },
        restart: "auto",
        drift: "correct",
        suspend: false,
        where: { file: path, line: 30 },
      },
    ]);
    expect(config.releases[0]?.values.map((value) => [formatValuePath(value.path), value.type, value.kind])).toEqual([
      ["matomo.key", "string", "token"],
      ["database.url", "string", "credential"],
    ]);
    expect(config.releases[0]?.values.map((value) => value.source)).toMatchObject([
      { kind: "ref", ref: { store: "infisical", path: "/apps/matomo", key: "KEY" } },
      {
        kind: "template",
        template: { names: ["password"] },
        parts: new Map([["password", { store: "vault", path: "apps/matomo", key: "DB_PASSWORD" }]]),
      },
    ]);
    expect(config.secrets).toMatchObject([
      {
        name: "admin",
        cluster: "default",
        namespace: "vaultwarden",
        secret: "admin",
        restart: "auto",
        drift: "correct",
      },
    ]);
    expect(config.program).toEqual({
      auditFile: join(folder, "one/audit.jsonl"),
      queue: { kind: "redis", url: { fromFile: join(folder, "one/redis.url") }, concurrency: 2 },
      http: { address: "0.0.0.0", port: 9090, token: { fromFile: join(folder, "one/http.token") } },
      rollout: { canary: 2, maxUnavailable: { kind: "share", share: 0.1 } },
      restarts: { atOnce: 5 },
      retry: { firstMs: 1000, mostMs: 600_000, attempts: 5 },
      shutdownGraceMs: 60_000,
      resyncMs: 300_000,
      digestKey: { fromFile: join(folder, "one/digest.key") },
    });
  });

  test("may be spread over the files of a folder, and defaults hold without a HelmwardenConfig", async () => {
    const [vault = "", , release = ""] = WHOLE.split("---\n");
    await file("many/b.yml", vault);
    await file("many/a.yaml", release);
    await file("many/c.json", JSON.stringify(INFISICAL));
    await file("many/.hidden.yaml", "[");
    await file("many/notes.txt", "[");
    await file("many/deeper/d.yaml", "[");
    await file("many/..data/e.yaml", "# linked, as a mounted ConfigMap is\n");
    await symlink("..data/e.yaml", join(folder, "many/e.yaml"));
    const config = await loadConfig(join(folder, "many"), signal);
    expect(config.stores.size).toBe(2);
    expect(config.releases[0]?.where).toEqual({ file: join(folder, "many/a.yaml"), line: 1 });
    expect(config.program).toEqual({
      auditFile: "/var/lib/helmwarden/audit.jsonl",
      queue: { kind: "local", concurrency: 4 },
      http: { address: "0.0.0.0", port: 8080, token: undefined },
      rollout: { canary: 1, maxUnavailable: { kind: "share", share: 0.25 } },
      restarts: { atOnce: 5 },
      retry: { firstMs: 5000, mostMs: 600_000, attempts: 5 },
      shutdownGraceMs: 60_000,
      resyncMs: 600_000,
      digestKey: undefined,
    });
  });
});

describe("what cannot be read", () => {
  test("a missing file", async () => {
    await expectRefused(join(folder, "none.yaml"), "does not exist: give the path");
  });

  test("a folder with nothing in it for us", async () => {
    await file("empty/readme.md", "# hello");
    await expectRefused(join(folder, "empty"), "is a folder without any *.yaml, *.yml or *.json file");
  });

  test("files without documents", async () => {
    await file("blank/a.yaml", "# nothing\n");
    await expectRefused(join(folder, "blank"), "holds no document");
  });

  test("text that is not UTF-8", async () => {
    await expectRefused(await file("latin1.yaml", Uint8Array.of(0x61, 0x3a, 0xff)), "is not UTF-8 text");
  });

  test("a file of more than 16 MiB", async () => {
    await expectRefused(await file("large.yaml", "#".repeat(16 * 1024 * 1024 + 1)), "is larger than 16 MiB");
  });

  test.skipIf(process.getuid?.() === 0)("a file that this user must not read", async () => {
    const path = await file("closed.yaml", WHOLE);
    await chmod(path, 0o000);
    await expectRefused(path, "must not be read by this user");
  });

  test("a link that leads nowhere, beside a good file: nothing is loaded", async () => {
    await file("broken/a.yaml", WHOLE);
    await symlink("gone", join(folder, "broken/b.yaml"));
    await expect(loadConfig(join(folder, "broken"), signal)).rejects.toThrow("broken/b.yaml: does not exist");
  });

  test("a folder that is named like a file", async () => {
    await mkdir(join(folder, "named/a.yaml"), { recursive: true });
    await expectRefused(join(folder, "named/a.yaml"), "is a folder, not a file", join(folder, "named"));
  });

  test("a read that is cancelled", async () => {
    const path = await file("slow.yaml", WHOLE);
    await expect(loadConfig(path, AbortSignal.abort())).rejects.toMatchObject({ code: "Cancelled" });
  });
});
