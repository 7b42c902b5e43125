// A real Redis with an admin, and a target for one of its users.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import type { TargetSpec } from "../../src/core/rotation/policy.ts";
import { SecretValue } from "../../src/core/secretValue.ts";
import type { TargetChange, TargetCredential } from "../../src/ports.ts";
import { redisTarget } from "../../src/targets/redis.ts";
import { canary } from "./canary.ts";
import { startRedis } from "./redisServer.ts";

export interface RedisTargetOptions {
  readonly user: string;
  /** Where it keeps its users: a file for them, its configuration, or nowhere. */
  readonly keeps: "aclFile" | "configFile" | "nowhere";
  /** The user changes itself. */
  readonly isOwnAdmin?: boolean;
  readonly tls?: boolean;
  readonly mode?: "verify" | "require" | "prefer" | "off";
  /** More of Redis's own arguments. */
  readonly args?: readonly string[];
}

export async function redisTargetWorld(options: RedisTargetOptions) {
  const { user, keeps, isOwnAdmin = false, tls = false, mode = "prefer" } = options;
  const dir = mkdtempSync(join(tmpdir(), "helmwarden-redis-target-"));
  const adminPassword = canary("admin");
  let current = canary("first");
  const users = [`user admin on >${adminPassword} ~* &* +@all`, `user app on >${current} ~* &* +@all`];
  const file = join(dir, keeps === "aclFile" ? "users.acl" : "redis.conf");
  const passwordOfDefault = keeps === "aclFile" ? `user default on >${current} ~* &* +@all` : `requirepass ${current}`;
  writeFileSync(file, `${[...users, passwordOfDefault].join("\n")}\n`);
  // Without a file to go by, users come from its arguments.
  const spread = ["--user", ...users[0]!.split(" ").slice(1), "--user", ...users[1]!.split(" ").slice(1)];
  const args = { aclFile: ["--aclfile", file], configFile: [], nowhere: [...spread, "--requirepass", current] }[keeps];
  const server = await startRedis({
    dir,
    tls,
    args: [...args, ...(options.args ?? [])],
    login: `admin:${adminPassword}@`,
    ...(keeps === "configFile" ? { config: file } : {}),
  });
  const caFile = mode === "verify" ? server.caFile : undefined;
  const spec: Extract<TargetSpec, { kind: "redis" }> = {
    kind: "redis",
    host: "127.0.0.1",
    port: server.port,
    tls: { mode, caFile },
    user,
    admin: { user: isOwnAdmin ? user : "admin", password: { fromEnv: "ADMIN" } },
  };
  const target = redisTarget(spec, () => Promise.resolve(SecretValue.fromText(isOwnAdmin ? current : adminPassword)));
  const credential = (value: string): TargetCredential => ({
    user,
    value: SecretValue.fromText(value),
    id: undefined,
  });
  return {
    server,
    target,
    spec,
    dir,
    adminPassword,
    /** A rotation from the value that is valid now. */
    change: (next = canary("next")): TargetChange => ({
      rotation: "the-rotation",
      current: credential(current),
      next: credential(next),
    }),
    async begin(): Promise<TargetChange> {
      current = canary("current");
      await server.with((client) => client.call("ACL", "SETUSER", user, "resetpass", `>${current}`));
      return { rotation: "the-rotation", current: credential(current), next: credential(canary("next")) };
    },
    async accepts({ value }: TargetCredential): Promise<boolean> {
      const client = new Redis({
        port: server.port,
        username: user,
        password: value.reveal(),
        retryStrategy: () => null,
        lazyConnect: true,
        ...(tls ? { tls: { rejectUnauthorized: false } } : {}),
      });
      client.on("error", () => {});
      try {
        await client.connect();
        return (await client.ping()) === "PONG";
      } catch {
        return false;
      } finally {
        client.disconnect();
      }
    },
    async close(): Promise<void> {
      await target.close();
      await server.stop("SIGKILL");
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
