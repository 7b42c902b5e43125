// The program as one folder that runs wherever Node does: `node scripts/build.mjs [FOLDER]`, dist/ if not told.
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { repository } from "./artifacts.mjs";

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

const folder = resolve(process.argv[2] ?? join(repository, "dist"));
rmSync(folder, { recursive: true, force: true });
await build({
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
  plugins: [withoutSideEffects, requiredBuiltins],
  logLevel: "warning",
});
writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
chmodSync(join(folder, "main.js"), 0o755);
