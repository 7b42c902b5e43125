// What only a real Redis shows: restarts, kills, what MONITOR and the slow log see, replicas, files that cannot be written.
import { mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, expect, test } from "vitest";
import { SecretValue } from "../../../src/core/secretValue.ts";
import { redisTarget } from "../../../src/targets/redis.ts";
import { canary } from "../../support/canary.ts";
import { redisTargetWorld, type RedisTargetOptions } from "../../support/redisTarget.ts";
import { freePort, startRedis } from "../../support/redisServer.ts";
import { startTcpRelay } from "../../support/tcpRelay.ts";
import { expectFault, expectSilent } from "../../support/silence.ts";

const signal = new AbortController().signal;
let world: Awaited<ReturnType<typeof redisTargetWorld>>;
afterEach(() => world.close());

async function start(options: RedisTargetOptions): Promise<void> {
  world = await redisTargetWorld(options);
}

const working = async ({ current, next }: ReturnType<typeof world.change>): Promise<boolean[]> => [
  await world.accepts(current),
  await world.accepts(next),
];

test.each([
  ["aclFile", "app", "SIGTERM"],
  ["aclFile", "app", "SIGKILL"],
  ["configFile", "app", "SIGKILL"],
  ["configFile", "default", "SIGTERM"],
  ["configFile", "default", "SIGKILL"],
] as const)(
  "with users in its %s, %s keeps both through a restart by %s, and one after the end",
  async (keeps, user, how) => {
    await start({ user, keeps });
    const change = world.change();
    await world.target.set(change, signal);
    await world.server.stop(how);
    await world.server.start();
    expect(await working(change)).toEqual([true, true]);
    await world.target.retire(change, signal);
    await world.server.stop(how);
    await world.server.start();
    expect(await working(change)).toEqual([false, true]);
  },
  60_000,
);

test("without a file a restart forgets, which check says", async () => {
  await start({ user: "app", keeps: "nowhere" });
  const change = world.change();
  expect((await world.target.check(signal)).message).toContain("a restart forgets a change");
  await world.target.set(change, signal);
  expect(await working(change)).toEqual([true, true]);
  await world.server.stop();
  await world.server.start();
  expect(await working(change)).toEqual([true, false]);
  expect(await world.target.test(change.next, signal)).toBe("refused");
});

test("an ACL file that cannot be written: nothing is changed", async () => {
  await start({ user: "app", keeps: "aclFile" });
  const change = world.change();
  // The file's place is taken by a folder: not even root can write it.
  renameSync(join(world.dir, "users.acl"), join(world.dir, "kept.acl"));
  mkdirSync(join(world.dir, "users.acl", "in-the-way"), { recursive: true });
  const error = await expectFault("TargetRefused", async () => await world.target.set(change, signal));
  expect(error.message).toContain("cannot write its ACL file");
  expect(await working(change)).toEqual([true, false]);
});

test("no plaintext reaches MONITOR, the slow log or the ACL log", async () => {
  await start({ user: "app", keeps: "aclFile", args: ["--slowlog-log-slower-than", "0"] });
  const change = world.change();
  const seen: string[] = [];
  const own = new Redis(world.server.url);
  const watcher = await own.monitor();
  try {
    watcher.on("monitor", (_time, words) => seen.push(words.join(" ")));
    await world.target.set(change, signal);
    await world.target.retire(change, signal);
    await world.server.with((client) => client.ping("the end"));
    await expect.poll(() => seen.some((line) => line.includes("the end")), { timeout: 30_000 }).toBe(true);
  } finally {
    watcher.disconnect();
    own.disconnect();
  }
  const logs = await world.server.with(async (client) => [await client.slowlog("GET", 100), await client.acl("LOG")]);
  expectSilent([seen, logs]);
  expect(readFileSync(join(world.dir, "users.acl"), "utf8")).not.toContain(change.next.value.reveal());
});

test("a user without a password, and one that does not exist, are refused before anything is changed", async () => {
  await start({ user: "app", keeps: "nowhere" });
  const change = world.change();
  await world.server.with((client) => client.call("ACL", "SETUSER", "app", "nopass"));
  await expectFault("TargetRefused", async () => await world.target.set(change, signal));
  await world.server.with((client) => client.call("ACL", "DELUSER", "app"));
  await expectFault("TargetRefused", async () => await world.target.set(change, signal));
  expect(await world.server.with((client) => client.call("ACL", "GETUSER", "app"))).toBeNull();
  expect(await world.target.check(signal)).toMatchObject({ ok: false });
});

test("a wrong admin, and one without rights, are told apart from a server that is down", async () => {
  await start({ user: "app", keeps: "nowhere" });
  const change = world.change();
  const wrong = redisTarget(world.spec, () => Promise.resolve(SecretValue.fromText(canary("wrong"))));
  await expectFault("TargetRefused", async () => await wrong.set(change, signal));
  await world.server.with((client) => client.call("ACL", "SETUSER", "admin", "-acl|setuser"));
  const denied = await expectFault("TargetRefused", async () => await world.target.set(change, signal));
  expect(denied.message).toContain("docs/rotation-targets.md");
  await world.server.stop();
  await expectFault("TargetUnavailable", async () => await world.target.set(change, signal));
  await expectFault("TargetUnavailable", async () => await world.target.test(change.current, signal));
  expect(await world.target.check(signal)).toMatchObject({ ok: false });
}, 60_000);

test("a replica, and a primary that has one, are refused: they would not learn the password", async () => {
  await start({ user: "app", keeps: "nowhere" });
  const change = world.change();
  const dir = join(world.dir, "replica");
  const own = ["--masteruser", "admin", "--masterauth", world.adminPassword, "--requirepass", world.adminPassword];
  const replica = await startRedis({
    dir,
    args: ["--replicaof", `127.0.0.1 ${world.server.port}`, ...own],
    login: `:${world.adminPassword}@`,
  });
  try {
    const replicas = async (): Promise<string> => await world.server.with((client) => client.info("replication"));
    await expect.poll(replicas, { timeout: 30_000 }).toContain("connected_slaves:1");
    await expectFault("TargetRefused", async () => await world.target.set(change, signal));
    expect(await working(change)).toEqual([true, false]);
    const admin = { user: "default", password: { fromEnv: "ADMIN" } };
    const read = (): Promise<SecretValue> => Promise.resolve(SecretValue.fromText(world.adminPassword));
    const there = redisTarget({ ...world.spec, port: replica.port, admin }, read);
    const error = await expectFault("TargetRefused", async () => await there.set(change, signal));
    expect(error.message).toContain("is a replica");
  } finally {
    await replica.stop("SIGKILL");
  }
}, 60_000);

test.each(["prefer", "require"] as const)("TLS by %s takes a certificate that nobody vouches for", async (mode) => {
  await start({ user: "app", keeps: "nowhere", tls: true, mode });
  const change = world.change();
  await world.target.set(change, signal);
  expect(await working(change)).toEqual([true, true]);
  expect((await world.target.check(signal)).message).toContain(", encrypted;");
});

test("TLS by `verify` takes only a trusted one, and `require` no clear text", async () => {
  await start({ user: "app", keeps: "nowhere", tls: true, mode: "off" });
  const read = (): Promise<SecretValue> => Promise.resolve(SecretValue.fromText(world.adminPassword));
  const strict = redisTarget({ ...world.spec, tls: { mode: "verify", caFile: undefined } }, read);
  await expectFault("TargetUnavailable", async () => await strict.set(world.change(), signal));
  await expectFault("TargetUnavailable", async () => await world.target.set(world.change(), signal));
}, 60_000);

test("a server that falls silent, and one that breaks off, are told from a refusal", async () => {
  await start({ user: "app", keeps: "nowhere", mode: "off" });
  const relay = await startTcpRelay(world.server.port);
  try {
    const change = world.change();
    const read = (): Promise<SecretValue> => Promise.resolve(SecretValue.fromText(world.adminPassword));
    const target = redisTarget({ ...world.spec, port: relay.port }, read);
    expect(await target.test(change.current, signal)).toBe("accepted");
    await world.server.with((client) => client.call("CLIENT", "PAUSE", "60000", "ALL"));
    const stop = new AbortController();
    const asked = expectFault("Cancelled", async () => await target.set(change, stop.signal));
    await expect.poll(() => relay.connections, { timeout: 30_000 }).toBe(2);
    stop.abort();
    await asked;
    const broken = expectFault("TargetUnavailable", async () => await target.set(change, signal));
    await expect.poll(() => relay.connections, { timeout: 30_000 }).toBe(3);
    relay.cut();
    await broken;
  } finally {
    await relay.close();
  }
}, 90_000);

test("a port where nobody listens", async () => {
  await start({ user: "app", keeps: "nowhere" });
  const nobody = redisTarget({ ...world.spec, port: await freePort() }, () =>
    Promise.resolve(SecretValue.fromText("x")),
  );
  await expectFault("TargetUnavailable", async () => await nobody.set(world.change(), signal));
});
