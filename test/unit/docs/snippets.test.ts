// What the pages show is what the program takes and says: configurations load, command lines parse, lists are whole.
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { repository } from "../../../scripts/artifacts.mjs";
import type { CommandContext } from "../../../src/cli/context.ts";
import { runProgram } from "../../../src/cli/program.ts";
import { parseConfig } from "../../../src/config/load.ts";

const read = (path: string): string => readFileSync(join(repository, path), "utf8");
const pages = globSync(["*.md", "docs/**/*.md", "examples/*/README.md"], { cwd: repository }).sort();

interface Block {
  /** `page:line` of its fence. */
  readonly at: string;
  readonly language: string;
  readonly text: string;
}

function blocksOf(page: string): Block[] {
  const text = read(page);
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(({ index, 1: language = "", 2: body = "" }) => ({
    at: `${page}:${text.slice(0, index).split("\n").length}`,
    language,
    text: body,
  }));
}

const blocks = pages.flatMap(blocksOf);
const configs = blocks.filter(({ text }) => text.includes("apiVersion: helmwarden.dev/"));
const commands = blocks.flatMap(({ at, language, text }) =>
  ["sh", "console"].includes(language)
    ? [...text.matchAll(/^(?:\$ )?(?:helmwarden|node (?:dist\/main\.js|src\/main\.ts)) ([^\n]*)$/gm)].map(
        ([, line = ""]) => ({
          at,
          line: line.replace(/\s+[#>].*$/, ""),
        }),
      )
    : [],
);

/** Runs a command line with a configuration that does not exist: 78 then says that the line itself was understood. */
async function run(argv: readonly string[]): Promise<{ readonly code: number; readonly out: string }> {
  let out = "";
  const surroundings = { environment: {}, cacheFolder: "/nonexistent", namespace: "helmwarden" };
  const context: CommandContext = {
    signal: new AbortController().signal,
    surroundings,
    terminal: {
      out: (text) => (out += text),
      err: () => undefined,
      color: false,
      interactive: false,
      columns: 100,
      rows: undefined,
    },
  };
  return { code: await runProgram(argv, context), out };
}

describe("configurations on the pages load", () => {
  test("there are some, on the pages that promise them", () => {
    const promised = ["README.md", "docs/helm.md", "docs/infisical.md", "docs/vault.md"];
    const found = new Set(configs.map(({ at }) => at.split(":")[0]));
    expect([...found]).toEqual(expect.arrayContaining(promised));
  });

  test.each(configs)("$at", ({ text }) => {
    expect(() => parseConfig([{ name: "snippet.yaml", text }], "snippet.yaml")).not.toThrow();
  });

  test.each(["kubernetes", "appRole", "userpass", "jwt", "token"])("docs/vault.md shows the login by %s", (method) => {
    expect(configs.some(({ at, text }) => at.startsWith("docs/vault.md") && text.includes(` ${method}:`))).toBe(true);
  });

  test.each(["universal", "kubernetes", "oidc", "ldap", "aws", "token"])(
    "docs/infisical.md shows the login by %s",
    (method) => {
      expect(configs.some(({ at, text }) => at.startsWith("docs/infisical.md") && text.includes(` ${method}:`))).toBe(
        true,
      );
    },
  );
});

describe("command lines on the pages parse", () => {
  test("there are some", () => expect(commands.length).toBeGreaterThan(10));

  test.each(commands)("$at: $line", async ({ line }) => {
    const argv = line.replace(/ (-c|--config) \S+/, " $1 /nonexistent.yaml").split(" ");
    expect([0, 78]).toContain((await run(argv)).code);
  });
});

test("scripts on the pages are those of package.json", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const named = [
    ...blocks
      .map(({ text }) => text)
      .join("\n")
      .matchAll(/\bnpm (?:run ([\w:]+)|(test)\b)/g),
  ];
  const unknown = named.map(([, script, short]) => script ?? short ?? "").filter((name) => !(name in scripts));
  expect(named.length).toBeGreaterThan(4);
  expect(unknown).toEqual([]);
});

describe("docs/cli.md and --help name the same", () => {
  const page = read("docs/cli.md");

  test("commands", async () => {
    const [first = ""] = page.split("\n## ");
    const listed = [...first.matchAll(/^\| `(\w+)[^`]*` \|/gm)].map(([, name = ""]) => name);
    expect(listed.sort()).toEqual(commandsIn((await run(["--help"])).out).sort());
  });

  test("options, and the commands that take them", async () => {
    const listed = optionRows(page.split("\n## ")[0] ?? "");
    const takers = new Map<string, string[]>();
    const { out } = await run(["--help"]);
    for (const flags of optionsIn(out)) takers.set(flags, ["helmwarden itself"]);
    const all = commandsIn(out).filter((name) => name !== "help");
    for (const name of all) {
      for (const flags of optionsIn((await run([name, "--help"])).out)) {
        takers.set(flags, [...(takers.get(flags) ?? []), name]);
      }
    }
    const expected = [...takers].map(([flags, names]) => [
      flags,
      names.length === all.length + 1 ? "all" : names.join(", "),
    ]);
    expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(expected));
  });

  test.each(["migrate", "backup", "rotation", "generate"])("options of the steps of %s", async (command) => {
    const [, section = ""] = new RegExp(`^### ${command}$([\\s\\S]*?)(?=^##)`, "m").exec(page) ?? [];
    const takers = new Map<string, string[]>();
    for (const step of commandsIn((await run([command, "--help"])).out).filter((name) => name !== "help")) {
      for (const flags of optionsIn((await run([command, step, "--help"])).out)) {
        if (flags !== "-h, --help") takers.set(flags, [...(takers.get(flags) ?? []), step]);
      }
    }
    expect(takers.size).toBeGreaterThan(0);
    const expected = [...takers].map(([flags, steps]) => [flags, steps.join(", ")]);
    expect(Object.fromEntries(optionRows(section))).toEqual(Object.fromEntries(expected));
  });

  test("exit codes", () => {
    const listed = [...page.matchAll(/^\| (\d+) \| /gm)].map(([, code]) => code);
    const union = /type ExitCode = ([\d |]+);/.exec(read("src/cli/context.ts"))?.[1] ?? "";
    expect(listed).toEqual(union.split(" | "));
  });

  test("outcomes", () => {
    const listed = [...page.matchAll(/^\| `(\w+)` \| (?:`[^|]*)?\| [^|]+ \|$/gm)].map(([, kind = ""]) => kind);
    expect(listed.sort()).toEqual(literalsOf("src/core/outcome.ts", /readonly kind: "(\w+)"/g).sort());
  });
});

describe("docs/guards.md", () => {
  const page = read("docs/guards.md");

  test("has a section for each hold reason, and no other", () => {
    const sections = [...page.matchAll(/^## (.+)$/gm)].flatMap(([, title = ""]) => title.split(", "));
    const union = /export type HoldReason =([\s\S]*?);/.exec(read("src/core/hold.ts"))?.[1] ?? "";
    const reasons = [...union.matchAll(/"(\w+)"/g)].map(([, reason = ""]) => reason);
    expect(sections.sort()).toEqual(reasons.sort());
  });

  const sources = globSync(["src/core/*.ts", "src/operations/*.ts"], { cwd: repository }).map(read).join("\n");
  const shown = blocksOf("docs/guards.md").map(({ at, text }) => ({ at, ...holdShown(text) }));

  test.each(shown)("$at shows $reason in the program's words", ({ reason, message }) => {
    const sentences = message.split(/(?<=[.:]) /).filter((sentence) => sentence.length > 12);
    const plain = sources.replaceAll("\\`", "`");
    expect(sources).toContain(`"${reason}"`);
    expect(sentences.filter((sentence) => plain.includes(sentence))).not.toEqual([]);
  });
});

/** The one hold of an output: reason, and message in one line. */
function holdShown(output: string): { readonly reason: string; readonly message: string } {
  const [, reason = "", message = ""] = /^ {2}! (\w+) .*\n((?: {6}.*\n)+)/m.exec(output) ?? [];
  return {
    reason,
    message: message
      .trim()
      .split(/\s*\n\s*/)
      .join(" "),
  };
}

function commandsIn(help: string): string[] {
  const [, list = ""] = /^Commands:\n([\s\S]*?)(?:\n\n|$(?![\s\S]))/m.exec(help) ?? [];
  return [...list.matchAll(/^ {2}(\w+)/gm)].map(([, name = ""]) => name);
}

function optionsIn(help: string): string[] {
  const [, list = ""] = /^Options:\n([\s\S]*?)(?:\n\n|$(?![\s\S]))/m.exec(help) ?? [];
  return [...list.matchAll(/^ {2}((?:-\w, )?--[\w-]+(?: <[^>]+>)?)/gm)].map(([, flags = ""]) => flags);
}

/** Of a page's tables: the options, and who takes each. */
function optionRows(page: string): Map<string, string> {
  const rows = [...page.matchAll(/^\| `(-[^`]+)` \| ([^|]+) \| [^|]+ \|$/gm)];
  return new Map(rows.map(([, flags = "", of = ""]) => [flags, of.trim()]));
}

function literalsOf(path: string, pattern: RegExp): string[] {
  return [...new Set([...read(path).matchAll(pattern)].map(([, literal = ""]) => literal))];
}

test("the pages that the README promises are there", () => {
  const links = [...read("README.md").matchAll(/\]\(([^)#]+)/g)].map(([, path = ""]) => path);
  expect(links.filter((path) => !path.startsWith("http") && !existsSync(join(repository, path)))).toEqual([]);
});

test("files of the sources that the pages name are there, with the functions that docs/architecture.md finds in them", () => {
  const named = pages.flatMap((page) => read(page).match(/\b(?:src|test|scripts)\/[\w./-]+\.(?:ts|mjs)\b/g) ?? []);
  const placed = [...read("docs/architecture.md").matchAll(/^[\s│├└─\d]*([\w.]+)(?: "\w+")? {2,}(src\/\S+\.ts)/gm)];
  const missing = placed.filter(([, name = "", path = ""]) => !read(path).includes(name));
  expect(placed.length).toBeGreaterThan(25);
  expect(
    named.filter(
      (path) => !path.includes("NAME") && !path.includes("nameStore") && !existsSync(join(repository, path)),
    ),
  ).toEqual([]);
  expect(missing.map(([, name, path]) => `${name} is not in ${path}`)).toEqual([]);
});
