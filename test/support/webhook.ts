import { createHmac } from "node:crypto";

/** A delivery as Infisical makes it: body, and the header over it. */
export function delivery(secret: string, timestamp: number, project: Readonly<Record<string, string>> = {}) {
  const whole = { projectId: "6f1e", projectName: "Demo", environment: "prod", secretPath: "/apps/matomo", ...project };
  const body = { event: "secrets.modified", project: whole, timestamp };
  return { body, signature: sign(secret, timestamp, JSON.stringify(body)) };
}

export function sign(secret: string, timestamp: number, body: string): string {
  return `t=${timestamp};${createHmac("sha256", secret).update(body).digest("hex")}`;
}
