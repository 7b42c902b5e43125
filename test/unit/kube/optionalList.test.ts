import { expect, test } from "vitest";
import { HelmwardenError } from "../../../src/errors.ts";
import { createOptionalList } from "../../../src/kube/optionalList.ts";
import { manualClock } from "../../support/clock.ts";

const { signal } = new AbortController();

function listThatAnswers(status: Record<string, number>) {
  const asked: string[] = [];
  const denied: string[] = [];
  const clock = manualClock();
  const list = createOptionalList(
    async (namespace) => {
      asked.push(namespace);
      if (status[namespace] === undefined) return [`of ${namespace}`];
      throw new HelmwardenError("ClusterDenied", "No; ask for it.", { status: status[namespace] });
    },
    clock,
    (namespace) => void denied.push(namespace),
  );
  return { asked, denied, clock, list };
}

test("a namespace that is closed to us hides nothing in others, is told once, and is asked for again later", async () => {
  const status: Record<string, number> = { closed: 403 };
  const { asked, denied, clock, list } = listThatAnswers(status);
  expect(await list("closed", signal)).toEqual([]);
  expect(await list("closed", signal)).toEqual([]);
  expect(await list("open", signal)).toEqual(["of open"]);
  expect(asked).toEqual(["closed", "open"]);
  await clock.advance(5 * 60_000);
  expect(await list("closed", signal)).toEqual([]);
  expect(denied).toEqual(["closed"]);
  await clock.advance(5 * 60_000);
  delete status["closed"];
  expect(await list("closed", signal)).toEqual(["of closed"]);
});

test("a kind that the cluster does not serve is no news; any other fault is one", async () => {
  const { denied, list } = listThatAnswers({ without: 404, anonymous: 401, ill: 500 });
  expect(await list("without", signal)).toEqual([]);
  expect(denied).toEqual([]);
  for (const namespace of ["anonymous", "ill"]) await expect(list(namespace, signal)).rejects.toThrow("No");
});
