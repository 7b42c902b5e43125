import * as z from "zod";
import type { BackupContent } from "../core/migration/backup.ts";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import type { RawSecret } from "../core/migration/rawSecret.ts";
import { Sealed, SecretValue } from "../core/secretValue.ts";
import { HelmwardenError } from "../errors.ts";
import type { Backups } from "../ports.ts";
import { newIdentity, readAgeFile, writeAgeFile } from "./ageFile.ts";

// JSON lines, so that a large backup is never one string: a head, a line for each Secret and release, and their count.
const FORMAT = 1;

/** Backups as age files. */
export function createBackups(): Backups {
  return {
    newIdentity: async () => {
      const { identity, recipient } = await newIdentity();
      return { identity: SecretValue.fromText(identity), recipient };
    },
    write: (file, content, lock, signal) => writeAgeFile(file, () => linesOf(content), lock, signal),
    async read(file, key, signal) {
      const content: {
        head?: z.infer<typeof Head>;
        secrets: RawSecret[];
        releases: BackupContent["releases"][number][];
      } = {
        secrets: [],
        releases: [],
      };
      let lines = 0;
      let ended = false;
      for await (const text of linesIn(readAgeFile(file, key))) {
        signal.throwIfAborted();
        const entry = read(text, file);
        if ("helmwarden" in entry) content.head = entry;
        else if ("secret" in entry) content.secrets.push(entry.secret);
        else if ("release" in entry) content.releases.push(entry.release);
        else ended = entry.end === lines;
        lines += 1;
      }
      if (content.head === undefined || !ended) throw foreign(file);
      const { secrets, releases } = content;
      return { at: content.head.at, cluster: content.head.cluster, secrets, releases };
    },
  };
}

function* linesOf({ at, cluster, secrets, releases }: BackupContent): Generator<Buffer> {
  yield line({ helmwarden: "backup", v: FORMAT, at, cluster });
  for (const { data, ...secret } of secrets) {
    const encoded = [...data].map(([key, value]) => [key, value.revealBytes().toString("base64")]);
    yield line({ secret: { ...secret, data: Object.fromEntries(encoded) } });
  }
  for (const { values, ...release } of releases) yield line({ release: { ...release, values: values.open() } });
  yield line({ end: secrets.length + releases.length + 1 });
}

function line(entry: object): Buffer {
  return Buffer.from(`${JSON.stringify(entry)}\n`);
}

async function* linesIn(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      yield Buffer.concat([...parts.splice(0), rest.subarray(0, end)]).toString("utf8");
      rest = rest.subarray(end + 1);
    }
    if (rest.length > 0) parts.push(Buffer.from(rest));
  }
  if (parts.length > 0) yield Buffer.concat(parts).toString("utf8");
}

const texts = z.record(z.string(), z.string());
const Head = z.object({ helmwarden: z.literal("backup"), v: z.literal(FORMAT), at: z.string(), cluster: z.string() });
const SecretLine = z.object({
  secret: z.object({
    namespace: z.string(),
    name: z.string(),
    resourceVersion: z.string(),
    type: z.string(),
    immutable: z.boolean(),
    labels: texts,
    annotations: texts,
    owners: z.array(z.string()),
    data: texts.transform(
      (data) => new Map(Object.entries(data).map(([key, text]) => [key, SecretValue.fromBase64(text)])),
    ),
  }),
});
const ReleaseLine = z.object({
  release: z.object({
    namespace: z.string(),
    name: z.string(),
    revision: z.number(),
    values: z.custom<JsonObject>(isJsonObject).transform((values) => new Sealed(values)),
  }),
});
const Line = z.union([SecretLine, ReleaseLine, Head, z.object({ end: z.number() })]);

function read(text: string, file: string): z.infer<typeof Line> {
  try {
    return Line.parse(JSON.parse(text));
  } catch {
    throw foreign(file);
  }
}

function foreign(file: string): HelmwardenError {
  return new HelmwardenError(
    "BackupInvalid",
    `The file ${file} opens, but is no whole backup of helmwarden. Name the right file.`,
  );
}
