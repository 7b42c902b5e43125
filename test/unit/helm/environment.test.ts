import { expect, test } from "vitest";
import { helmEnvironment } from "../../../src/helm/environment.ts";
import { canary } from "../../support/canary.ts";

const folders = {
  work: "/f/work",
  input: "/f/in",
  charts: "/f/charts",
  environment: { HELM_CACHE_HOME: "/f/cache", KUBECACHEDIR: "/f/kube" },
};

test("is what helm needs, our own settings, and nothing else", () => {
  const inherited = {
    PATH: "/bin",
    HOME: "/home/u",
    HTTPS_PROXY: "http://proxy:3128",
    LANG: "de",
    EDITOR: "vi",
    TMPDIR: undefined,
  };
  expect(helmEnvironment(inherited, folders, "/home/u/.kube/config")).toEqual({
    PATH: "/bin",
    HOME: "/home/u",
    HTTPS_PROXY: "http://proxy:3128",
    HELM_CACHE_HOME: "/f/cache",
    KUBECACHEDIR: "/f/kube",
    KUBECONFIG: "/home/u/.kube/config",
    HELM_DRIVER: "secret",
    HELM_NO_PLUGINS: "1",
    HELM_QPS: "50",
    HELM_BURST_LIMIT: "200",
    NO_COLOR: "1",
  });
});

test.each([
  "VAULT_TOKEN",
  "VAULT_ADDR",
  "VAULT_SECRET_ID",
  "INFISICAL_TOKEN",
  "INFISICAL_CLIENT_SECRET",
  "INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET",
  "REDIS_URL",
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AZURE_CLIENT_SECRET",
  "GITHUB_TOKEN",
  "HELM_DEBUG",
  "HELM_NAMESPACE",
  "HELM_KUBETOKEN",
  "HELM_KUBECONTEXT",
  "HELM_KUBEAPISERVER",
  "HELM_KUBEASUSER",
  "HELM_KUBECAFILE",
  "HELM_KUBEINSECURE_SKIP_TLS_VERIFY",
  "HELM_PLUGINS",
  "HELM_DRIVER_SQL_CONNECTION_STRING",
  "HELM_MAX_HISTORY",
  "HELM_BIN",
  "NODE_OPTIONS",
  "LD_PRELOAD",
  "DB_PASSWORD",
])("%s stays behind", (name) => {
  const environment = helmEnvironment({ [name]: canary(name) }, folders, undefined);
  expect(environment).not.toHaveProperty(name);
  expect(JSON.stringify(environment)).not.toContain("hwcanary");
});

test("what we set wins over what we were given", () => {
  const inherited = {
    HELM_DRIVER: "sql",
    HELM_QPS: "1",
    HELM_CACHE_HOME: "/theirs",
    HELM_NO_PLUGINS: "0",
    KUBECACHEDIR: "/theirs",
  };
  expect(helmEnvironment(inherited, folders, undefined)).toMatchObject({
    HELM_DRIVER: "secret",
    HELM_QPS: "50",
    HELM_CACHE_HOME: "/f/cache",
    HELM_NO_PLUGINS: "1",
    KUBECACHEDIR: "/f/kube",
  });
});

test("without a kubeconfig of ours there is none, also where one was inherited", () => {
  expect(helmEnvironment({ KUBECONFIG: "/theirs" }, folders, undefined)).not.toHaveProperty("KUBECONFIG");
});
