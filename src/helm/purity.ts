import type { ImpureUse } from "../ports.ts";
import type { ChartFile } from "./chartFiles.ts";

/** Sprig's and Helm's functions whose result depends on more than values and chart. */
const USES: readonly { use: ImpureUse; match: RegExp }[] = [
  {
    use: "random",
    match:
      /\b(rand(AlphaNum|Alpha|Numeric|Ascii|Bytes|Int)|gen(PrivateKey|CA|SelfSignedCert|SignedCert)\w*|uuidv4|shuffle|htpasswd|bcrypt|encryptAES|getHostByName)\b/,
  },
  { use: "time", match: /\b(now|ago)\b/ },
  { use: "lookup", match: /\blookup\b/ },
  { use: "release-revision", match: /\.Release\.Revision\b/ },
];

const ACTION = /\{\{-?([\s\S]*?)-?\}\}/g;
const COMMENT = /\/\*[\s\S]*?\*\//g;

/**
 * What a chart's templates use that makes two renders with the same values differ. Reads text, so it may name a
 * use that never runs; it never misses one that does.
 */
export function impureUses(files: readonly ChartFile[]): ImpureUse[] {
  const found = new Set<ImpureUse>();
  for (const { path, bytes } of files) {
    if (path.includes("templates/") && !path.endsWith("NOTES.txt")) scan(bytes.toString("utf8"), found);
    else if (/(^|\/)values\.ya?ml$/.test(path)) scan(bytes.toString("utf8"), found);
  }
  return [...found].sort();
}

function scan(text: string, found: Set<ImpureUse>): void {
  for (const [, action = ""] of text.matchAll(ACTION)) {
    const code = action.replaceAll(COMMENT, "");
    for (const { use, match } of USES) if (match.test(code)) found.add(use);
  }
}
