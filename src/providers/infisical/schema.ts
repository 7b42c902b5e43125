import { z } from "zod";
import { SecretValue } from "../../core/secretValue.ts";

/** What we read of Infisical's answers, and nothing else. */

/** A token, and how long it lives; old servers give tokens without an end, and say 0. */
export const Grant = z
  .object({ accessToken: z.string().min(1), expiresIn: z.number().nonnegative() })
  .transform(({ accessToken, expiresIn }) => ({
    token: SecretValue.fromText(accessToken),
    lifeMs: expiresIn === 0 ? Infinity : expiresIn * 1000,
  }));
export type Grant = z.infer<typeof Grant>;

/** The payload of an access token, in seconds since 1970. Not verified: it is the server that trusts it. */
export const TokenClaims = z.object({ exp: z.number().optional() });
export type TokenClaims = z.infer<typeof TokenClaims>;

const Item = z.object({
  secretKey: z.string(),
  secretValue: z.unknown(),
  secretValueHidden: z.boolean().optional(),
  version: z.number(),
  updatedAt: z.string().optional(),
  secretPath: z.string().optional(),
  isRotatedSecret: z.boolean().nullish(),
  secretComment: z.string().nullish(),
  tags: z.array(z.object({ slug: z.string() })).nullish(),
  secretMetadata: z
    .array(z.object({ key: z.string(), value: z.string() }))
    .nullish()
    .transform((entries) => entries ?? []),
});
export type Item = z.infer<typeof Item>;

export const SecretList = z.object({
  secrets: z.array(Item),
  imports: z.array(z.object({ secrets: z.array(Item) })).default([]),
});
export type SecretList = z.infer<typeof SecretList>;

const ProjectBody = z
  .object({ id: z.string(), environments: z.array(z.object({ slug: z.string() })) })
  .transform(({ id, environments }) => ({ id, environments: environments.map(({ slug }) => slug) }));
/** By id it comes inside of `project`, by slug it does not. */
export const Project = z.union([z.object({ project: ProjectBody }).transform(({ project }) => project), ProjectBody]);
export type Project = z.infer<typeof Project>;

export const Status = z.object({ message: z.literal("Ok") });

/** `error` names the kind of refusal. A route that the server does not have is refused without a `reqId`. */
export const Refusal = z.object({ error: z.string(), statusCode: z.number(), reqId: z.string().optional() });
export type Refusal = z.infer<typeof Refusal>;

const Moved = z.object({ environment: z.string(), secretPath: z.string().default("/") });
/** What moved: a list, or one thing (where an import brings it). */
export const EventData = z
  .object({ data: z.object({ payload: z.union([z.array(Moved), Moved]) }) })
  .transform(({ data }) => [data.payload].flat());

/** A write that was applied, with the versions that it made; one that waits for an approval answers with that instead. */
export const Written = z
  .union([
    z.object({ secrets: z.array(z.object({ secretKey: z.string(), version: z.number().optional() })) }),
    z.object({ folder: z.unknown() }).transform(() => ({ secrets: [] })),
  ])
  .transform(({ secrets }) => ({
    versions: new Map(secrets.flatMap(({ secretKey, version = 0 }) => (version > 0 ? [[secretKey, version]] : []))),
  }));
export type Written = z.infer<typeof Written>;

export const OneSecret = z.object({ secret: z.object({ secretValue: z.string() }) });

export const UniversalAuth = z.object({ identityUniversalAuth: z.object({ clientId: z.string().min(1) }) });

export const NewClientSecret = z.object({
  clientSecret: z.string().min(1),
  clientSecretData: z.object({ id: z.string().min(1) }),
});

/** Those that are not revoked. */
export const ClientSecrets = z
  .object({
    clientSecretData: z.array(
      z.object({ id: z.string(), clientSecretPrefix: z.string(), isClientSecretRevoked: z.boolean() }),
    ),
  })
  .transform(({ clientSecretData }) => ({
    clientSecretData: clientSecretData.filter((one) => !one.isClientSecretRevoked),
  }));

/** The one 401 that says nothing of the secret: it is given for the right one, too. */
export const LockedOut = z.object({ statusCode: z.literal(401), message: z.string().regex(/temporarily locked/) });
