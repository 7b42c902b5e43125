import { createInfisicalStore } from "../../src/providers/infisical/store.ts";
import { SecretValue } from "../../src/core/secretValue.ts";
import type { InfisicalOptions } from "../../src/providers/infisical/options.ts";
import { canary } from "../support/canary.ts";
import { realClock } from "../support/clock.ts";
import { startInfisical } from "../support/infisicalServer.ts";
import { recordingLog } from "../support/silence.ts";
import { storeContract } from "./store.ts";

for (const v4 of ["current", "early", "none"] as const) {
  storeContract(`Infisical (v4 of the API: ${v4})`, async () => {
    const server = await startInfisical({ v4 });
    const secret = canary("client-secret");
    const { account } = server.addIdentity("universal", secret);
    const made = (clientSecret: string, siteUrl: string, limits: Partial<InfisicalOptions> = {}) =>
      createInfisicalStore(
        {
          name: "infisical",
          siteUrl,
          project: { id: server.projectId },
          environment: "prod",
          auth: {
            kind: "universal",
            clientId: async () => SecretValue.fromText(account),
            clientSecret: async () => SecretValue.fromText(clientSecret),
          },
          ...limits,
        },
        { clock: realClock, log: recordingLog() },
      );
    const store = made(secret, server.url);
    return {
      store,
      path: (name) => `/contract/${name}`,
      async put(path, secrets) {
        server.removeFolder(path);
        for (const [key, value] of Object.entries(secrets)) server.putSecret(path, key, value);
      },
      async putOdd(path, key) {
        server.putSecret(path, key, canary("hidden"), "prod", true);
        return "hidden";
      },
      denied: () => made(canary("wrong"), server.url),
      at: (address) => made(secret, address, { attemptTimeoutMs: 400, deadlineMs: 1_500 }),
      requests: () => server.count(),
      async close() {
        await store.close();
        await server.close();
      },
    };
  });
}
