import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { canary } from "../../support/canary.ts";
import { type ReceiverAnswer, startReceiver } from "../../support/keyService.ts";
import { openScenario, type Scenario } from "../../support/scenario.ts";
import { signs } from "../../support/signed.ts";
import { expectSilent } from "../../support/silence.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 });

const secret = canary("news-secret");
let scenario: Scenario;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let answer: ReceiverAnswer;

beforeEach(async () => {
  answer = { status: 204 };
  receiver = await startReceiver(() => answer);
  const env = { NEWS_SECRET: secret, SLACK_URL: `${receiver.url}/services/${secret}` };
  scenario = await openScenario(import.meta.dirname, { vaultWrites: true, env });
  await scenario.vault.put("app", { TOKEN: canary("old") });
});
afterEach(async () => {
  await scenario.close();
  await receiver.close();
});

async function rotate(notify: string, ...more: string[]) {
  scenario.configure(scenario.config().replace("__NOTIFY__", notify));
  return await scenario.run("rotate", ["app-token", "--now", "--reason", "a test", ...more]);
}

test("a webhook hears of a rotation by signed JSON that holds no value", async () => {
  const { code } = await rotate(`webhook: { url: ${receiver.url}/news, secret: { fromEnv: NEWS_SECRET } }`);
  expect(code).toBe(0);
  expect(receiver.requests.map(({ url }) => url)).toEqual(["/news"]);
  const [news] = receiver.requests;
  expect(signs(secret, news!)).toBe(true);
  expect(JSON.parse(news!.body)).toMatchObject({
    policy: "app-token",
    namespace: scenario.namespace,
    event: "retired",
  });
  expectSilent(news);
});

test("Slack hears of it in its own form", async () => {
  expect((await rotate("slack: { url: { fromEnv: SLACK_URL } }")).code).toBe(0);
  const [news] = receiver.requests;
  expect(JSON.parse(news!.body)).toEqual({
    text: expect.stringContaining(`${scenario.namespace}/app-token has a new`),
  });
  expectSilent(news!.body);
});

test("a receiver that refuses does not hold up the rotation, and --verbose says that nobody heard", async () => {
  answer = { status: 403 };
  const { code, stderr } = await rotate(
    `webhook: { url: ${receiver.url}/news, secret: { fromEnv: NEWS_SECRET } }`,
    "--verbose",
  );
  expect(code).toBe(0);
  expect(stderr).toContain("could not be told");
  expect(receiver.requests.length).toBe(1);
  expect((await scenario.secret("app"))["token"]).toBe((await scenario.vault.get("app"))["TOKEN"]);
});
