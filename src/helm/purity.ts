import type { ImpureUse } from "../ports.ts";
import type { ChartFile } from "./chartFiles.ts";

/** Sprig's and Helm's functions whose result depends on more than values and chart. */
const USES: readonly { use: ImpureUse; match: RegExp }[] = [
  {
    use: "random",
    match:
      /\b(rand(AlphaNum|Alpha|Numeric|Ascii|Bytes|Int)|gen(PrivateKey|CA|SelfSignedCert|SignedCert)\w*|uuidv4|shuffle|htpasswd|bcrypt|encryptAES|getHostByName)\b/,
  },
  // Go gives the keys of a map in another order each time.
  { use: "random", match: /(?<![\w.$"-])(keys|values)\b(?![^]*\bsortAlpha\b)/ },
  // The functions that format a time take the present one for what is no time.
  { use: "time", match: /(?<![\w.-])(now|ago|durationRound|date|dateInZone|date_in_zone|htmlDate\w*)(?![\w-])/ },
  { use: "lookup", match: /\blookup\b/ },
  // Any use of `.Release` but for the fields that stay the same, as it may be handed on as a whole.
  { use: "release-revision", match: /\.Release\b(?!\.(Name|Namespace|Service|IsUpgrade|IsInstall)\b)/ },
  // The API versions change with each CRD; of the versions of Kubernetes and helm everybody knows.
  { use: "capabilities", match: /\bCapabilities\b(?!\.(KubeVersion|HelmVersion)\b)/ },
];

const ACTION = /\{\{-?([\s\S]*?)-?\}\}/g;
const COMMENT = /\/\*[\s\S]*?\*\//g;

/**
 * What a chart uses that makes two renders with the same values differ. Reads text, of every file, as templates may
 * run any of them through `tpl`: so it may name a use that never runs. It never misses one that does.
 */
export function impureUses(files: readonly ChartFile[]): ImpureUse[] {
  const found = new Set<ImpureUse>();
  for (const { path, bytes } of files) {
    if (!/(\/NOTES\.txt|\.md|(^|\/)LICENSE)$/.test(path)) scan(bytes.toString("utf8"), found);
  }
  return [...found].sort();
}

function scan(text: string, found: Set<ImpureUse>): void {
  for (const [, action = ""] of text.matchAll(ACTION)) {
    const code = action.replaceAll(COMMENT, "");
    for (const { use, match } of USES) if (match.test(code)) found.add(use);
  }
}
