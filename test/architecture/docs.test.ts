// What the papers promise of the program; the pages' own contents are held in test/unit/docs and test/unit/config.
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { repository } from "../../scripts/artifacts.mjs";
import { VERSION } from "../../src/version.ts";

const read = (path: string): string => readFileSync(join(repository, path), "utf8");
const pages = globSync(["*.md", "docs/**/*.md", "examples/**/*.md", "bench/*.md", "deploy/**/*.md"], {
  cwd: repository,
})
  .filter((page) => !page.includes("node_modules"))
  .sort();

test("the README is read in a minute: under 150 lines", () => {
  expect(read("README.md").split("\n").length).toBeLessThan(150);
});

test("the program tells the version of its package", () => {
  expect({ version: VERSION }).toMatchObject({
    version: (JSON.parse(read("package.json")) as { version: string }).version,
  });
});

test.each(pages)("%s links to files, headings and lines that are there", (page) => {
  expect(brokenLinks(page, read(page))).toEqual([]);
});

test("the files that the architecture page walks through are there, and have what is named", () => {
  const steps = [...read("docs/architecture.md").matchAll(/^[ │├└\d]*([A-Za-z]\w+)[^\n]*? {2,}(src\/[\w/.]+\.ts)\b/gm)];
  const missing = steps.filter(([, name = "", file = ""]) => {
    return !existsSync(join(repository, file)) || !new RegExp(`\\b${name}\\b`).test(read(file));
  });
  expect(steps.length).toBeGreaterThan(40);
  expect(missing.map(([line]) => line)).toEqual([]);
});

test("a link that leads nowhere is seen", () => {
  const text =
    "# A b\n[ok](CONTRIBUTING.md) [self](#a-b) [web](https://example.com) `[code](x.md)`\n\n[gone](docs/none.md) [head](#none) [other](CHANGELOG.md#nowhere)\n[ref]: docs/missing.md\n";
  expect(brokenLinks("README.md", text)).toEqual(["docs/none.md", "#none", "CHANGELOG.md#nowhere", "docs/missing.md"]);
});

test("no page and no source names what is outside of the repository", () => {
  const files = globSync(["*.md", "docs/**/*", "examples/**/*", "src/**/*", "test/**/*.ts", "scripts/**/*"], {
    cwd: repository,
    withFileTypes: true,
  })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  // Split, so that this file does not name it either.
  const outside = new RegExp(
    [
      "\\.\\./shared/",
      "/work/",
      "facts/(helm|vault|infisical|local-cluster|engine|peers)\\.md",
      "STYLE\\.md",
      "DESIGN\\.md",
    ]
      .map((part) => `(?<!\\w)${part}`)
      .join("|"),
  );
  const named = files.filter((file) => !file.endsWith("docs.test.ts") && outside.test(readFileSync(file, "utf8")));
  expect(named.map((file) => file.slice(repository.length + 1))).toEqual([]);
});

/** Relative links of a page whose file, or whose heading in it, is not there. */
function brokenLinks(page: string, text: string): string[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```/gm, "").replaceAll(/`[^`\n]*`/g, "");
  const links = [...prose.matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]:\s+(\S+)$/gm)].map(
    ([, inline, reference]) => inline ?? reference ?? "",
  );
  return links
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [path = "", heading] = link.split("#");
      const target = path === "" ? page : join(dirname(page), path);
      if (!existsSync(join(repository, target))) return true;
      return (
        heading !== undefined && target.endsWith(".md") && !headingsOf(path === "" ? text : read(target)).has(heading)
      );
    });
}

/** Headings as GitHub links to them. */
function headingsOf(text: string): Set<string> {
  const headings = [...text.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/^#+ +(.+?) *$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
  return new Set(headings);
}
