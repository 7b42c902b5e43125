import { createInfisicalStore } from "../../src/providers/infisical/store.ts";
import { SecretValue } from "../../src/core/secretValue.ts";
import { canary } from "../support/canary.ts";
import { realClock } from "../support/clock.ts";
import { startInfisical } from "../support/infisicalServer.ts";
import { recordingLog } from "../support/silence.ts";
import { writerContract } from "./storeWriter.ts";

writerContract("Infisical", async () => {
  const server = await startInfisical();
  const secret = canary("client-secret");
  const { account } = server.addIdentity("universal", secret);
  const [store, reader] = [0, 1].map(() =>
    createInfisicalStore(
      {
        name: "infisical",
        siteUrl: server.url,
        project: { id: server.projectId },
        environment: "prod",
        auth: {
          kind: "universal",
          clientId: async () => SecretValue.fromText(account),
          clientSecret: async () => SecretValue.fromText(secret),
        },
      },
      { clock: realClock, log: recordingLog() },
    ),
  );
  return {
    store: store!,
    reader: reader!,
    exact: true,
    beforeWrite(_path, work) {
      server.before("PATCH /api/v4/secrets/batch", () => void work());
    },
    path: (name) => `web/${name}`,
    async put(path, secrets) {
      server.replaceSecrets(`/${path}`, secrets);
    },
    async close() {
      await Promise.all([store!.close(), reader!.close()]);
      await server.close();
    },
  };
});
