import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import * as z from "zod";
import { HelmwardenError } from "../errors.ts";

/** Where a migration differs from its defaults, by NAMESPACE/NAME. */
export interface MigrationMapping {
  /** Paths in the store, by Secret; `NAME-values` for what of a release's values is no key of a Secret. */
  readonly paths: ReadonlyMap<string, string>;
  /** Where the charts of releases are found: Helm does not store it. As the `chart` of a ReleaseSync. */
  readonly charts: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

const name = z.string().regex(/^[^/]+\/[^/]+$/);
const Mapping = z.strictObject({
  paths: z.record(name, z.string().min(1)).default({}),
  charts: z
    .record(
      name,
      z.union([
        z.strictObject({ path: z.string() }),
        z.strictObject({ repository: z.string(), name: z.string() }),
        z.strictObject({ oci: z.string() }),
      ]),
    )
    .default({}),
});

/** Reads a mapping file (YAML or JSON). ConfigInvalid for one that cannot be read or has another form. */
export async function loadMapping(path: string | undefined): Promise<MigrationMapping> {
  if (path === undefined) return { paths: new Map(), charts: new Map() };
  const text = await readFile(path, "utf8").catch(() => {
    throw new HelmwardenError("ConfigInvalid", `The mapping file ${path} cannot be read.`);
  });
  const yaml = parseDocument(text);
  const read = Mapping.safeParse(yaml.errors.length > 0 ? undefined : yaml.toJS());
  if (!read.success) {
    throw new HelmwardenError(
      "ConfigInvalid",
      `The mapping file ${path} is not of the form {paths: {NAMESPACE/NAME: PATH}, charts: {NAMESPACE/NAME: {path | repository and name | oci}}}.`,
    );
  }
  return { paths: new Map(Object.entries(read.data.paths)), charts: new Map(Object.entries(read.data.charts)) };
}
