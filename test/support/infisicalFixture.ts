// A store and the test server it reads from, on a clock where sleeping is jumping: no test waits.
import { SecretValue } from "../../src/core/secretValue.ts";
import type { Clock, Store } from "../../src/ports.ts";
import type { InfisicalAuth, InfisicalOptions } from "../../src/providers/infisical/options.ts";
import { createInfisicalStore } from "../../src/providers/infisical/store.ts";
import { canary } from "./canary.ts";
import type { InfisicalServer, InfisicalServerOptions } from "./infisicalServer.ts";
import { startInfisical } from "./infisicalServer.ts";
import type { Identity } from "./infisicalTokens.ts";
import { recordingLog } from "./silence.ts";

export interface JumpingClock extends Clock {
  readonly slept: number[];
  advance(ms: number): void;
}

export function jumpingClock(): JumpingClock {
  let ahead = 0;
  const slept: number[] = [];
  return {
    slept,
    advance: (ms) => void (ahead += ms),
    now: () => new Date(Date.now() + ahead),
    monotonic: () => performance.now() + ahead,
    async sleep(ms, signal) {
      signal.throwIfAborted();
      slept.push(ms);
      ahead += ms;
    },
  };
}

export type InfisicalFixture = Awaited<ReturnType<typeof infisicalFixture>>;

/** `identity` sets ttl, maxTtl, usesLimit and role of the one that logs in by universal auth. */
export async function infisicalFixture(
  serverOptions: InfisicalServerOptions = {},
  identity: Parameters<InfisicalServer["addIdentity"]>[2] = {},
) {
  const clock = jumpingClock();
  let serverAhead = 0;
  const server = await startInfisical({ now: () => clock.now().getTime() + serverAhead, ...serverOptions });
  const secret = canary("client-secret");
  const machine = server.addIdentity("universal", secret, identity);
  const log = recordingLog();
  const stores: Store[] = [];

  function store(options: Partial<InfisicalOptions> = {}): Store {
    const made = createInfisicalStore(
      {
        name: "infisical",
        siteUrl: server.url,
        project: { id: server.projectId },
        environment: "prod",
        auth: universal(machine, secret),
        ...options,
      },
      { clock, log, random: () => 0.5 },
    );
    stores.push(made);
    return made;
  }

  return {
    server,
    clock,
    log,
    secret,
    machine,
    store,
    /** Lets time pass on the server only: its tokens end earlier than we think. */
    hurryServer: (ms: number) => void (serverAhead += ms),
    logins: () => server.requests.filter(({ route }) => route.endsWith("/login")).length,
    renewals: () => server.count("POST /api/v1/auth/token/renew"),
    async close() {
      await Promise.all(stores.map((one) => one.close()));
      await server.close();
    },
  };
}

export function given(text: string): () => Promise<SecretValue> {
  return () => Promise.resolve(SecretValue.fromText(text));
}

export function universal({ account }: Identity, secret: string): InfisicalAuth {
  return { kind: "universal", clientId: given(account), clientSecret: given(secret) };
}
