// Plays the node that a chart's password Job runs on: its pod's env as a kubelet gives it, its statement at a real server.
import { createConnection } from "mysql2/promise";
import type { Scenario } from "./scenario.ts";

interface Pod {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly containers: readonly { readonly env: readonly EnvVar[] }[] };
  readonly status: { readonly phase: string };
}
interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef: { readonly name: string; readonly key: string } };
}

/** Until `let` is called, `hang` does not end after its statement, and `late` has not begun with it. */
export type Behaviour = "work" | "break" | "hang" | "late";

export interface PasswordJob {
  readonly set: (behaviour: Behaviour) => void;
  /** The exit code of each container that has run its statement. */
  readonly runs: readonly number[];
  /** Lets the pods that wait go on. */
  readonly let: () => void;
  readonly stop: () => Promise<void>;
}

const LOOK_MS = 50;

export function playPasswordJob(scenario: Scenario, port: number): PasswordJob {
  const pods = `/api/v1/namespaces/${scenario.namespace}/pods`;
  const seen = new Set<string>();
  const runs: number[] = [];
  let behaviour: Behaviour = "work";
  let release = Promise.withResolvers<void>();
  const over = new AbortController();

  const run = async ({ metadata, spec }: Pod): Promise<void> => {
    const env = await environmentOf(scenario, spec.containers[0]!.env);
    const ours = behaviour;
    if (ours === "late") await release.promise;
    const exit = ours === "break" ? 1 : await setPassword(port, env);
    runs.push(exit);
    if (ours === "hang") await release.promise;
    const status = { phase: exit === 0 ? "Succeeded" : "Failed" };
    await scenario.api("PATCH", `${pods}/${metadata.name}/status`, { status }, "application/merge-patch+json");
  };
  const loop = (async (): Promise<void> => {
    const running = new Set<Promise<void>>();
    while (!over.signal.aborted) {
      const { body } = await scenario.api("GET", `${pods}?labelSelector=batch.kubernetes.io/job-name`);
      for (const pod of (body as { items: readonly Pod[] }).items) {
        if (pod.status.phase !== "Pending" || seen.has(pod.metadata.name)) continue;
        seen.add(pod.metadata.name);
        running.add(run(pod));
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    release.resolve();
    await Promise.all(running);
  })();
  return {
    set: (next) => (behaviour = next),
    runs,
    let() {
      release.resolve();
      release = Promise.withResolvers();
    },
    async stop() {
      over.abort();
      await loop;
    },
  };
}

async function environmentOf(scenario: Scenario, vars: readonly EnvVar[]): Promise<ReadonlyMap<string, string>> {
  const resolved = await Promise.all(
    vars.map(async ({ name, value = "", valueFrom }): Promise<[string, string]> => {
      if (valueFrom === undefined) return [name, value];
      const { name: secret, key } = valueFrom.secretKeyRef;
      return [name, (await scenario.secret(secret))[key] ?? ""];
    }),
  );
  return new Map(resolved);
}

async function setPassword(port: number, env: ReadonlyMap<string, string>): Promise<number> {
  const of = (name: string): string => env.get(`MARIADB_${name}`) ?? "";
  try {
    const login = { host: "127.0.0.1", port, user: of("USER"), password: of("PREVIOUS_PASSWORD") };
    const connection = await createConnection(login);
    await connection.query("SET PASSWORD FOR ?@'%' = PASSWORD(?)", [of("USER"), of("NEW_PASSWORD")]);
    await connection.end();
    return 0;
  } catch {
    return 1;
  }
}
