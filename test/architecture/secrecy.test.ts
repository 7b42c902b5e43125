// Where secrets are unwrapped, and where the program meets its surroundings. A new place is added here, with its reason.
import { describe, expect, test } from "vitest";
import { readSources, type Source, sourceOf } from "../support/sources.ts";

interface Rule {
  readonly what: string;
  readonly match: RegExp;
  /** By file: why it may. */
  readonly allowed: Readonly<Record<string, string>>;
  /** Made up, to show that the rule can fail. */
  readonly violations: readonly string[];
  readonly inComments?: boolean;
}

const DIGEST = "makes a keyed digest of it";
const GUARD = "looks at a wanted value before it is let in";
const COMPARE = "compares what is stored with what is wanted";
const BACKUP = "goes into an encrypted backup";
const LOGIN = "logs in with it";
const JITTER = "spreads calls in time";
const CONSTANT = "a constant of seconds or minutes";

const RULES: readonly Rule[] = [
  {
    what: "a SecretValue is revealed",
    match: /\.reveal(Bytes)?\b/g,
    allowed: {
      "app.ts": "the key of digests, and the URL of Redis",
      "cli/generate.ts": "prints the new value that was asked for",
      "cli/status.ts": "sends the bearer token to our own daemon",
      "core/digest.ts": DIGEST,
      "core/migration/findPlaces.ts": "looks where in a release a value is held",
      "core/migration/propose.ts": "looks whether there is text to import",
      "core/rotation/literal.ts": "looks whether a pod holds it itself",
      "core/rotation/state.ts": "writes a rotation under way into the store, beside its secret",
      "core/secretPlan.ts": GUARD,
      "core/template.ts": "puts values together",
      "core/wanted.ts": GUARD,
      "credentials.ts": "cuts off a newline",
      "daemon/bearer.ts": "compares in constant time",
      "daemon/webhook.ts": "checks a signature",
      "helm/decodeRelease.ts": "parses the manifest that the release holds",
      "kube/inventory.ts": "takes what a Secret holds apart",
      "kube/putBack.ts": "writes a Secret's data",
      "kube/secrets.ts": "writes a Secret's data",
      "migration/ageFile.ts": "encrypts with it",
      "migration/textFiles.ts": "writes the key file that was asked for",
      "migration/backups.ts": BACKUP,
      "operations/preflight.ts": "looks for an owner's marks in the manifest",
      "operations/rotate/adoptApps.ts": "reads the name of a database's user",
      "operations/rotate/rotatedSecret.ts": "reads the name of a database's user",
      "operations/storePass.ts": GUARD,
      "operations/verify.ts": "looks whether a live Secret took the value",
      "providers/infisical/clientSecrets.ts": LOGIN,
      "providers/infisical/login.ts": LOGIN,
      "providers/infisical/sender.ts": LOGIN,
      "providers/vault/events.ts": LOGIN,
      "providers/vault/kvClient.ts": LOGIN,
      "providers/vault/login.ts": LOGIN,
      "providers/vault/markers.ts": "compares a marker that a migration left",
      "providers/vault/nodeVault.ts": LOGIN,
      "providers/vault/secretIds.ts": "has it destroyed",
      "providers/infisical/encoding.ts": "looks whether the store would keep it as it is",
      "providers/infisical/items.ts": "writes it into the store",
      "providers/infisical/replace.ts": "looks whether the store expands references in it",
      "providers/vault/vaultReplace.ts": "writes it into the store",
      "providers/vault/vaultWriter.ts": "writes it into the store",
      "queue/redisUrl.ts": LOGIN,
      "targets/http.ts": "puts it into the request that the policy describes",
      "targets/mysqlSession.ts": LOGIN,
      "targets/mysqlStatements.ts": "makes what the server is to store of it",
      "targets/notify.ts": "sends to the secret URL that Slack gives",
      "targets/postgresSession.ts": LOGIN,
      "targets/redisSession.ts": LOGIN,
      "targets/redisUsers.ts": "hashes it, as Redis stores it",
      "targets/scramVerifier.ts": "makes what the server stores of it",
      "targets/signature.ts": "signs with it",
      "targets/webhook.ts": "sends it to the system that is to learn it",
    },
    violations: ["const text = value.reveal();", "value\n  .revealBytes()", "values.map(({ reveal }) => one.reveal)"],
  },
  {
    what: "a Sealed is opened",
    match: /(?<!\blistener)\.open\(\)/g,
    allowed: {
      "core/migration/historyHolds.ts": "counts the revisions that hold a value",
      "core/migration/propose.ts": "looks where in a release a value is held",
      "helm/history.ts": "decodes what Helm stored",
      "migration/backups.ts": BACKUP,
      "core/permissions.ts": "reads kinds and names of the deployed objects",
      "core/plan.ts": COMPARE,
      "core/readers.ts": "reads who mounts what",
      "core/rotation/adoption.ts": "reads which Secrets a pod refers to",
      "core/rotation/literal.ts": "looks whether a pod holds a value itself",
      "helm/decodeHeads.ts": "decodes what Helm stored",
      "helm/overlayText.ts": "goes to helm's standard input",
      "helm/unlock.ts": "changes the status in what Helm stored",
      "kube/disruption.ts": "reads the labels of pods",
      "kube/storageSecrets.ts": "writes back what Helm stored, with another status",
      "operations/adoptRelease.ts": "looks where in the manifest the values stand",
      "operations/liveDrift.ts": COMPARE,
      "operations/migrate/takeInventory.ts": "joins what was found in several places",
      "operations/preflight.ts": "renders, and follows canaries through what came of it",
      "operations/rotate/carriedKeys.ts": "reads the names of a release's Secrets and their keys",
      "operations/restart.ts": "reads who mounts what",
      "operations/restore.ts": "takes the previous values",
      "operations/rotate/chartJob.ts": "takes the value that the release holds, for a login",
      "operations/rotate/jobHooks.ts": "renders, and reads kinds and names of what the switch adds",
      "operations/rotate/withJobHooks.ts": "joins the deployed objects and those of the Job",
      "operations/scrubRelease.ts": COMPARE,
      "operations/verify.ts": COMPARE,
      "operations/xrayRelease.ts": "renders, and follows canaries through what came of it",
    },
    violations: ["const values = config.open();"],
  },
  {
    what: "the environment is read",
    match: /\bprocess\.env\b|"node:process"/g,
    allowed: {},
    violations: ["const home = process.env.HOME;", 'import { env } from "node:process";'],
  },
  {
    what: "the process is ended",
    match: /\bprocess\.(exit|abort|reallyExit)/g,
    allowed: { "main.ts": "argv and environment in, exit code out" },
    violations: ["process.exit(1);", "process.exitCode = 1;", "process.abort();"],
  },
  {
    what: "the time is told",
    match: /\bnew Date\(\)|\bDate\.now\b|\bperformance\.now\b|\bDate\(\)/g,
    allowed: { "clock.ts": "the only clock" },
    violations: ["const now = new Date();", "const now = Date.now();", "performance.now()"],
  },
  {
    // Timers fire at once beyond 2^31-1 ms (24.8 days): what may be longer sleeps by the clock, in slices.
    what: "a timer is set",
    match: /\bset(Timeout|Interval)\(|\bAbortSignal\.timeout\(/g,
    allowed: {
      "cli/askStatus.ts": CONSTANT,
      "daemon/createView.ts": CONSTANT,
      "daemon/loops.ts": CONSTANT,
      "daemon/runDaemon.ts": "ends what is late at shutdown: constants",
      "daemon/server.ts": CONSTANT,
      "helm/process.ts": "ends helm: `upgrade.timeout` is at most a day",
      "kube/api.ts": CONSTANT,
      "kube/heldLease.ts": "ends a renewal before the lease ends: seconds",
      "kube/watchSecrets.ts": "ends a watch before its relist: minutes",
      "providers/http.ts": CONSTANT,
      "providers/httpExchange.ts": CONSTANT,
      "providers/httpLines.ts": "ends a silent stream: minutes",
      "providers/infisical/awsLogin.ts": CONSTANT,
      "providers/infisical/session.ts": CONSTANT,
      "providers/vault/session.ts": CONSTANT,
      "providers/vault/socket.ts": "ends a silent socket: minutes",
      "queue/redisLink.ts": CONSTANT,
      "targets/httpCall.ts": CONSTANT,
      "targets/mysqlSession.ts": CONSTANT,
      "targets/postgresSession.ts": CONSTANT,
      "targets/redisSession.ts": CONSTANT,
    },
    violations: ["setTimeout(work, ms);", "setInterval(work, 5);", "AbortSignal.timeout(ms)"],
  },
  {
    what: "something is drawn at random without need for secrecy",
    match: /\bMath\.random\b/g,
    allowed: {
      "daemon/runDaemon.ts": JITTER,
      "kube/api.ts": JITTER,
      "kube/watchSecrets.ts": JITTER,
      "providers/http.ts": JITTER,
      "providers/infisical/session.ts": JITTER,
      "providers/keepListening.ts": JITTER,
      "providers/vault/renewal.ts": JITTER,
      "queue/localQueue.ts": JITTER,
      "queue/redisLink.ts": JITTER,
    },
    violations: ["const pause = Math.random() * 5;"],
  },
  { what: "the console is used", match: /\bconsole\b/g, allowed: {}, violations: ["console.log(1);"] },
  {
    what: "values are reset",
    match: /\breset-values\b/g,
    allowed: {},
    violations: ['["upgrade", "--reset-values"]', "`--reset-values=true`"],
  },
  {
    what: "a type is given up",
    match: /(:|<|\bas|\||,)\s*any\b/g,
    allowed: {},
    violations: ["let a: any;", "const a = b as any;", "new Map<string, any>()", "a | any"],
  },
  {
    what: "a check is silenced without a reason",
    match: /@ts-(ignore|expect-error|nocheck)|lint-disable(?!.* -- \w)/g,
    inComments: true,
    allowed: {},
    violations: ["// @ts-ignore", "// oxlint-disable-next-line no-console"],
  },
  {
    what: "a foreign error is kept as a cause",
    match: /\bcause:|\{ cause \}/g,
    allowed: {},
    violations: ['throw new HelmwardenError("Internal", "x", { cause: caught });', 'throw new Error("x", { cause });'],
  },
];

function places({ match, inComments }: Rule, sources: readonly Source[]): string[] {
  return sources
    .filter(({ code, text }) => (inComments === true ? text : code).search(match) !== -1)
    .map(({ path }) => path);
}

describe.each(RULES)("$what only where it is allowed", (rule) => {
  test("holds", () => {
    expect(places(rule, readSources()).filter((path) => rule.allowed[path] === undefined)).toEqual([]);
  });

  test("every place that is allowed is one still, and has a reason", () => {
    expect(places(rule, readSources())).toEqual(expect.arrayContaining(Object.keys(rule.allowed)));
    expect(Object.values(rule.allowed).filter((reason) => reason.length < 10)).toEqual([]);
  });

  test("can fail", () => {
    const made = rule.violations.map((code, index) => sourceOf(`core/violation${index}.ts`, code));
    expect(places(rule, made)).toEqual(made.map(({ path }) => path));
  });
});
