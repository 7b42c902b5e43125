import { describe, expect, test } from "vitest";
import { accountOf, hasRight, nativeHash, pluginsOf, takePassword } from "../../../src/targets/mysqlStatements.ts";

test("the hash is what the server's PASSWORD() gives", () => {
  expect(nativeHash("x")).toBe("*B69027D44F6E5EDC07F1AEAD1477967B16F28227");
});

test("a name ends neither its quotes nor the statement", () => {
  expect(accountOf("a`b'@\\", "%")).toBe("`a``b'@\\`@`%`");
});

test("a password ends not its literal, where backslashes have no meaning", () => {
  expect(takePassword("`u`@`%`", `a'b\\'; DROP--`, true)).toBe(
    "ALTER USER `u`@`%` IDENTIFIED BY 'a''b\\''; DROP--' RETAIN CURRENT PASSWORD",
  );
});

describe("the plugins of an account, as SHOW CREATE USER words it", () => {
  test.each([
    ["CREATE USER `a`@`%` IDENTIFIED BY PASSWORD '*B69027'", ["mysql_native_password"]],
    ["CREATE USER `a`@`%`", ["mysql_native_password"]],
    ["CREATE USER `a`@`%` IDENTIFIED VIA ed25519 USING 'x OR y'", ["ed25519"]],
    [
      "CREATE USER `a VIA b`@`%` IDENTIFIED VIA unix_socket OR mysql_native_password USING '*A''OR b' REQUIRE SSL",
      ["unix_socket", "mysql_native_password"],
    ],
    [
      "CREATE USER `a`@`%` IDENTIFIED VIA mysql_native_password USING '*A' OR mysql_native_password USING '*B'",
      ["mysql_native_password", "mysql_native_password"],
    ],
  ])("%s", (statement, plugins) => {
    expect(pluginsOf(statement)).toEqual(plugins);
  });
});

test("a right counts only if it is on everything", () => {
  const grants = ["GRANT SELECT, PROCESS ON *.* TO `a`@`%`", "GRANT CREATE USER ON `db`.* TO `a`@`%`"];
  expect(hasRight(grants, "PROCESS")).toBe(true);
  expect(hasRight(grants, "CREATE USER")).toBe(false);
  expect(hasRight(["GRANT ALL PRIVILEGES ON *.* TO `a`@`%` WITH GRANT OPTION"], "CREATE USER")).toBe(true);
});
