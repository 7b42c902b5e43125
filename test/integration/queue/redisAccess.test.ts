import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { SecretValue } from "../../../src/core/secretValue.ts";
import { parseRedisUrl } from "../../../src/queue/redisUrl.ts";
import { CANARY, canary } from "../../support/canary.ts";
import { expectFault, expectSilent } from "../../support/silence.ts";
import { never, type RedisWorld, startRedisWorld, until } from "./redisWorld.ts";

const user = canary("user");
const password = `${canary("password")}%2F:@é`;
const login = `${user}:${encodeURIComponent(password)}@`;

let plain: RedisWorld;
let tls: RedisWorld;
beforeAll(async () => {
  const rules = ["--user", user, "on", `>${password}`, "~*", "&*", "+@all", "--user", "default", "off"];
  [plain, tls] = await Promise.all([startRedisWorld({ login, args: rules }), startRedisWorld({ tls: true })]);
});
afterEach(() => Promise.all([plain.drain(), tls.drain()]));
afterAll(() => Promise.all([plain.close(), tls.close()]));

it("logs in with user and password, and holds names and reasons only", async () => {
  const { queue, lines } = await plain.open("login");
  const seen: string[] = [];
  queue.consume(async ({ subject, reason }) => {
    seen.push(`${subject} ${reason}`);
    throw new Error(canary("thrown"));
  });
  queue.repeat("vault", 300, async () => {
    throw new Error(canary("tick"));
  });
  await queue.enqueue({ subject: "default/Release/shop/web", reason: "store" }, 0, never);
  await queue.enqueue({ subject: "default/Release/shop/api", reason: "retry" }, 60_000, never);
  await until(() => expect(seen).toEqual(["default/Release/shop/web store"]));
  await until(() => expect(lines.filter((line) => line.startsWith("error")).length).toBeGreaterThan(2));
  const dump = await plain.redis.dump();
  expect(dump).toContain("default/Release/shop/api");
  expect(dump).not.toContain(CANARY);
  expectSilent(lines);
  expectSilent(queue);
});

it.each([
  ["a wrong password", (url: string) => url.replace(encodeURIComponent(password), canary("wrong"))],
  ["no login", (url: string) => url.replace(login, "")],
])("says that Redis refuses %s, once and without a word of the URL", async (_what, change) => {
  const { queue, lines } = await plain.open("denied", { url: change(plain.redis.url) });
  queue.consume(async () => {});
  const error = await expectFault("QueueUnavailable", () => queue.enqueue({ subject: "a", reason: "store" }, 0, never));
  expect(error.detail).toEqual({ fault: "denied" });
  expect(error.message).toContain(`127.0.0.1:${plain.redis.port}`);
  await expectFault("QueueUnavailable", () => queue.depth(never));
  expect(lines).toHaveLength(1);
  expectSilent(lines);
});

it("does not talk to a Redis whose certificate is not trusted", async () => {
  const { queue } = await tls.open("untrusted");
  const error = await expectFault("QueueUnavailable", () => queue.enqueue({ subject: "a", reason: "store" }, 0, never));
  expect(error.detail).toEqual({ fault: "untrusted" });
});

it("works by TLS where the certificate is trusted", async () => {
  const fixture = fileURLToPath(new URL("../../fixtures/queueWorker.ts", import.meta.url));
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: tls.redis.caFile };
  const child = spawn(process.execPath, [fixture, "trusted"], { stdio: ["pipe", "pipe", "inherit"], env });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  child.stdin.write(`${tls.redis.url}\n`);
  await until(() => expect(printed).toContain("tick"), 20_000);
  expect(await tls.redis.with((client) => client.hget("trusted:ticked", "tick"))).not.toBe(null);
  child.stdin.end();
  expect(await once(child, "exit")).toEqual([0, null]);
});

it.each([
  "",
  "localhost:6379",
  `http://${canary("user")}@host`,
  `redis://${canary("user")}:p%ZZ@host`,
  `redis://host/${canary("database")}`,
  `redis://:${canary("password")}@`,
])("refuses a URL that is none, quoting nothing of it (%#)", async (url) => {
  await expectFault("ConfigInvalid", async () => parseRedisUrl(SecretValue.fromText(url)));
});

it("reads every part of a URL", () => {
  const parsed = parseRedisUrl(SecretValue.fromText("rediss://us%40er:pa%2Fss@[::1]:7000/3"));
  expect(parsed).toEqual({
    shown: "[::1]:7000",
    options: { host: "::1", port: 7000, db: 3, username: "us@er", password: "pa/ss", tls: {} },
  });
  expect(parseRedisUrl(SecretValue.fromText("rediss://redis.queue.svc")).options.tls).toEqual({
    servername: "redis.queue.svc",
  });
  expect(parseRedisUrl(SecretValue.fromText("redis://redis.queue.svc"))).toEqual({
    shown: "redis.queue.svc:6379",
    options: { host: "redis.queue.svc", port: 6379, db: 0 },
  });
});
