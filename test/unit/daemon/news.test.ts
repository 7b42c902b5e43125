import { expect, test } from "vitest";
import { News } from "../../../src/daemon/news.ts";

const isNew = (news: News, reason: string, path = "a"): boolean => news.isNew(reason, "vault", path);

test("another's news is read for once, path by path; our own never", () => {
  const [ours, theirs] = [new News(true, () => 0.1), new News(true, () => 0.2)];
  const reason = theirs.mark("store");
  expect([isNew(ours, reason), isNew(ours, reason), isNew(ours, reason, "b")]).toEqual([true, false, true]);
  expect(isNew(theirs, reason)).toBe(false);
  expect(isNew(ours, theirs.mark("store"))).toBe(true);
});

test.each(["retry 2", "live", "release"])("with the reason %j nobody can tell, so it is read each time", (reason) => {
  const news = new News(true, Math.random);
  expect([isNew(news, reason), isNew(news, reason)]).toEqual([true, true]);
});

test("a process that has its queue for itself knows all there is to know", () => {
  const news = new News(false, Math.random);
  expect([news.mark("store"), isNew(news, "retry 2"), isNew(news, "store abc.1")]).toEqual(["store", false, false]);
});
