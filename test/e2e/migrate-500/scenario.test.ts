import { randomBytes } from "node:crypto";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { afterEach, beforeEach, expect, test } from "vitest";
import { inLanes } from "../../../src/operations/lanes.ts";
import { canary } from "../../support/canary.ts";
import { generationOf } from "../../support/deployment.ts";
import { migrationWorld, type MigrationWorld } from "../../support/migration.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";

const COUNT = 500;

let scenario: Scenario;
let world: MigrationWorld;
beforeEach(async () => {
  scenario = await openScenario(import.meta.dirname);
  world = await migrationWorld(scenario);
});
afterEach(() => scenario.close());

/** From 1 B to 900 kB; a tenth is larger than 10 kB, as 500 large ones would be half a gigabyte. */
function dataOf(index: number): Record<string, Buffer> {
  const text = canary(`many-${index}`);
  const size = index % 10 === 0 ? 10_000 + index * 1_780 : 1 + ((index * 37) % 8_000);
  switch (index % 5) {
    case 0:
      return { text: Buffer.from(text.padEnd(size, "z").slice(0, Math.max(size, text.length))) };
    case 1:
      return { bytes: Buffer.concat([Buffer.from([0, 255, 254]), Buffer.from(text), randomBytes(size)]) };
    case 2:
      return { lines: Buffer.from(`\n${text}\r\n  and more\n\n`.repeat(1 + (size % 50))) };
    case 3:
      return { empty: Buffer.alloc(0), one: Buffer.from("x"), more: Buffer.from(text) };
    default:
      return { blank: Buffer.from(" \t\n"), json: Buffer.from(JSON.stringify({ text, odd: '"\\ {{x}} ${y} ü' })) };
  }
}

test("500 Secrets of 1 B to 900 kB arrive byte for byte; all would be adopted, no revision is made, no pod restarted", async () => {
  await inLanes([...Array(COUNT).keys()], 8, (index) => world.makeSecret(`raw-${index}`, dataOf(index)));
  const token = canary("token");
  await scenario.install("shop", "web", { token, url: `postgres://app:${token}@db/app` });
  const before = await world.secrets();
  const rolled = await generationOf(scenario.api, scenario.namespace, "shop");
  const sizes = [...before.values()].flatMap(({ data }) =>
    Object.values(data).map((text) => Buffer.byteLength(text, "base64")),
  );
  expect(Math.max(...sizes)).toBeGreaterThan(880_000);
  expect(sizes).toContain(1);

  const recipient = await identityToRecipient(await generateX25519Identity());
  const ended = await world.migrate("run", "-n", scenario.namespace, "--yes", "--recipient", recipient);
  expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: "" });
  expect(ended.stdout.replaceAll(/\s+/g, " ")).toContain(
    `Proven: a sync would adopt all ${COUNT + 1} releases and Secrets, and change nothing.`,
  );

  const wrong: string[] = [];
  await inLanes([...before], 8, async ([name, { data }]) => {
    const stored = (await world.stored(name)) ?? {};
    for (const [key, base64] of Object.entries(data)) {
      const found = key === "bytes" ? stored[key] : Buffer.from(stored[key] ?? "", "utf8").toString("base64");
      if (found !== base64 || stored[key] === undefined) wrong.push(`${name}#${key}`);
    }
  });
  expect(wrong).toEqual([]);
  expect(await world.secrets()).toEqual(before);
  expect(await generationOf(scenario.api, scenario.namespace, "shop")).toBe(rolled);
  expect(JSON.parse(await scenario.helm(["history", "shop", "--output", "json"]))).toHaveLength(1);
}, 600_000);
