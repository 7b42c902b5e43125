import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { SecretValue } from "../../../src/core/secretValue.ts";
import { dependentsOf, subjectsOf } from "../../../src/core/subject.ts";
import type { CredentialRef } from "../../../src/core/spec.ts";
import { callersOf } from "../../../src/daemon/callers.ts";
import { createMetrics } from "../../../src/daemon/metrics.ts";
import { type DaemonServer, startServer } from "../../../src/daemon/server.ts";
import { HelmwardenError } from "../../../src/errors.ts";
import type { Clock } from "../../../src/ports.ts";
import { parseConfig } from "../../../src/config/load.ts";
import { CANARY, canary } from "../../support/canary.ts";
import { viewOf } from "../../support/daemonView.ts";
import { call, type HttpAnswer } from "../../support/http.ts";
import { expectSilent, recordingLog } from "../../support/silence.ts";
import { delivery, sign } from "../../support/webhook.ts";

const NOW = Date.UTC(2026, 0, 1);
const CONFIG = `
apiVersion: helmwarden.dev/v1alpha1
kind: SecretStore
metadata: { name: vault }
spec:
  push: { token: { fromEnv: PUSH } }
  vault: { address: "https://vault", auth: { token: { fromEnv: UNUSED } } }
---
apiVersion: helmwarden.dev/v1alpha1
kind: SecretStore
metadata: { name: closed }
spec: { vault: { address: "https://vault", auth: { token: { fromEnv: UNUSED } } } }
---
apiVersion: helmwarden.dev/v1alpha1
kind: SecretStore
metadata: { name: infisical }
spec:
  push: { token: { fromEnv: PUSH } }
  infisical:
    projectId: PROJECT
    environment: ENVIRONMENT
    webhook: { secret: { fromEnv: WEBHOOK } }
    auth: { token: { fromEnv: UNUSED } }
---
apiVersion: helmwarden.dev/v1alpha1
kind: SecretSync
metadata: { name: one, namespace: web }
spec:
  data:
    - { key: a, from: { store: vault, path: apps/matomo, key: A } }
    - { key: b, from: { store: closed, path: apps/matomo, key: A } }
    - { key: c, from: { store: infisical, path: apps/matomo/, key: A } }
    - { key: d, from: { store: infisical, path: /, key: A } }
`;

const running: DaemonServer[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

async function start(secrets: Record<string, string> = {}, { project = "6f1e", environment = "prod", now = NOW } = {}) {
  const credentials = { PUSH: canary("push"), WEBHOOK: canary("webhook"), ...secrets };
  const reads: string[] = [];
  const readCredential = (ref: CredentialRef) => async (): Promise<SecretValue> => {
    const name = "fromEnv" in ref ? ref.fromEnv : "";
    reads.push(name);
    const text = credentials[name as keyof typeof credentials];
    if (text === "") throw new HelmwardenError("ConfigInvalid", "A credential is missing. Put it there.");
    return SecretValue.fromText(text);
  };
  let time = 0;
  const clock: Clock = { now: () => new Date(now + time), monotonic: () => time, sleep: async () => undefined };
  const text = CONFIG.replace("PROJECT", project).replace("ENVIRONMENT", environment);
  const config = parseConfig([{ name: "c.yaml", text }], "c.yaml");
  const callers = callersOf(config, dependentsOf(subjectsOf(config)), readCredential, clock);
  const [view, log, metrics] = [viewOf(), recordingLog(), await createMetrics("1")];
  const server = await startServer({ address: "127.0.0.1", port: 0 }, view, metrics, () => callers, { clock, log });
  running.push(server);
  const post = (store: string, headers: Record<string, string>, body?: unknown): Promise<HttpAnswer> =>
    call(`http://127.0.0.1:${server.port}/v1/hooks/${store}`, { method: "POST", headers, body });
  return {
    credentials,
    reads,
    log,
    hooked: view.hooked,
    wait: (ms: number) => void (time += ms),
    post,
    push: (store: string, body?: unknown) => post(store, { authorization: `Bearer ${credentials.PUSH}` }, body),
    deliver: (signature: string, body: unknown) => post("infisical", { "x-infisical-signature": signature }, body),
    counted: async () => {
      const { text: page } = await metrics.page(view);
      return [...page.matchAll(/^helmwarden_hooks_total\{store="(\w+)",result="(\w+)"\} (\d+)$/gm)].map((hit) =>
        hit.slice(1),
      );
    },
  };
}

describe("the generic hook", () => {
  test("has one path read, or all of the store", async () => {
    const { push, hooked, counted } = await start();
    expect(await push("vault", { path: "apps/matomo" })).toEqual({ status: 202, body: { read: true } });
    expect(await push("vault", { path: "/apps/matomo/" })).toMatchObject({ status: 202 });
    expect(await push("vault")).toMatchObject({ status: 202 });
    expect(await push("vault", {})).toMatchObject({ status: 202 });
    expect(await push("infisical", { path: "apps/matomo" })).toMatchObject({ status: 202 });
    expect(await push("infisical", { path: "/" })).toMatchObject({ status: 202 });
    expect(hooked).toEqual([
      "vault apps/matomo",
      "vault apps/matomo",
      "vault *",
      "vault *",
      "infisical /apps/matomo",
      "infisical /",
    ]);
    expect(await counted()).toEqual([
      ["vault", "read", "4"],
      ["infisical", "read", "2"],
    ]);
  });

  test("leaves alone what nobody reads", async () => {
    const { push, hooked, counted } = await start();
    const answer = { status: 200, body: { read: false, why: "nothing reads this path" } };
    for (const path of ["apps/other", "apps", "apps/matomo/deeper", canary("path")])
      expect(await push("vault", { path })).toEqual(answer);
    expect(hooked).toEqual([]);
    expect(await counted()).toEqual([["vault", "ignored", "4"]]);
  });

  test("is refused without its token, whatever the body", async () => {
    const { post, hooked, counted, credentials } = await start();
    for (const authorization of [
      undefined,
      "",
      credentials.PUSH,
      `Basic ${credentials.PUSH}`,
      `Bearer ${credentials.PUSH}x`,
    ]) {
      const answer = await post("vault", authorization === undefined ? {} : { authorization }, { path: "apps/matomo" });
      expect(answer.status).toBe(401);
      expectSilent(answer);
    }
    expect(hooked).toEqual([]);
    expect(await counted()).toEqual([["vault", "refused", "5"]]);
  });

  test("is not there for a store without one, nor for no store, and both look the same", async () => {
    const { push, hooked, counted } = await start();
    const answer = await push("closed");
    expect(answer.status).toBe(404);
    expect(await push("nowhere")).toEqual(answer);
    expect(hooked).toEqual([]);
    expect(await counted()).toEqual([]);
  });

  test.each([{ paths: "a" }, { path: 1 }, { path: "" }, { path: "a".repeat(1025) }, ["a"], "text", null])(
    "refuses a body of another shape (%#)",
    async (body) => {
      const { push, hooked } = await start();
      expect(await push("vault", body)).toEqual({
        status: 400,
        body: { error: 'The body must be empty or JSON: {"path": "apps/matomo"}.' },
      });
      expect(hooked).toEqual([]);
    },
  );

  test("takes no body above 64 KiB", async () => {
    const { push, hooked } = await start();
    expect(await push("vault", { path: "a", [CANARY]: "b".repeat(70_000) })).toEqual({
      status: 413,
      body: { error: "The body is larger than 64 KiB; send a path only." },
    });
    expect(hooked).toEqual([]);
  });

  test("a token that cannot be read closes it, and is asked for at most every ten seconds", async () => {
    const { push, reads, log, wait } = await start({ PUSH: "" });
    for (let count = 0; count < 5; count += 1) {
      expect(await push("vault")).toEqual({
        status: 503,
        body: { error: "The daemon cannot answer this now; its log says why." },
      });
    }
    expect(reads).toEqual(["PUSH"]);
    expect(log.lines[0]).toContain("A credential is missing. Put it there.");
    wait(10_001);
    await push("vault");
    expect(reads).toEqual(["PUSH", "PUSH"]);
  });
});

describe("Infisical's webhook", () => {
  test("of a real server is understood, and taken once", async () => {
    const file = new URL("../../fixtures/recorded/infisical/webhook-deliveries.json", import.meta.url);
    const recorded = JSON.parse(readFileSync(file, "utf8")) as {
      key: string;
      deliveries: { headers: Record<string, string>; body: string }[];
    };
    const bodies = recorded.deliveries.map(
      ({ body }) => JSON.parse(body) as { timestamp: number; project: { projectId: string } },
    );
    const { projectId } = bodies[0]!.project;
    const settings = { project: projectId, environment: "dev", now: bodies.at(-1)!.timestamp };
    const { post, hooked } = await start({ WEBHOOK: recorded.key }, settings);
    const statuses: number[] = [];
    for (const round of ["first", "second"]) {
      for (const [index, { headers }] of recorded.deliveries.entries()) {
        const signed = { "x-infisical-signature": headers["x-infisical-signature"]!, "user-agent": round };
        statuses.push((await post("infisical", signed, bodies[index])).status);
      }
    }
    // The middle one is of a folder that nobody reads.
    expect(statuses).toEqual([202, 200, 202, 409, 409, 409]);
    expect(hooked).toEqual(["infisical /", "infisical /"]);
  });

  test("is refused when forged, stale, of another place, or no delivery at all", async () => {
    const { deliver, credentials, hooked, counted, post } = await start();
    const good = delivery(credentials.WEBHOOK, NOW);
    const answers: HttpAnswer[] = [];
    const tell = async (signature: string, body: unknown): Promise<void> => {
      answers.push(await deliver(signature, body));
    };
    await tell(delivery(canary("guess"), NOW).signature, good.body);
    await tell(good.signature, { ...good.body, event: "x" });
    for (const away of [-300_001, 300_001]) {
      const { signature, body } = delivery(credentials.WEBHOOK, NOW + away);
      await tell(signature, body);
    }
    for (const project of [{ environment: "dev" }, { projectId: "other" }]) {
      const { signature, body } = delivery(credentials.WEBHOOK, NOW, project);
      await tell(signature, body);
    }
    await tell("t=1;00", good.body);
    await tell(sign(credentials.WEBHOOK, NOW, '"text"'), "text");
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 422, 422, 400, 400]);
    for (const answer of answers) expectSilent(answer);
    expect((await post("infisical", {}, good.body)).status).toBe(401);
    expect((await post("vault", { "x-infisical-signature": good.signature }, good.body)).status).toBe(401);
    expect((await deliver(good.signature, { ...good.body, pad: "a".repeat(70_000) })).status).toBe(413);
    expect(hooked).toEqual([]);
    expect(await counted()).toEqual([
      ["infisical", "refused", "10"],
      ["vault", "refused", "1"],
    ]);
    expect(await deliver(good.signature, good.body)).toMatchObject({ status: 202 });
    expect(hooked).toEqual(["infisical /apps/matomo"]);
  });

  test("leaves a token beside it in force", async () => {
    const { push, hooked } = await start();
    expect(await push("infisical")).toMatchObject({ status: 202 });
    expect(hooked).toEqual(["infisical *"]);
  });
});
