import type * as z from "zod";
import { helmwardenConfig } from "./helmwardenConfig.ts";
import { releaseSync } from "./releaseSync.ts";
import { rotationPolicy } from "./rotationPolicy.ts";
import { secretStore } from "./secretStore.ts";
import { secretSync } from "./secretSync.ts";

/** The documents that a configuration is made of, by their kind. */
export const KINDS = {
  SecretStore: secretStore,
  ReleaseSync: releaseSync,
  SecretSync: secretSync,
  RotationPolicy: rotationPolicy,
  HelmwardenConfig: helmwardenConfig,
} as const;

export type Kind = keyof typeof KINDS;
export type DocumentOf<K extends Kind> = z.output<(typeof KINDS)[K]>;
export type AnyDocument = { [K in Kind]: DocumentOf<K> }[Kind];

export function isKind(word: unknown): word is Kind {
  return typeof word === "string" && Object.hasOwn(KINDS, word);
}
