import { afterEach, beforeEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { type DaemonScenario, expectWhole, openDaemonScenario, until } from "../../support/daemon.ts";
import { generationOf, makeDeployment } from "../../support/deployment.ts";

const from = (name: string) => ({ secretRef: { name } });

let scenario: DaemonScenario;
beforeEach(async () => void (scenario = await openDaemonScenario(import.meta.dirname)));
afterEach(() => scenario.close());

test("three Secrets change together: who reads two of them is restarted once, for both", async () => {
  const { api, namespace, vault } = scenario;
  const put = async (when: string): Promise<Record<string, string>> => {
    const [TOKEN = "", LICENCE = "", MAIL = ""] = ["token", "licence", "mail"].map((name) => canary(`${name}-${when}`));
    await vault.put("shop", { TOKEN, LICENCE, MAIL });
    return { login: TOKEN, licence: LICENCE, mail: MAIL };
  };
  const live = async (): Promise<unknown> => {
    const all = ["login", "licence", "mail"].map(
      async (name) => [name, Object.values(await scenario.secret(name))[0]] as const,
    );
    return Object.fromEntries(await Promise.all(all));
  };
  const restarts = async (name: string): Promise<number> => (await generationOf(api, namespace, name)) - 1;
  const first = await put("first");
  await makeDeployment(api, namespace, "shop", { container: { envFrom: [from("login"), from("licence")] } });
  await makeDeployment(api, namespace, "mailer", { container: { envFrom: [from("mail")] } });
  const daemon = await scenario.daemon();
  const passes = (outcome: string): number =>
    daemon.log().filter((line) => line.msg === "pass" && line["outcome"] === outcome).length;
  await until("they are there", async () => passes("changed") === 3);
  expect(await live()).toEqual(first);
  // Pods that wait for a Secret start by themselves.
  expect([await restarts("shop"), await restarts("mailer")]).toEqual([0, 0]);

  const second = await put("second");
  await until("they have changed", async () => passes("changed") === 6);
  expect(await live()).toEqual(second);
  expect([await restarts("shop"), await restarts("mailer")]).toEqual([1, 1]);
  // The annotation tells of both, so that a pass that died in between would not restart it again.
  const { spec } = await scenario.object<{ spec: { template: { metadata: { annotations: Record<string, string> } } } }>(
    "apps/v1/deployments/shop",
  );
  expect(spec.template.metadata.annotations["helmwarden.dev/restarted-for"]?.split(" ")).toHaveLength(2);
  await daemon.stop();
  expect(passes("failed")).toBe(0);
  await expectWhole(scenario, []);
});
