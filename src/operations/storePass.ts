import { type Hold, hold } from "../core/hold.ts";
import type { Resolved } from "../core/plan.ts";
import { formatRef, type SecretRef } from "../core/secretRef.ts";
import type { SecretValue } from "../core/secretValue.ts";
import { refsOf, type ValueSource } from "../core/spec.ts";
import { isEmptyLike } from "../core/wanted.ts";
import { renderTemplate } from "../core/template.ts";
import { HelmwardenError } from "../errors.ts";
import type { PathReading, Store, StoredSecret } from "../ports.ts";

/** The stores as one pass sees them: each path is read once, however many mappings ask for it. */
export interface StorePass {
  /** What a mapping wants now. Throws where a store cannot be read; what the store says is a value. */
  resolve(
    where: string,
    source: ValueSource,
    allowEmpty: boolean,
  ): Promise<{ readonly value: Resolved; readonly sources: readonly string[] }>;
}

export function createStorePass(stores: ReadonlyMap<string, Store>, signal: AbortSignal): StorePass {
  const readings = new Map<string, Promise<PathReading>>();
  const readPath = (ref: SecretRef): Promise<PathReading> => {
    const id = JSON.stringify([ref.store, ref.path]);
    const reading = readings.get(id) ?? storeOf(stores, ref).readPath(ref.path, signal);
    readings.set(id, reading);
    return reading;
  };
  return {
    async resolve(where, source, allowEmpty) {
      const refs = refsOf(source);
      const found = await Promise.all(refs.map(async (ref) => secretAt(where, ref, await readPath(ref))));
      const holds = found.flatMap((one) => (one.kind === "hold" ? [one.hold] : []));
      if (source.kind === "template" && !allowEmpty) holds.push(...emptyPartHolds(where, refs, found));
      const sources = refs.map((ref, index) => sourceText(ref, found[index]));
      const first = holds[0];
      if (first !== undefined) return { value: { kind: "hold", hold: first }, sources };
      return { value: { kind: "value", value: valueOf(source, found) }, sources };
    },
  };
}

type Found =
  | { readonly kind: "value"; readonly secret: StoredSecret & { kind: "value" } }
  | { readonly kind: "hold"; readonly hold: Hold };

function secretAt(where: string, ref: SecretRef, reading: PathReading): Found {
  if (reading.kind === "suspicious") return held(hold("suspicious", where, `${formatRef(ref)}: ${reading.why}`));
  if (reading.kind === "missing") {
    const state = reading.why === "absent" ? "does not exist" : `has been ${reading.why}`;
    return held(
      hold(
        "missing",
        where,
        `${formatRef(ref)}: the path ${state} in the store. Nothing is removed here: write it there, or correct the path.`,
      ),
    );
  }
  const secret = reading.secrets.get(ref.key);
  if (secret === undefined) {
    return held(
      hold(
        "missing",
        where,
        `${formatRef(ref)}: the store has no such key at this path. Nothing is removed here: write it there, or correct the key.`,
      ),
    );
  }
  switch (secret.kind) {
    case "value":
      return { kind: "value", secret };
    case "hidden":
      return held(
        hold(
          "hidden",
          where,
          `${formatRef(ref)}: the store has it, but hides the value from us. Allow the identity that we log in as to read values there.`,
        ),
      );
    case "notText":
      return held(
        hold(
          "notText",
          where,
          `${formatRef(ref)} is not a string in the store, and other types come out changed. Write it there as a string.`,
        ),
      );
  }
}

/** A template with an empty part is not empty itself, so the guard looks at the parts. */
function emptyPartHolds(where: string, refs: readonly SecretRef[], found: readonly Found[]): Hold[] {
  return refs.flatMap((ref, index) => {
    const one = found[index];
    if (one?.kind !== "value" || !one.secret.value.isText || !isEmptyLike(one.secret.value.reveal())) return [];
    return [
      hold(
        "empty",
        where,
        `${formatRef(ref)} is empty, blank or a placeholder; set it in the store, or \`guards.empty: allow\`.`,
      ),
    ];
  });
}

function valueOf(source: ValueSource, found: readonly Found[]): SecretValue {
  const values = found.flatMap((one) => (one.kind === "value" ? [one.secret.value] : []));
  if (source.kind === "template") {
    const names = [...source.parts.keys()];
    return renderTemplate(source.template, new Map(values.map((value, index) => [names[index] ?? "", value])));
  }
  const [value] = values;
  if (value === undefined) throw new HelmwardenError("Internal", "A mapping was resolved to nothing: report this bug.");
  return value;
}

function sourceText(ref: SecretRef, found: Found | undefined): string {
  return found?.kind === "value" ? `${formatRef(ref)}@${found.secret.version}` : formatRef(ref);
}

function storeOf(stores: ReadonlyMap<string, Store>, ref: SecretRef): Store {
  const store = stores.get(ref.store);
  if (store === undefined) throw new HelmwardenError("ConfigInvalid", `There is no SecretStore named ${ref.store}.`);
  return store;
}

function held(reason: Hold): Found {
  return { kind: "hold", hold: reason };
}
