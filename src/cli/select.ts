import type { Config, ReleaseSync, SecretSync } from "../core/spec.ts";
import { refsOf } from "../core/spec.ts";
import { HelmwardenError } from "../errors.ts";

export interface Selection {
  readonly releases: readonly ReleaseSync[];
  readonly secrets: readonly SecretSync[];
}

/** What the names on the command line mean: NAME or NAMESPACE/NAME; none means all. UsageInvalid for an unknown one. */
export function select({ releases, secrets }: Config, names: readonly string[]): Selection {
  if (names.length === 0) return { releases, secrets };
  const unknown = names.find(
    (name) => ![...releases.map(namesOf), ...secrets.map(secretNames)].some((known) => known.includes(name)),
  );
  if (unknown !== undefined) {
    throw new HelmwardenError(
      "UsageInvalid",
      `No release or Secret in the configuration is called ${JSON.stringify(unknown)}. Name it as NAME or NAMESPACE/NAME.`,
    );
  }
  return {
    releases: releases.filter((spec) => namesOf(spec).some((name) => names.includes(name))),
    secrets: secrets.filter((spec) => secretNames(spec).some((name) => names.includes(name))),
  };
}

/** The stores that these documents read from. */
export function storesOf({ releases, secrets }: Selection): Set<string> {
  const sources = [...releases.flatMap(({ values }) => values), ...secrets.flatMap(({ data }) => data)].map(
    ({ source }) => source,
  );
  return new Set(sources.flatMap(refsOf).map(({ store }) => store));
}

function namesOf({ key }: ReleaseSync): string[] {
  return [key.name, `${key.namespace}/${key.name}`];
}

function secretNames({ namespace, secret }: SecretSync): string[] {
  return [secret, `${namespace}/${secret}`];
}
