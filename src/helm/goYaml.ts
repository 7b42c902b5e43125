import { type Document, parseAllDocuments, type ScalarTag } from "yaml";

/**
 * The documents of a text as helm and the API server's clients read them: sigs.k8s.io/yaml over go.yaml.in/yaml/v2
 * (resolve.go), whose plain scalars are those of YAML 1.1 but for dates and sexagesimal numbers, which are text. What is
 * wrong with a document is in its `errors`.
 */
export function parseGoYaml(text: string): Document.Parsed[] {
  const options = { logLevel: "silent", uniqueKeys: false, merge: true, schema: "failsafe" } as const;
  return parseAllDocuments(text, { ...options, customTags: ["null", TRUE, FALSE, INT, FLOAT, BINARY] });
}

const PREFIX = "tag:yaml.org,2002:";

const TRUE: ScalarTag = {
  tag: `${PREFIX}bool`,
  default: true,
  test: /^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/,
  resolve: () => true,
};

const FALSE: ScalarTag = {
  tag: `${PREFIX}bool`,
  default: true,
  test: /^(?:n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/,
  resolve: () => false,
};

/** Whole, in one of Go's bases; underscores do not count. What Go finds too large becomes a float, or stays text. */
const INT: ScalarTag = {
  tag: `${PREFIX}int`,
  default: true,
  test: /^[-+]?[0-9](?:_*(?:[xX](?:_*[0-9a-fA-F])+|[bB](?:_*[01])+|[oO](?:_*[0-7])+|(?:_*[0-9])*))_*$/,
  resolve: (text) => wholeNumber(text.replaceAll("_", "")) ?? floatNumber(text) ?? text,
};

const FLOAT: ScalarTag = {
  tag: `${PREFIX}float`,
  default: true,
  test: /^[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9_]+)?$/,
  resolve: (text) => floatNumber(text) ?? text,
};

const BINARY: ScalarTag = {
  tag: `${PREFIX}binary`,
  resolve: (text) => Buffer.from(text, "base64").toString("utf8"),
};

const WHOLE = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))$/;
const MOST = 2n ** 64n;
const MOST_SIGNED = 2n ** 63n;

function wholeNumber(text: string): number | string | undefined {
  const [, sign, hex, binary, octal, decimal] = WHOLE.exec(text) ?? [];
  if (sign === undefined) return undefined;
  const size = BigInt(hex ? `0x${hex}` : binary ? `0b${binary}` : octal ? `0o${octal}` : (decimal ?? "0"));
  const isTooLarge = sign === "-" ? size > MOST_SIGNED : size >= (sign === "+" ? MOST_SIGNED : MOST);
  if (isTooLarge) return undefined;
  const whole = sign === "-" ? -size : size;
  // A key keeps all of its digits.
  return Number.isSafeInteger(Number(whole)) ? Number(whole) : whole.toString();
}

function floatNumber(text: string): number | undefined {
  const plain = text.replaceAll("_", "");
  const number = /^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/.test(plain) ? Number(plain) : Infinity;
  return Number.isFinite(number) ? number : undefined;
}
