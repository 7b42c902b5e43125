import { expect, test } from "vitest";
import { styleFor } from "../../../src/cli/style.ts";
import { drawXray } from "../../../src/cli/xray.ts";
import type { Reader } from "../../../src/core/readers.ts";
import type { Reach, Xray } from "../../../src/core/xray.ts";

function reader(workload: string, change: Partial<Reader> = {}): Reader {
  return { workload, by: ["env"], rolledByChart: false, remembers: false, ...change };
}

function reach(field: string, readers: readonly Reader[], form: Reach["form"] = "whole"): Reach {
  return { object: "Secret/blog", field, kind: "secret", form, readers };
}

const full: Xray = {
  cacheKey: "k",
  reusable: false,
  paths: [
    {
      path: "db.password",
      untraced: false,
      liveOnly: false,
      reaches: [
        reach("password", [
          reader("Deployment/web"),
          reader("Deployment/api", { rolledByChart: true }),
          reader("StatefulSet/db", { by: ["envFrom", "volume"], remembers: true }),
          reader("Deployment/files", { by: ["volume"] }),
        ]),
        reach("url", [], "part"),
      ],
    },
    { path: "admin", untraced: false, liveOnly: true, reaches: [reach("admin", [])] },
    { path: "unknown", untraced: false, liveOnly: false, reaches: [] },
    { path: "debug", untraced: true, liveOnly: false, reaches: [] },
  ],
  derived: ["Secret/blog htpasswd"],
  unexplained: ["Secret/blog root"],
};

test("the picture, without colour", () => {
  expect(drawXray("apps/blog", full, "auto", styleFor(false))).toBe(`\
release apps/blog

db.password
  ├─ Secret/blog password
  │  ├─ Deployment/web by env: restarted by helmwarden
  │  ├─ Deployment/api by env: rolled by the chart
  │  ├─ StatefulSet/db by envFrom, volume: restarted by helmwarden, its volume may remember the old value
  │  └─ Deployment/files by volume: no restart needed
  └─ Secret/blog url (inside)

admin  (the live Secret wins over it)
  └─ Secret/blog admin

unknown
  └─ reaches nothing: the path is not one of the chart's, or its live Secret wins

debug
  └─ cannot be followed (its type has too few values)

follows the values in a form that hides them (a hash):
  Secret/blog htpasswd

would change though no mapped value explains it:
  Secret/blog root

Taken anew before each change: the chart draws, looks up or dates something, or a mapped value is no string.
`);
});

test("`restart: never`, and a chart that is looked into once", () => {
  const paths = [{ path: "a", untraced: false, liveOnly: false, reaches: [reach("a", [reader("Deployment/web")])] }];
  const text = drawXray(
    "apps/blog",
    { ...full, paths, derived: [], unexplained: [], reusable: true },
    "never",
    styleFor(false),
  );
  expect(text).toBe(`\
release apps/blog

a
  └─ Secret/blog a
     └─ Deployment/web by env: reads it at its next start

The next change needs no new X-ray: the chart renders from its values alone.
`);
});
