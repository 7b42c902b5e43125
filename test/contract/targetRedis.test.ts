import { redisTargetWorld } from "../support/redisTarget.ts";
import { describeTarget } from "./target.ts";

describeTarget("Redis with an ACL file", async () => await redisTargetWorld({ user: "app", keeps: "aclFile" }));
describeTarget("Redis with requirepass", async () => await redisTargetWorld({ user: "default", keeps: "configFile" }));
describeTarget("Redis by TLS, with users in memory", async () => {
  return await redisTargetWorld({ user: "app", keeps: "nowhere", tls: true, mode: "verify" });
});
describeTarget("Redis with a user that changes itself", async () => {
  return await redisTargetWorld({ user: "default", keeps: "configFile", isOwnAdmin: true });
});
