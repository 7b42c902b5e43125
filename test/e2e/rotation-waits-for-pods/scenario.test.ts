import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { until } from "../../support/daemon.ts";
import { makeDeployment } from "../../support/deployment.ts";
import type { MariadbServer } from "../../support/mariadb.ts";
import { databaseFolder, mariadbFor, openRotationScenario, type RotationScenario } from "../../support/rotation.ts";

let scenario: RotationScenario;
let database: MariadbServer;
const folder = databaseFolder();
afterEach(async () => {
  await scenario.close();
  await database.stop();
  folder.remove();
});

interface Pods {
  readonly items: readonly {
    metadata: { name: string };
    status: { containerStatuses?: { state: { running?: object } }[] };
  }[];
}

async function pods(): Promise<Pods["items"]> {
  return (await scenario.object<Pods>("v1/pods")).items;
}
const allRun = async (): Promise<boolean> => {
  const found = await pods();
  return (
    found.length === 6 && found.every(({ status }) => status.containerStatuses?.every(({ state }) => state.running))
  );
};

test("the old password stays until the last of six pods has been replaced, and then it goes", async () => {
  const old = canary("old");
  database = await mariadbFor(folder.dir, old);
  scenario = await openRotationScenario(import.meta.dirname, database);
  await scenario.vault.put("app", { PASSWORD: old });
  expect(await scenario.sync()).toMatchObject({ kind: "changed" });
  const { api, namespace } = scenario;
  await makeDeployment(api, namespace, "app", { container: { envFrom: [{ secretRef: { name: "app" } }] } });
  await api(
    "PATCH",
    `/apis/apps/v1/namespaces/${namespace}/deployments/app`,
    { spec: { replicas: 6 } },
    "application/merge-patch+json",
  );
  await until("six pods run", allRun);
  const before = await pods();
  // Pods count by whole seconds: these are of an earlier one than the Secret's.
  await until(
    "a second has passed",
    async () => Math.floor(Date.now() / 1000) > Math.max(...(await starts())) / 1000 + 1,
  );

  const first = await scenario.rotate("app-db", "--wait", "0");
  expect(first.code).toBe(2);
  expect(first.stdout.replaceAll(/\s+/g, " ")).toContain("0 of 6 pods run with the new value");
  const { PASSWORD: now = "" } = await scenario.vault.get("app");
  expect(now).not.toBe(old);
  for (const password of [old, now]) expect(await database.canLogin("app", password)).toBe(true);

  const replace = async (names: readonly string[]): Promise<void> => {
    for (const name of names) await api("DELETE", `/api/v1/namespaces/${namespace}/pods/${name}?gracePeriodSeconds=0`);
    await until(
      "they are replaced",
      async () => (await allRun()) && !(await pods()).some(({ metadata }) => names.includes(metadata.name)),
    );
  };
  await replace(before.slice(1).map(({ metadata }) => metadata.name));
  const almost = await scenario.rotate("app-db", "--wait", "0");
  expect(almost.code).toBe(2);
  expect(almost.stdout.replaceAll(/\s+/g, " ")).toContain("5 of 6 pods run with the new value");
  expect(almost.stdout).toContain(before[0]!.metadata.name);
  expect(await database.canLogin("app", old)).toBe(true);

  await replace([before[0]!.metadata.name]);
  const done = await scenario.rotate("app-db", "--wait", "0");
  expect({ code: done.code, out: done.stdout }).toMatchObject({ code: 0 });
  expect(await database.canLogin("app", old)).toBe(false);
  expect(await database.canLogin("app", now)).toBe(true);
  expect(await scenario.vault.get("app")).toMatchObject({ PASSWORD: now });
});

async function starts(): Promise<number[]> {
  const found = (await pods()) as unknown as {
    status: { containerStatuses: { state: { running: { startedAt: string } } }[] };
  }[];
  return found.flatMap(({ status }) =>
    status.containerStatuses.map(({ state }) => Date.parse(state.running.startedAt)),
  );
}
