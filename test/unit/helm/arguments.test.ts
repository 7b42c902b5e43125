import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Sealed } from "../../../src/core/secretValue.ts";
import { pullArguments, renderArguments, upgradeArguments, versionArguments } from "../../../src/helm/arguments.ts";
import type { UpgradeRequest } from "../../../src/ports.ts";
import { canary } from "../../support/canary.ts";

const secret = canary("argv");

function requestOf(
  change: {
    name?: string;
    namespace?: string;
    path?: string;
    description?: string;
    labels?: Record<string, string>;
  } = {},
): UpgradeRequest {
  const {
    name = "blog",
    namespace = "apps",
    path = "/charts/blog",
    description = "helmwarden upgrade",
    labels = {},
  } = change;
  return {
    key: { cluster: "default", namespace, name },
    chart: { name: "blog", version: "1.0.0", path, digest: "d", impure: [] },
    overlay: new Sealed({ password: secret }),
    timeoutMs: 300_500,
    historyMax: 10,
    description,
    labels,
  };
}

const here = { context: undefined };

describe("the lists as they are", () => {
  test("upgrade", () => {
    expect(upgradeArguments(requestOf({ labels: { a: "1", b: "2" } }), { context: "prod" })).toEqual(
      [
        "upgrade --namespace apps --kube-context prod --reuse-values --values - --hide-notes --history-max 10 --timeout 301s",
        "--description|helmwarden upgrade|--labels|a=1,b=2|--|blog|/charts/blog",
      ].flatMap((part, index) => part.split(index === 0 ? " " : "|")),
    );
  });

  test.each([
    ["live", "server"],
    ["empty", "client"],
  ] as const)("dry run with lookups %s", (lookups, mode) => {
    expect(renderArguments(requestOf(), lookups, here)).toEqual([
      ..."upgrade --namespace apps --reuse-values --values -".split(" "),
      `--dry-run=${mode}`,
      ..."--disable-openapi-validation --output json -- blog /charts/blog".split(" "),
    ]);
  });

  test("pull and version touch no values", () => {
    expect(pullArguments("blog", "https://charts.example.com", "1.0.0", "/tmp/x")).toEqual(
      "pull --repo https://charts.example.com --version 1.0.0 --destination /tmp/x -- blog".split(" "),
    );
    expect(pullArguments("oci://r/blog", undefined, "1.0.0", "/tmp/x")).toEqual(
      "pull --version 1.0.0 --destination /tmp/x -- oci://r/blog".split(" "),
    );
    expect(versionArguments()).toEqual(["version", "--template", "{{.Version}}"]);
  });
});

/** Flags as helm's parser (spf13/pflag) sees them: those that take no value, and those that take the next word. */
const ALONE = ["--reuse-values", "--hide-notes", "--disable-openapi-validation"];
const WITH_VALUE = [
  "--namespace",
  "--kube-context",
  "--values",
  "--history-max",
  "--timeout",
  "--description",
  "--labels",
  "--output",
  "--repo",
  "--version",
  "--destination",
  "--template",
];

function parse(argv: readonly string[]): { flags: Map<string, string>; words: string[] } {
  const flags = new Map<string, string>();
  const words: string[] = [];
  const rest = [...argv];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") return { flags, words: [...words, ...rest] };
    const [name = "", value] = word.split(/=(.*)/s);
    if (!word.startsWith("-") || word === "-") words.push(word);
    else if (value !== undefined || ALONE.includes(word)) flags.set(name, value ?? "");
    else if (WITH_VALUE.includes(word)) flags.set(word, rest.shift() ?? "");
    else throw new Error(`a flag that is in no list: ${word}`);
  }
  return { flags, words };
}

describe("whatever goes in", () => {
  const forbidden = [
    "--reset-values",
    "--reset-then-reuse-values",
    "--set",
    "--set-string",
    "--set-file",
    "--set-json",
    "--set-literal",
    "--install",
    "-i",
    "--force",
    "--force-replace",
    "--force-conflicts",
    "--atomic",
    "--rollback-on-failure",
    "--wait",
    "--wait-for-jobs",
    "--debug",
    "-o",
    "-f",
    "--kube-token",
    "--password",
    "--username",
    "--kube-apiserver",
    "--no-hooks",
    "--post-renderer",
    "--cleanup-on-fail",
    "--create-namespace",
    "--dependency-update",
    "--insecure-skip-tls-verify",
    "--skip-schema-validation",
  ];
  const hostile = fc.oneof(
    fc.constantFrom(
      ...forbidden,
      ...forbidden.map((flag) => `${flag}=x`),
      "--",
      "-",
      "",
      "a b",
      "a,b=c",
      "$(id)",
      "`id`",
      "\n--debug",
      secret,
    ),
    fc.string(),
  );
  const request = fc
    .record({
      name: hostile,
      namespace: hostile,
      path: hostile,
      description: hostile,
      labels: fc.dictionary(fc.constantFrom("helmwarden.dev/run", "a"), hostile),
    })
    .map(requestOf);
  const target = fc.record({ context: fc.option(hostile, { nil: undefined }) });

  test("only listed flags appear, names stay names, and values that are kept stay kept", () => {
    fc.assert(
      fc.property(request, target, fc.constantFrom("live", "empty"), (one, at, lookups) => {
        const renders = parse(renderArguments(one, lookups, at));
        const upgrades = parse(upgradeArguments(one, at));
        for (const { flags, words } of [renders, upgrades]) {
          expect(words).toEqual(["upgrade", one.key.name, one.chart.path]);
          expect(flags.get("--reuse-values")).toBe("");
          expect(flags.get("--values")).toBe("-");
          expect(flags.get("--namespace")).toBe(one.key.namespace);
          expect(flags.get("--kube-context")).toBe(at.context);
          for (const flag of forbidden) expect([...flags.keys()]).not.toContain(flag);
        }
        expect(renders.flags.get("--dry-run")).toBe(lookups === "live" ? "server" : "client");
        expect(upgrades.flags.has("--dry-run") || upgrades.flags.has("--output")).toBe(false);
      }),
    );
  });

  test("pull", () => {
    fc.assert(
      fc.property(
        hostile,
        fc.option(hostile, { nil: undefined }),
        hostile,
        hostile,
        (chart, repository, version, folder) => {
          const { flags, words } = parse(pullArguments(chart, repository, version, folder));
          expect(words).toEqual(["pull", chart]);
          expect(Object.fromEntries(flags)).toEqual({
            ...(repository === undefined ? {} : { "--repo": repository }),
            "--version": version,
            "--destination": folder,
          });
        },
      ),
    );
  });

  test("no value is on the command line", () => {
    const all = [renderArguments(requestOf(), "live", here), upgradeArguments(requestOf(), here)];
    expect(all.flat().join("\n")).not.toContain("hwcanary");
  });
});
