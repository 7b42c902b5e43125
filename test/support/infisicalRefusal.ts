import { randomBytes } from "node:crypto";

/** What the test server refuses, in the shape in which Infisical refuses it. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;

  constructor(status: number, error: string, message: string | readonly object[], extra: object = {}) {
    super(error);
    this.status = status;
    const reqId = `req-${randomBytes(10).toString("base64url")}`;
    this.body = { reqId, statusCode: status, message, ...extra, error };
  }
}

export function unauthorized(message: string): Refusal {
  return new Refusal(401, "UnauthorizedError", message);
}

/** An expired, tampered or malformed token is 403, not 401. */
export function tokenError(message: string): Refusal {
  return new Refusal(403, "TokenError", message);
}

export function notFound(message: string): Refusal {
  return new Refusal(404, "NotFound", message);
}

/** 422: its message is an array of zod issues. */
export function missingFields(names: readonly string[]): Refusal {
  const issues = names.map((name) => ({
    code: "invalid_type",
    expected: "string",
    received: "undefined",
    path: [name],
    message: "Required",
  }));
  return new Refusal(422, "ValidationFailure", issues);
}

export function notBoolean(name: string, received: string): Refusal {
  return new Refusal(422, "ValidationFailure", [
    {
      received,
      code: "invalid_enum_value",
      options: ["true", "false"],
      path: [name],
      message: `Invalid enum value. Expected 'true' | 'false', received '${received}'`,
    },
  ]);
}
