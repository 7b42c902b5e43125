import { isScalar, type Node, parseAllDocuments, type Scalar, visit, type YAMLMap } from "yaml";
import { isJsonObject } from "../core/json.ts";
import type { SecretRef } from "../core/secretRef.ts";
import type { ConfigFile } from "./load.ts";

/** Where a ref leads from now on; undefined: as before. */
export type Redirect = (ref: SecretRef) => Pick<SecretRef, "store" | "path"> | undefined;

export interface Rewritten extends ConfigFile {
  /** Refs that lead elsewhere now. */
  readonly refs: number;
}

/**
 * Leads the secret refs of configuration files to other stores and paths by replacing just those texts: comments, order
 * and spelling of the rest stay. A ref is a map of `store`, `path` and `key` in a document of helmwarden's; one that is
 * written with anchors or aliases is left as it is.
 */
export function rewriteRefs({ name, text }: ConfigFile, redirect: Redirect): Rewritten {
  const edits: { readonly node: Scalar & { range: [number, number, number] }; readonly instead: string }[] = [];
  let refs = 0;
  for (const document of parseAllDocuments(text, { logLevel: "error" })) {
    const content: unknown = document.toJS();
    if (!isJsonObject(content) || content["apiVersion"] !== "helmwarden.dev/v1alpha1") continue;
    visit(document, {
      Map(_, map) {
        const [store, path, key] = ["store", "path", "key"].map((field) => scalarAt(map, field));
        if (store === undefined || path === undefined || key === undefined) return;
        const to = redirect({ store: String(store.value), path: String(path.value), key: String(key.value) });
        if (to === undefined) return;
        refs += 1;
        edits.push(
          { node: store, instead: JSON.stringify(to.store) },
          { node: path, instead: JSON.stringify(to.path) },
        );
      },
    });
  }
  const changed = edits
    .toSorted((left, right) => right.node.range[0] - left.node.range[0])
    .reduce((rest, { node, instead }) => rest.slice(0, node.range[0]) + instead + rest.slice(node.range[1]), text);
  return { name, text: changed, refs };
}

function scalarAt(map: YAMLMap, field: string): (Scalar & { range: [number, number, number] }) | undefined {
  const pair = map.items.find(({ key }) => isScalar(key) && key.value === field);
  const node = pair?.value as Node | undefined;
  return isScalar(node) && hasRange(node) && node.anchor === undefined ? node : undefined;
}

function hasRange(node: Scalar): node is Scalar & { range: [number, number, number] } {
  return Array.isArray(node.range);
}
