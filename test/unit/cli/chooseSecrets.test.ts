import { expect, test } from "vitest";
import { chooseSecrets, readNumbers } from "../../../src/cli/chooseSecrets.ts";

const secrets = ["a", "b", "c"].map((name) => ({
  namespace: "web",
  name,
  type: "Opaque",
  release: undefined,
  path: `web/${name}`,
  keys: [],
  readers: [],
  warnings: [],
}));

function answering(...answers: readonly string[]) {
  const shown: string[] = [];
  const left = [...answers];
  return { shown, out: (text: string) => void shown.push(text), ask: async () => left.shift() ?? "" };
}

test.each([
  ["", "all"],
  ["all", "all"],
  ["2", [2]],
  ["1, 3", [1, 3]],
  ["2-3,1", [1, 2, 3]],
  ["1 1-2", [1, 2]],
  ["0", undefined],
  ["4", undefined],
  ["3-2", undefined],
  ["1,x", undefined],
  ["-1", undefined],
])("%j of three means %j", (text, wanted) => {
  const read = readNumbers(text, 3);
  expect(read instanceof Set ? [...read].sort((one, other) => one - other) : read).toEqual(wanted);
});

test("the list is shown with numbers, and asked again where an answer means nothing", async () => {
  const terminal = answering("9", "1,3");
  expect(await chooseSecrets(secrets, terminal, AbortSignal.timeout(5_000))).toEqual(["web/a", "web/c"]);
  expect(terminal.shown.join("")).toContain("2  web/b (0 keys)");
  expect(terminal.shown.join("")).toContain("Numbers are 1 to 3");
});

test("nothing means all; three answers without a meaning end it; one Secret, or no terminal, is no question", async () => {
  const signal = AbortSignal.timeout(5_000);
  expect(await chooseSecrets(secrets, answering(""), signal)).toBeUndefined();
  await expect(chooseSecrets(secrets, answering("x", "q", "z", "1"), signal)).rejects.toThrow(/No Secrets were chosen/);
  expect(await chooseSecrets(secrets.slice(1, 2), answering("x"), signal)).toBeUndefined();
  expect(await chooseSecrets(secrets, { out: () => undefined }, signal)).toBeUndefined();
});
