import { type Literal, type Stripped, stripValues } from "../config/stripValues.ts";
import { type Digest, type DigestKey, digestOf } from "../core/digest.ts";
import { isThere } from "../core/migration/journal.ts";
import { SecretValue } from "../core/secretValue.ts";
import { type ReleaseSync, refsOf } from "../core/spec.ts";
import { HelmwardenError } from "../errors.ts";
import type { CommandContext } from "./context.ts";
import type { Cutover } from "./migrateCutover.ts";
import { confirm } from "./migrateLock.ts";

export interface StrippedFile extends Pick<Stripped, "paths" | "left"> {
  readonly file: string;
}

/** Takes migrated literals out of values files, after a question for each. A dry run says what it would take out. */
export async function stripFiles(cutover: Cutover, { terminal, signal }: CommandContext): Promise<StrippedFile[]> {
  const { app, files, request, options } = cutover;
  const done: StrippedFile[] = [];
  for (const file of options.stripValues ?? []) {
    const { digestKey } = await app.portsOf(request.cluster);
    const text = await files.readText(file);
    const stripped = stripValues(file, text, literalsOf(cutover, releaseOf(cutover), digestKey));
    const { paths, left } = stripped;
    const question = `Take ${paths.join(", ")} out of ${file}?`;
    const go = paths.length > 0 && !options.dryRun && (await confirm(question, options.yes, terminal, signal));
    if (go) await files.rewriteText(file, stripped.text);
    done.push({ file, paths: go || options.dryRun ? paths : [], left });
  }
  return done;
}

/** What the release's document maps from the store of this migration: from now on helmwarden gives it. */
function literalsOf({ state, request }: Cutover, { values }: ReleaseSync, key: DigestKey): Literal[] {
  return values.flatMap(({ path, source }): Literal[] => {
    const digests = new Set(
      refsOf(source).flatMap((ref): Digest[] => {
        const from = ref.path.replace(/^\//, "");
        const digest = state.items.get(from)?.keys.get(ref.key);
        const isMigrated = ref.store === request.store && isThere(state.results.get(from)?.get(ref.key));
        return isMigrated && digest !== undefined ? [digest] : [];
      }),
    );
    if (digests.size === 0) return [];
    return [{ path, isIt: (text) => readingsOf(text).some((value) => digests.has(digestOf(key, value))) }];
  });
}

/** As it is, and as base64. */
function readingsOf(text: string): SecretValue[] {
  return [SecretValue.fromText(text), SecretValue.fromBase64(text)];
}

function releaseOf({ app, request, options }: Cutover): ReleaseSync {
  const releases = app.config.releases.filter(({ key }) => key.cluster === request.cluster);
  const named = releases.filter(({ key }) => [undefined, `${key.namespace}/${key.name}`].includes(options.release));
  const [only, another] = named;
  if (only !== undefined && another === undefined) return only;
  throw new HelmwardenError(
    "UsageInvalid",
    only === undefined
      ? "The configuration has no ReleaseSync for these values: put the generated documents into it first, and sync."
      : "Say whose values these are: --release NAMESPACE/NAME.",
  );
}
