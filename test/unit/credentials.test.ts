import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SecretValue } from "../../src/core/secretValue.ts";
import type { CredentialRef } from "../../src/core/spec.ts";
import { createReadCredential } from "../../src/credentials.ts";
import { HelmwardenError } from "../../src/errors.ts";
import type { SecretObjects } from "../../src/ports.ts";
import { canary } from "../support/canary.ts";
import { expectFault, expectSilent } from "../support/silence.ts";

const secret = canary("credential");
let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "hw-credentials-"));
});

afterAll(() => rmSync(dir, { recursive: true }));

/** A cluster that has one Secret, apps/login. */
const secrets: Pick<SecretObjects, "get"> = {
  get: (namespace, name) => {
    if (name === "denied") return Promise.reject(new HelmwardenError("ClusterDenied", "No. Ask somebody."));
    if (namespace !== "apps" || name !== "login") return Promise.resolve(undefined);
    const data = new Map([["password", SecretValue.fromText(`${secret}\n`)]]);
    return Promise.resolve({
      namespace,
      name,
      resourceVersion: "1",
      type: "Opaque",
      immutable: false,
      data,
      ownedKeys: new Set<string>(),
      writtenAt: undefined,
    });
  },
};

function read(ref: CredentialRef, environment: Record<string, string> = {}): Promise<SecretValue> {
  return createReadCredential(environment, () => Promise.resolve(secrets), new AbortController().signal)(ref)();
}

function file(name: string, text: string): CredentialRef {
  writeFileSync(join(dir, name), text);
  return { fromFile: join(dir, name) };
}

test.each<[string, string]>([
  ["as it is", secret],
  ["without the newline of an editor", `${secret}\n`],
  ["without that of Windows", `${secret}\r\n`],
])("from a file, %s", async (name, text) => {
  const value = await read(file(name, text));
  expect(value.reveal()).toBe(secret);
  expectSilent(value);
});

test.each([`${secret}\n\n`, ` ${secret} `, `${secret}\r`])("only one newline is the editor's: %j", async (text) => {
  expect((await read(file("exact", text))).reveal()).toBe(text.replace(/\n$/, ""));
});

test("from the environment, and from a Secret of the cluster", async () => {
  expect((await read({ fromEnv: "TOKEN" }, { TOKEN: secret })).reveal()).toBe(secret);
  expect((await read({ fromSecret: { namespace: "apps", name: "login", key: "password" } })).reveal()).toBe(secret);
});

test("is read anew at each call, so that one that was rotated is picked up", async () => {
  const ref = file("rotated", "before-the-rotation");
  const credential = createReadCredential({}, () => Promise.resolve(secrets), new AbortController().signal)(ref);
  expect((await credential()).reveal()).toBe("before-the-rotation");
  file("rotated", secret);
  expect((await credential()).reveal()).toBe(secret);
});

test.each<[CredentialRef, string]>([
  [{ fromEnv: "TOKEN" }, "the environment variable TOKEN is not set"],
  [{ fromEnv: "EMPTY" }, "the environment variable EMPTY is empty"],
  [{ fromFile: "/nowhere/token" }, "the file /nowhere/token cannot be read"],
  [{ fromFile: "/" }, "the file / cannot be read"],
  [
    { fromSecret: { namespace: "apps", name: "login", key: "user" } },
    "key user of the Secret apps/login does not exist",
  ],
  [{ fromSecret: { namespace: "apps", name: "none", key: "x" } }, "key x of the Secret apps/none does not exist"],
])("%j: says what is missing and where", async (ref, message) => {
  const fault = await expectFault("ConfigInvalid", () => read(ref, { EMPTY: "\n" }));
  expect(fault.message).toContain(message);
});

test("an empty file is named, too", async () => {
  const fault = await expectFault("ConfigInvalid", () => read(file("empty", "\r\n")));
  expect(fault.message).toContain(`the file ${join(dir, "empty")} is empty`);
});

test("what the cluster refuses is told as such", async () => {
  await expectFault("ClusterDenied", () => read({ fromSecret: { namespace: "apps", name: "denied", key: "x" } }));
});
