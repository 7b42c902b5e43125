import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { canary } from "../../support/canary.ts";
import { type DaemonScenario, expectWhole, openDaemonScenario, until } from "../../support/daemon.ts";

let scenario: DaemonScenario;
afterEach(() => scenario.close());

test("a changed configuration is taken without a restart, and a wrong one refused while the old one goes on", async () => {
  scenario = await openDaemonScenario(import.meta.dirname);
  const [token, moved, last] = [canary("token"), canary("moved"), canary("last")];
  const web = await scenario.install("web", "checksum", { token });
  const more = await scenario.install("more", "checksum", { token });
  await scenario.vault.put("web", { TOKEN: token });
  const daemon = await scenario.daemon();
  await scenario.recorded([web], "adopted");
  const said = (msg: string): number => daemon.log().filter((line) => line.msg.startsWith(msg)).length;
  const first = scenario.config();

  scenario.configure(`${first}\n---\n${first.replace("name: web", "name: more")}`);
  await until("it is in use", async () => said("the configuration was changed") === 1);
  await scenario.recorded([more], "adopted");
  expect((await daemon.status()).subjects).toHaveLength(2);

  scenario.configure(first.replace("store: vault", "store: nowhere"));
  await until("it is refused", async () => said("the changed configuration is refused") === 1);
  await scenario.vault.put("web", { TOKEN: moved });
  await scenario.recorded([web, more], "changed");

  scenario.configure(first);
  await until("it is in use", async () => said("the configuration was changed") === 2);
  expect((await daemon.status()).subjects).toHaveLength(1);
  await scenario.vault.put("web", { TOKEN: last });
  await until("it is deployed", async () => (await scenario.record("web"))?.revision === 3);
  await daemon.stop();
  await expectWhole(scenario, [
    { release: web, values: { token: last }, revision: 3 },
    { release: more, values: { token: moved }, revision: 2 },
  ]);
});

test("a ConfigMap's mount changes by a symlink, and that is seen", async () => {
  scenario = await openDaemonScenario(import.meta.dirname);
  const [token, moved] = [canary("token"), canary("moved")];
  const web = await scenario.install("web", "checksum", { token });
  await scenario.vault.put("web", { TOKEN: token });
  await scenario.vault.put("elsewhere", { TOKEN: moved });
  const mount = mountAsConfigMap(scenario);
  const daemon = await scenario.daemon();
  await scenario.recorded([web], "adopted");
  mount((text) => text.replace(`${scenario.namespace}/web`, `${scenario.namespace}/elsewhere`));
  await scenario.recorded([web], "changed");
  await daemon.stop();
  await expectWhole(scenario, [{ release: web, values: { token: moved }, revision: 2 }]);
});

/** Lays the configuration out as the kubelet does: `..data` leads to a dated folder, and files lead through `..data`. */
function mountAsConfigMap({ dir }: DaemonScenario): (change: (text: string) => string) => void {
  const [config, source] = [join(dir, "config"), join(dir, "source")];
  cpSync(config, source, { recursive: true });
  const names = readdirSync(config);
  for (const name of names) {
    rmSync(join(config, name));
    symlinkSync(join("..data", name), join(config, name));
  }
  let version = 0;
  const mount = (change: (text: string) => string): void => {
    version += 1;
    mkdirSync(join(config, `..v${version}`));
    for (const name of names) {
      writeFileSync(join(config, `..v${version}`, name), change(readFileSync(join(source, name), "utf8")));
    }
    symlinkSync(`..v${version}`, join(config, "..new"));
    renameSync(join(config, "..new"), join(config, "..data"));
    rmSync(join(config, `..v${version - 1}`), { recursive: true, force: true });
  };
  mount((text) => text);
  return mount;
}
