// Who may import whom. The tables below are the picture of the program; docs/architecture.md draws it for people.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { repository } from "../../scripts/artifacts.mjs";
import { readSources, type Source, sourceOf } from "../support/sources.ts";

/** A folder of src/, or a file of its own. The files of the app layer know every adapter, and nobody else does. */
type Room =
  | "main"
  | "cli"
  | "daemon"
  | "app"
  | "providers"
  | "helm"
  | "kube"
  | "queue"
  | "targets"
  | "generators"
  | "audit"
  | "migration"
  | "config"
  | "operations"
  | "ports"
  | "core"
  | "errors";

const APP_FILES = [
  "app.ts",
  "openStores.ts",
  "openGenerate.ts",
  "openRotation.ts",
  "openTargets.ts",
  "proveAtTarget.ts",
  "credentials.ts",
  "digestKey.ts",
  "clock.ts",
  "log.ts",
  "version.ts",
];
const BELOW_PORTS = ["ports", "core", "errors"] as const;

const MAY_IMPORT: Readonly<Record<Room, readonly Room[]>> = {
  main: ["cli"],
  cli: ["daemon", "app", "config", "operations", ...BELOW_PORTS],
  daemon: ["app", "config", "operations", ...BELOW_PORTS],
  app: [
    "providers",
    "helm",
    "kube",
    "queue",
    "targets",
    "generators",
    "audit",
    "migration",
    "operations",
    ...BELOW_PORTS,
  ],
  providers: BELOW_PORTS,
  helm: BELOW_PORTS,
  kube: BELOW_PORTS,
  queue: BELOW_PORTS,
  targets: BELOW_PORTS,
  generators: BELOW_PORTS,
  audit: BELOW_PORTS,
  migration: BELOW_PORTS,
  config: ["core", "errors"],
  operations: BELOW_PORTS,
  ports: ["core", "errors"],
  core: ["errors"],
  errors: [],
};

/** One library, one room; a file or a folder where the room has more of them. */
const MAY_USE: Readonly<Record<string, readonly string[]>> = {
  "@kubernetes/client-node": ["kube/"],
  undici: ["kube/"],
  "node-vault": ["providers/vault/"],
  "@infisical/sdk": ["providers/infisical/"],
  bullmq: ["queue/"],
  ioredis: ["queue/", "targets/"],
  ws: ["providers/vault/"],
  "age-encryption": ["migration/"],
  commander: ["cli/"],
  croner: ["core/rotation/cron.ts"],
  "prom-client": ["daemon/"],
  pino: ["log.ts"],
  mysql2: ["targets/"],
  pg: ["targets/"],
  "tar-stream": ["helm/"],
  yaml: ["config/", "helm/", "cli/"],
  zod: ["config/", "providers/", "helm/", "kube/", "queue/", "audit/", "migration/", "daemon/", "targets/"],
  "node:buffer": ["core/"],
  "node:child_process": ["helm/process.ts"],
  "node:crypto": [
    "core/",
    "audit/",
    "app.ts",
    "openRotation.ts",
    "digestKey.ts",
    "daemon/",
    "generators/",
    "helm/",
    "migration/",
    "providers/",
    "queue/",
    "targets/",
  ],
  "node:events": ["queue/", "helm/filledInput.ts"],
  "node:fs": ["audit/", "kube/"],
  "node:fs/promises": [
    "credentials.ts",
    "digestKey.ts",
    "openStores.ts",
    "config/",
    "daemon/",
    "helm/",
    "migration/",
    "targets/",
  ],
  "node:http": ["daemon/", "providers/", "targets/"],
  "node:https": ["kube/", "providers/", "targets/"],
  "node:module": ["main.ts"],
  "node:net": ["daemon/", "queue/", "targets/", "helm/"],
  "node:os": ["main.ts", "app.ts"],
  "node:path": [
    "main.ts",
    "app.ts",
    "digestKey.ts",
    "audit/",
    "cli/",
    "config/",
    "daemon/",
    "helm/",
    "kube/",
    "migration/",
  ],
  "node:readline/promises": ["cli/ask.ts"],
  "node:stream": ["cli/ask.ts", "helm/", "migration/"],
  "node:stream/consumers": ["helm/"],
  "node:string_decoder": ["providers/"],
  "node:timers/promises": ["clock.ts", "helm/"],
  "node:tls": ["providers/"],
  "node:tty": ["cli/ask.ts"],
  "node:url": ["providers/"],
  "node:util": ["cli/", "generators/", "kube/"],
  "node:v8": ["main.ts"],
  "node:zlib": ["helm/"],
};

/** Too slow to load for `--help` or a plan that does not need them: only by `await import()`, or for their types. */
const HEAVY = [
  "@kubernetes/client-node",
  "undici",
  "node-vault",
  "@infisical/sdk",
  "bullmq",
  "ioredis",
  "prom-client",
  "ws",
  "age-encryption",
  "pg",
  "mysql2",
];
/** Loaded by `await import()` as a whole, so that it may load them at once. */
const HEAVY_FILES = [
  "kube/libraries.ts",
  "queue/redisLibraries.ts",
  "targets/mysqlSession.ts",
  "targets/postgresSession.ts",
];

const NAMELESS =
  /(^|\/)(utils?|helpers?|common|types|shared|misc|lib|index|managers?|services?|[a-zA-Z]+(Utils?|Helpers?|Manager|Service))\.ts$/;

type Rule = (sources: readonly Source[]) => string[];

const wrongDirection: Rule = (sources) =>
  sources.flatMap(({ path, imports }) =>
    imports.flatMap(({ target }) => {
      if (!target.endsWith(".ts")) return [];
      const [from, to] = [roomOf(path), roomOf(target)];
      return from === to || MAY_IMPORT[from].includes(to) ? [] : [`${path} imports ${target}`];
    }),
  );

const otherProvider: Rule = (sources) =>
  sources.flatMap(({ path, imports }) =>
    imports.flatMap(({ target }) => {
      const [own, other] = [path, target].map((one) => /^providers\/(\w+)\//.exec(one)?.[1]);
      return other === undefined || own === other || roomOf(path) === "app" ? [] : [`${path} imports ${target}`];
    }),
  );

const libraryOutsideItsRoom: Rule = (sources) =>
  sources.flatMap(({ path, imports }) =>
    imports.flatMap(({ target }) => {
      if (target.endsWith(".ts")) return [];
      return MAY_USE[target]?.some((room) => path.startsWith(room)) === true ? [] : [`${path} imports ${target}`];
    }),
  );

const heavyAtStart: Rule = (sources) =>
  sources.flatMap(({ path, imports }) =>
    imports.flatMap(({ target, kind }) => {
      const heavy = HEAVY_FILES.includes(target) || (HEAVY.includes(target) && !HEAVY_FILES.includes(path));
      return heavy && kind === "value" ? [`${path} imports ${target}`] : [];
    }),
  );

const badName: Rule = (sources) => sources.filter(({ path }) => NAMELESS.test(path)).map(({ path }) => path);

const badExport: Rule = (sources) =>
  sources.flatMap(({ path, code }) => {
    const isDefault = /^export default\b/m.test(code) || /^export \{[^}]*\bas default\b/m.test(code);
    const isBarrel =
      /^export (type )?(\*|\{[^}]*\}) (as \w+ )?from "\./m.test(code) ||
      /^export (type )?\{/m.test(code.replaceAll(/^export (type )?\{[^}]*\} from "[^.]/gm, ""));
    return [
      ...(isDefault ? [`${path} has a default export`] : []),
      ...(isBarrel ? [`${path} exports what is another's`] : []),
    ];
  });

/** Rings of imports that are there at run time; `cycle` in oxlint would name them file by file as well. */
const cycle: Rule = (sources) => {
  const edges = new Map(
    sources.map(({ path, imports }) => [
      path,
      imports.filter(({ kind }) => kind !== "type").map(({ target }) => target),
    ]),
  );
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): string[] => {
    if (way.includes(path)) return [[...way.slice(way.indexOf(path)), path].join(" → ")];
    if (done.has(path)) return [];
    const found = (edges.get(path) ?? []).flatMap((target) => visit(target, [...way, path]));
    done.add(path);
    return found;
  };
  return [...edges.keys()].flatMap((path) => visit(path, []));
};

const RULES: readonly (readonly [string, Rule, violation: readonly Source[]])[] = [
  [
    "main → cli → daemon → app → adapters → ports → core",
    wrongDirection,
    [sourceOf("core/plan.ts", `import { a } from "../ports.ts";`)],
  ],
  [
    "an adapter imports no other adapter",
    wrongDirection,
    [sourceOf("helm/storage.ts", `import type {\n  A,\n} from "../kube/api.ts";`)],
  ],
  [
    "operations see ports, not adapters",
    wrongDirection,
    [sourceOf("operations/pass.ts", `const { a } = await import("../helm/helm.ts");`)],
  ],
  [
    "a provider imports no other provider",
    otherProvider,
    [sourceOf("providers/vault/kv.ts", `import { a } from "../infisical/reader.ts";`)],
  ],
  [
    "each library stays in its room",
    libraryOutsideItsRoom,
    [sourceOf("operations/pass.ts", `import { z } from "zod";`)],
  ],
  [
    "the core is pure: no clock, network, files or processes",
    libraryOutsideItsRoom,
    [sourceOf("core/plan.ts", `import { readFile } from "node:fs/promises";`)],
  ],
  ["a side effect is an import too", libraryOutsideItsRoom, [sourceOf("core/plan.ts", `import "undici";`)]],
  [
    "heavy libraries are loaded where they are used",
    heavyAtStart,
    [sourceOf("kube/api.ts", `import { KubeConfig } from "@kubernetes/client-node";`)],
  ],
  [
    "and so are the files that load them",
    heavyAtStart,
    [sourceOf("kube/cluster.ts", `import { KubeConfig } from "./libraries.ts";`)],
  ],
  [
    "every file has a name of its own",
    badName,
    [sourceOf("core/utils.ts", ""), sourceOf("kube/secretHelper.ts", ""), sourceOf("helm/index.ts", "")],
  ],
  ["no default exports", badExport, [sourceOf("core/plan.ts", "export default function plan() {}")]],
  [
    "no barrels",
    badExport,
    [
      sourceOf("core/all.ts", `export * from "./plan.ts";`),
      sourceOf("core/one.ts", `export type { A } from "./plan.ts";`),
      sourceOf("core/two.ts", `import type { A } from "./a.ts";\nexport type { A };`),
    ],
  ],
  [
    "no cycles",
    cycle,
    [sourceOf("core/a.ts", `import { b } from "./b.ts";\n`), sourceOf("core/b.ts", `import { a } from "./a.ts";\n`)],
  ],
];

describe.each(RULES)("%s", (_, rule, violation) => {
  test("holds", () => {
    expect(rule(readSources())).toEqual([]);
  });

  test("can fail", () => {
    const seen = rule(violation);
    expect(seen.length).toBeGreaterThanOrEqual(rule === cycle ? 1 : violation.length);
  });
});

test("all imports are seen: static, multi-line, of types, for the effect, and lazy", () => {
  const text = `import a, { b } from "zod";\nimport type {\n  C,\n} from "./c.ts";\nimport "yaml";\nexport { d } from "../d.ts";\n/* import { x } from "x"; */\n// import { y } from "y";\nconst e = await import("./e.ts");\ntype F = typeof import("pino");\nconst from = "of";\n`;
  expect(sourceOf("core/x.ts", text).imports).toEqual([
    { target: "zod", kind: "value" },
    { target: "core/c.ts", kind: "type" },
    { target: "yaml", kind: "value" },
    { target: "d.ts", kind: "value" },
    { target: "core/e.ts", kind: "lazy" },
    { target: "pino", kind: "type" },
  ]);
  const sources = readSources();
  const paths = new Set(sources.map(({ path }) => path));
  const dangling = sources
    .flatMap(({ imports }) => imports.map(({ target }) => target))
    .filter((target) => target.endsWith(".ts") && !paths.has(target));
  expect(dangling).toEqual([]);
});

test("the table of libraries is no longer than the truth, and each of them is installed", () => {
  const uses = readSources().flatMap(({ path, imports }) => imports.map(({ target }) => ({ path, target })));
  const stale = Object.entries(MAY_USE).flatMap(([library, rooms]) =>
    rooms
      .filter((room) => !uses.some(({ path, target }) => target === library && path.startsWith(room)))
      .map((room) => `${room} does not use ${library}`),
  );
  expect(stale).toEqual([]);
  // The published program holds its libraries, so that nobody who installs it needs them.
  const { devDependencies } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as {
    devDependencies: object;
  };
  const libraries = Object.keys(MAY_USE).filter((name) => !name.startsWith("node:"));
  expect(Object.keys(devDependencies)).toEqual(expect.arrayContaining(libraries));
});

function roomOf(path: string): Room {
  const [first = ""] = path.split("/");
  if (APP_FILES.includes(path)) return "app";
  const room = first.replace(/\.ts$/, "");
  if (Object.hasOwn(MAY_IMPORT, room)) return room as Room;
  throw new Error(`${path} is in no room: name it in MAY_IMPORT or APP_FILES`);
}
