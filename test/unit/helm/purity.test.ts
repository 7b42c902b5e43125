import { expect, test } from "vitest";
import type { ChartFile } from "../../../src/helm/chartFiles.ts";
import { impureUses } from "../../../src/helm/purity.ts";

function file(path: string, text: string): ChartFile {
  return { path, bytes: Buffer.from(text) };
}

const uses = (text: string, path = "templates/x.yaml"): string[] => impureUses([file(path, text)]);

test.each([
  ["random", "{{ randAlphaNum 32 }}"],
  ["random", "{{- randAlpha 8 -}}"],
  ["random", "{{ randNumeric 8 }}"],
  ["random", "{{ randAscii 8 }}"],
  ["random", "{{ randBytes 8 }}"],
  ["random", "{{ randInt 0 9 }}"],
  ["random", "{{ uuidv4 }}"],
  ["random", "{{ shuffle .Values.a }}"],
  ["random", '{{ genCA "x" 365 }}'],
  ["random", '{{ genCAWithKey "x" 365 .k }}'],
  ["random", '{{ genPrivateKey "rsa" }}'],
  ["random", "{{ genSignedCert .a nil nil 365 $ca }}"],
  ["random", "{{ genSelfSignedCertWithKey .a }}"],
  ["random", "{{ htpasswd .u .p }}"],
  ["random", "{{ bcrypt .p }}"],
  ["random", "{{ encryptAES .k .p }}"],
  ["random", '{{ getHostByName "x" }}'],
  ["random", '{{ keys .Values.map | join "," }}'],
  ["random", "{{ range (values .Values.map) }}x{{ end }}"],
  ["random", "{{ if eq .a\n  (randAlphaNum 4) }}x{{ end }}"],
  ["random", "{{ default (randAlphaNum 4) .Values.pw | quote }}"],
  ["time", "{{ now | unixEpoch }}"],
  ["time", "{{ ago .Values.t }}"],
  ["time", '{{ date "2006" .Values.noTime }}'],
  ["time", "{{ htmlDate 0 }}"],
  ["time", "{{ durationRound .t }}"],
  ["lookup", '{{ $s := lookup "v1" "Secret" .Release.Namespace "x" }}'],
  ["release-revision", "{{ .Release.Revision }}"],
  ["release-revision", "{{ $.Release.Revision | quote }}"],
  ["release-revision", "{{ .Release | toJson }}"],
  ["release-revision", "{{ with .Release }}{{ .Revision }}{{ end }}"],
  ["release-revision", '{{ index .Release "Revision" }}'],
  ["capabilities", '{{ if .Capabilities.APIVersions.Has "x/v1" }}x{{ end }}'],
  ["capabilities", '{{ $.Capabilities.APIVersions | has "x/v1" }}'],
  ["capabilities", '{{ include "x" .Capabilities }}'],
  ["capabilities", '{{ index . "Capabilities" "APIVersions" }}'],
])("%s: %s", (use, text) => {
  expect(uses(text)).toEqual([use]);
});

test.each([
  "randAlphaNum outside of any action",
  "{{ .Values.password }}",
  "{{ .Values.randomPassword }} {{ .Values.nowait }} {{ .Values.lookups }}",
  '{{ include "lookup-free" . }}'.replace("lookup-free", "free"),
  "{{/* randAlphaNum, lookup and now */}}",
  "{{- /* several\nlines: uuidv4 */ -}}",
  "{{ .Values.update }} {{ .Values.backup.date }} {{ .Values.now }}",
  "{{ .Values.x | sha256sum | b64enc }}",
  "{{ .Release.Name }}-{{ .Release.Namespace }}-{{ .Release.Service }} {{ .Release.IsUpgrade }}",
  '{{ keys .Values.map | sortAlpha | join "," }}',
  "{{ .Values.keys }} {{ $keys }} {{ .values }}",
  "{{ .Capabilities.KubeVersion.Minor }} {{ $.Capabilities.HelmVersion.Version }}",
  '{{ derivePassword 1 "long" .a .b .c }}',
])("nothing: %s", (text) => {
  expect(uses(text)).toEqual([]);
});

test.each([
  ["templates/_helpers.tpl", true],
  ["values.yaml", true],
  ["charts/sub/templates/x.yaml", true],
  ["charts/sub-1.0.0.tgz/templates/x.yaml", true],
  ["charts/sub/values.yml", true],
  ["files/run-through-tpl.conf", true],
  ["templates/NOTES.txt", false],
  ["README.md", false],
  ["LICENSE", false],
])("looks into %s: %s", (path, expected) => {
  expect(uses("{{ randAlphaNum 8 }}", path).length > 0).toBe(expected);
});

test("several uses, each once, in order", () => {
  const files = [file("templates/a", "{{ now }}{{ uuidv4 }}"), file("templates/b", "{{ uuidv4 }}{{ lookup . }}")];
  expect(impureUses(files)).toEqual(["lookup", "random", "time"]);
  expect(impureUses([])).toEqual([]);
});
