import { expect, test } from "vitest";
import { requireSupported } from "../../../src/helm/version.ts";

test.each([
  ["v3.17.0", "3.17.0"],
  ["v3.22.0\n", "3.22.0"],
  ["3.17.2", "3.17.2"],
  ["v4.1.0", "4.1.0"],
  ["v4.3.1+g1234567", "4.3.1"],
  ["v4.10.0-rc.1", "4.10.0"],
])("%j is supported", (printed, version) => {
  expect(requireSupported(printed)).toBe(version);
});

test.each([
  ["v3.16.4", "helm 3.16 is not supported"],
  ["v3.9.0", "helm 3.9 is not supported"],
  ["v4.0.5", "helm 4.0 is not supported"],
  ["v2.17.0", "helm 2.17 is not supported"],
  ["v5.0.0", "helm 5.0 is not supported"],
  ["", "does not print a helm version"],
  ["hello", "does not print a helm version"],
  ["{{.Version}}", "does not print a helm version"],
  ["Client: v3.17.0", "does not print a helm version"],
  ["v3.17", "does not print a helm version"],
])("%j is not", (printed, message) => {
  const refused = expect.objectContaining({
    code: "HelmUnsupported",
    message: expect.stringContaining(message) as string,
  });
  expect(() => requireSupported(printed)).toThrow(refused);
});
