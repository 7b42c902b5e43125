import { afterEach, describe, expect, test } from "vitest";
import type { PathReading } from "../../../../src/ports.ts";
import { canary } from "../../../support/canary.ts";
import type { InfisicalFixture } from "../../../support/infisicalFixture.ts";
import { infisicalFixture } from "../../../support/infisicalFixture.ts";
import { expectFault, expectSilent } from "../../../support/silence.ts";

const signal = new AbortController().signal;
const V4 = "GET /api/v4/secrets";
const V3 = "GET /api/v3/secrets/raw";
const SLUG = "GET /api/v1/projects/slug/shop-x1-yz";
let fixture: InfisicalFixture;

async function start(...parameters: Parameters<typeof infisicalFixture>): Promise<InfisicalFixture> {
  fixture = await infisicalFixture(...parameters);
  return fixture;
}
afterEach(async () => {
  expectSilent(fixture.log.lines);
  await fixture.close();
});

function textOf(reading: PathReading, key: string): string | undefined {
  const secret = reading.kind === "found" ? reading.secrets.get(key) : undefined;
  return secret?.kind === "value" ? secret.value.reveal() : secret?.kind;
}

describe("imports and references", () => {
  test.each(["current", "early", "none"] as const)(
    "of two imports the last wins, and local secrets win over both (v4: %s)",
    async (v4) => {
      const { server, store } = await start({ v4 });
      const [first, last, local, nested] = ["first", "last", "local", "nested"].map((name) => canary(name));
      server.putSecret("/first", "BOTH", first!);
      server.putSecret("/first", "MINE", first!);
      server.putSecret("/last", "BOTH", last!);
      server.putSecret("/nested", "NESTED", nested!);
      server.addImport("/first", "/nested");
      server.putSecret("/app", "MINE", local!);
      server.addImport("/app", "/first");
      server.addImport("/app", "/last");
      const reading = await store().readPath("/app", signal);
      expect(["BOTH", "MINE", "NESTED"].map((key) => textOf(reading, key))).toEqual([last, local, nested]);
    },
  );

  test("references are expanded, also through an import", async () => {
    const { server, store } = await start();
    const password = canary("password");
    server.putSecret("/shared", "PASSWORD", password);
    server.putSecret("/app", "URL", "postgres://app:${PASSWORD}@db/${prod.shared.PASSWORD}?cost=$5");
    server.addImport("/app", "/shared");
    const reading = await store().readPath("/app", signal);
    expect(textOf(reading, "URL")).toBe(`postgres://app:${password}@db/${password}?cost=$5`);
  });

  test("every switch is sent explicitly, the imports in both spellings", async () => {
    const { server, store } = await start();
    await store().readPath("/", signal);
    const { searchParams } = server.requests.find(({ route }) => route === "/api/v4/secrets")!.url;
    expect(Object.fromEntries(searchParams)).toEqual({
      projectId: server.projectId,
      environment: "prod",
      secretPath: "/",
      viewSecretValue: "true",
      expandSecretReferences: "true",
      recursive: "false",
      includeImports: "true",
      include_imports: "true",
    });
  });
});

describe("what is not a value", () => {
  test("a hidden secret is never given as one, imported ones included", async () => {
    const { server, store } = await start();
    server.putSecret("/app", "HIDDEN", canary("hidden"));
    server.putSecret("/app", "SEEN", canary("seen"));
    server.hide("/app", "HIDDEN");
    server.putSecret("/shared", "FAR", canary("far"), "prod", true);
    server.addImport("/app", "/shared");
    const reading = await store().readPath("/app", signal);
    expect(["HIDDEN", "FAR"].map((key) => textOf(reading, key))).toEqual(["hidden", "hidden"]);
    expect(textOf(reading, "SEEN")).toContain("seen");
    expectSilent(reading);
  });

  test("an empty folder is found, a vanished one is missing", async () => {
    const { server, store } = await start();
    server.addFolder("/app");
    const infisical = store();
    expect(await infisical.readPath("/app", signal)).toEqual({ kind: "found", secrets: new Map() });
    server.removeFolder("/app");
    expect(await infisical.readPath("/app", signal)).toEqual({ kind: "missing", why: "absent" });
  });

  test("an environment or a project that does not exist is no missing secret", async () => {
    const { server, store } = await start();
    server.putSecret("/app", "KEY", canary("key"));
    const noEnvironment = store({ environment: "production" });
    const error = await expectFault("StoreInvalid", () => noEnvironment.readPath("/app", signal));
    expect(error.message).toContain('"production"');
    await expectFault("StoreInvalid", () => noEnvironment.readPath("/", signal));
    const noProject = store({ project: { id: "00000000-0000-0000-0000-000000000000" } });
    const unknown = await expectFault("StoreInvalid", () => noProject.readPath("/app", signal));
    expect(unknown.message).not.toContain("00000000");
    await expectFault("StoreInvalid", () => store({ project: { slug: "nobody" } }).readPath("/app", signal));
  });
});

describe("conditional reading", () => {
  test("an ETag goes with its exact URL, and a 304 gives the same object", async () => {
    const { server, store } = await start();
    server.putSecret("/app", "KEY", canary("app"));
    server.putSecret("/other", "KEY", canary("other"));
    const infisical = store();
    const app = await infisical.readPath("/app", signal);
    const other = await infisical.readPath("/other", signal);
    expect(await infisical.readPath("/app", signal)).toBe(app);
    expect(await infisical.readPath("/other", signal)).toBe(other);
    const lists = server.requests.filter(({ route }) => route === "/api/v4/secrets");
    expect(lists.map(({ status }) => status)).toEqual([200, 200, 304, 304]);
    expect(lists[0]!.ifNoneMatch).toBeUndefined();
    expect(lists[1]!.ifNoneMatch).toBeUndefined();
    expect(lists[2]!.ifNoneMatch).not.toBe(lists[3]!.ifNoneMatch);
  });

  test("a change in what is imported is seen", async () => {
    const { server, store } = await start();
    server.putSecret("/shared", "KEY", canary("old"));
    server.addImport("/app", "/shared");
    const infisical = store();
    const before = await infisical.readPath("/app", signal);
    server.putSecret("/shared", "KEY", canary("new"));
    const after = await infisical.readPath("/app", signal);
    expect(after).not.toBe(before);
    expect(textOf(after, "KEY")).toContain("new");
  });

  test("spellings of one path share one URL", async () => {
    const { server, store } = await start();
    server.putSecret("/apps/shop", "KEY", canary("key"));
    const infisical = store();
    const reading = await infisical.readPath("/apps/shop", signal);
    for (const spelt of ["apps/shop", "/apps/shop/", "//apps//shop"]) {
      expect(await infisical.readPath(spelt, signal)).toBe(reading);
    }
    expect(server.count(V4)).toBe(4);
  });
});

describe("one recursive list", () => {
  test("answers for all folders below, and keeps the same key in two folders apart", async () => {
    const { server, store } = await start();
    const [shop, blog] = [canary("shop"), canary("blog")];
    server.putSecret("/apps/shop", "PASSWORD", shop);
    server.putSecret("/apps/blog/db", "PASSWORD", blog);
    server.putSecret("/appsx", "PASSWORD", canary("aside"));
    const infisical = store({ recursive: { path: "apps/" } });
    const paths = ["/apps/shop", "/apps/blog/db", "/apps/blog", "/apps/none"];
    const readings = await Promise.all(paths.map((path) => infisical.readPath(path, signal)));
    expect(readings.map((reading) => textOf(reading, "PASSWORD"))).toEqual([shop, blog, undefined, undefined]);
    expect(server.count(V4)).toBe(1);
    expect(await infisical.readPath("/apps/shop", signal)).toBe(readings[0]);
    expect(textOf(await infisical.readPath("/appsx", signal), "PASSWORD")).toContain("aside");
    expect(server.requests.map(({ url }) => url.searchParams.get("recursive")).filter(Boolean)).toEqual([
      "true",
      "true",
      "false",
    ]);
  });

  test("with imports in it each folder is read alone, as nobody tells whose an import is", async () => {
    const { server, store } = await start();
    const shared = canary("shared");
    server.putSecret("/shared", "KEY", shared);
    server.putSecret("/apps/shop", "LOCAL", canary("local"));
    server.addImport("/apps/shop", "/shared");
    const infisical = store({ recursive: { path: "/" } });
    const reading = await infisical.readPath("/apps/shop", signal);
    expect(textOf(reading, "KEY")).toBe(shared);
    expect(await infisical.readPath("/apps/shop", signal)).toBe(reading);
  });
});

describe("versions of the API and names of projects", () => {
  test("a server without v4 is asked by v3, and from then on at once", async () => {
    const { server, store } = await start({ v4: "none" });
    server.putSecret("/app", "KEY", canary("key"));
    const infisical = store();
    const reading = await infisical.readPath("/app", signal);
    expect(await infisical.readPath("/app", signal)).toBe(reading);
    expect([server.count(V4), server.count(V3)]).toEqual([1, 2]);
  });

  test("a slug is looked up once for all who read", async () => {
    const { server, store } = await start();
    server.putSecret("/app", "KEY", canary("key"));
    const infisical = store({ project: { slug: server.projectSlug } });
    const readings = await Promise.all(["/app", "/app", "/"].map((path) => infisical.readPath(path, signal)));
    expect(readings[0]).toMatchObject({ kind: "found" });
    await infisical.readPath("/app", signal);
    expect(server.count(SLUG)).toBe(1);
    expect(server.requests.at(-1)?.url.searchParams.get("projectId")).toBe(server.projectId);
  });

  test("a server that knows neither the lookup nor v4 takes the slug in v3", async () => {
    const { server, store } = await start({ v4: "none", projectRoutes: false });
    server.putSecret("/app", "KEY", canary("key"));
    const infisical = store({ project: { slug: server.projectSlug } });
    expect(await infisical.readPath("/app", signal)).toMatchObject({ kind: "found" });
    expect(await infisical.readPath("/none", signal)).toMatchObject({ kind: "missing" });
    expect([server.count(SLUG), server.count(V4)]).toEqual([1, 0]);
  });
});
