// What the scenarios of a migration have beside the usual: raw Secrets of all kinds, and a token that may write.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { canary } from "./canary.ts";
import { call } from "./http.ts";
import { waitUntil } from "./process.ts";
import { type ProgramEnd, type RunningProgram, startProgram } from "./program.ts";
import type { Scenario } from "./scenario.ts";
import { sharedServers } from "./servers.ts";

export interface MigrationWorld {
  /** A login that may write below the namespace's place in Vault. */
  readonly token: string;
  /** Lets that login do more there than to create, read, update and delete. */
  readonly permit: (...capabilities: readonly string[]) => Promise<void>;
  /** The folder of the journal. */
  readonly dir: string;
  /** `migrate STEP -c … --dir …`, not for a terminal. */
  readonly start: (step: string, ...args: readonly string[]) => RunningProgram;
  readonly migrate: (step: string, ...args: readonly string[]) => Promise<ProgramEnd>;
  /** The journal as it is now, an object a line. */
  readonly journal: () => readonly { readonly step: string; readonly [more: string]: unknown }[];
  /** Waits until the journal has so many lines of a step. */
  readonly until: (step: string, count: number) => Promise<void>;
  /** What Vault has at a path below the namespace's place. */
  readonly stored: (path: string) => Promise<Readonly<Record<string, string>> | undefined>;
  readonly makeSecret: (name: string, data: Readonly<Record<string, Buffer>>, more?: object) => Promise<void>;
  /** Every Secret that is not Helm's, by name. */
  readonly secrets: () => Promise<ReadonlyMap<string, LiveSecret>>;
}

export interface LiveSecret {
  readonly resourceVersion: string;
  readonly type: string;
  readonly immutable: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly data: Readonly<Record<string, string>>;
}

interface SecretBody extends Pick<LiveSecret, "type" | "data"> {
  readonly metadata: { readonly name: string; readonly resourceVersion: string } & Partial<
    Pick<LiveSecret, "labels" | "annotations">
  >;
  readonly immutable?: boolean;
}

export async function migrationWorld(scenario: Scenario, env: Record<string, string> = {}): Promise<MigrationWorld> {
  const { namespace, api, kubeconfig } = scenario;
  const { vaultAddress, vaultToken } = sharedServers();
  const vault = (method: string, path: string, body?: unknown) =>
    call(`${vaultAddress}/v1/${path}`, { method, body, headers: { "x-vault-token": vaultToken } });
  const token = canary("migrate-token");
  const permit: MigrationWorld["permit"] = async (...more) => {
    const capabilities = JSON.stringify(["create", "read", "update", "delete", ...more]);
    const rules = ["data", "metadata"].map(
      (part) => `path "secret/${part}/${namespace}/*" { capabilities = ${capabilities} }`,
    );
    await vault("POST", `sys/policies/acl/${namespace}-migrate`, { policy: rules.join("\n") });
  };
  await permit();
  await vault("POST", "auth/token/create", { id: token, policies: [`${namespace}-migrate`], ttl: "1h" });
  const dir = join(scenario.dir, "migration");
  const start: MigrationWorld["start"] = (step, ...args) =>
    startProgram(["migrate", step, "-c", join(scenario.dir, "config"), "--dir", dir, ...args], {
      dir: scenario.dir,
      env: { KUBECONFIG: kubeconfig, VAULT_TOKEN: token, ...env },
    });
  const journal: MigrationWorld["journal"] = () => {
    const path = join(dir, "journal.jsonl");
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    return whole
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { step: string });
  };
  return {
    token,
    permit,
    dir,
    start,
    migrate: (step, ...args) => start(step, ...args).end,
    journal,
    until: (step, count) =>
      waitUntil(
        `the journal has ${count} lines of ${step}`,
        async () => journal().filter((line) => line.step === step).length >= count,
        {
          processes: [],
          timeoutMs: 120_000,
        },
      ),
    async stored(path) {
      const { body } = await vault("GET", `secret/data/${namespace}/${path}`);
      return (body as { data?: { data?: Record<string, string> | null } }).data?.data ?? undefined;
    },
    async makeSecret(name, data, more = {}) {
      const encoded = Object.entries(data).map(([key, bytes]) => [key, bytes.toString("base64")]);
      await api("POST", `/api/v1/namespaces/${namespace}/secrets`, {
        metadata: { name },
        data: Object.fromEntries(encoded),
        ...more,
      });
    },
    async secrets() {
      const { body } = await api(
        "GET",
        `/api/v1/namespaces/${namespace}/secrets?fieldSelector=type!=helm.sh/release.v1`,
      );
      const { items } = body as { items: readonly SecretBody[] };
      return new Map(
        items.map(({ metadata, type, immutable = false, data }): [string, LiveSecret] => {
          const { name, resourceVersion, labels = {}, annotations = {} } = metadata;
          return [name, { resourceVersion, type, immutable, labels, annotations, data }];
        }),
      );
    },
  };
}

/** Names and contents of all kinds: text, several lines, blanks at the ends, empty, bytes, from 1 byte to `most`. */
export function oddData(index: number, most: number): Record<string, Buffer> {
  const text = canary(`migrate-${index}`);
  const kinds: Record<string, Buffer>[] = [
    { password: Buffer.from(text) },
    {
      "tls.crt": Buffer.from(`-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`),
      one: Buffer.from("x"),
    },
    { blob: Buffer.concat([Buffer.from([0, 255, 254]), Buffer.from(text), randomBytes(500)]) },
    { empty: Buffer.alloc(0), beside: Buffer.from(`  ${text}\t\n`) },
    { "config.json": Buffer.from(JSON.stringify({ password: text, quote: '"\\ {{x}} ü' })) },
    { large: Buffer.from(text.padEnd(Math.floor(most * ((index % 10) / 10 + 0.1)), "z")) },
  ];
  return kinds[index % kinds.length]!;
}
