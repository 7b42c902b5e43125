import type { JsonObject } from "../json.ts";
import { mapAt, mapsAt, podTemplateOf, textAt } from "../objects.ts";

export type ReferredBy = "env" | "envFrom" | "volume" | "imagePullSecrets" | "tls" | "serviceAccount";

/** One way in which an object names a Secret of its namespace. */
export interface Reference {
  readonly secret: string;
  readonly by: ReferredBy;
}

/** The Secrets that a workload, pod, Ingress or ServiceAccount names, each way once. */
export function referencesOf(object: JsonObject): readonly Reference[] {
  const found = [...namesIn(object)].flatMap(([by, secret]) => (secret === undefined ? [] : [{ secret, by }]));
  return [...new Map(found.map((one) => [`${one.by} ${one.secret}`, one])).values()];
}

function* namesIn(object: JsonObject): Generator<[ReferredBy, string | undefined]> {
  const kind = textAt(object, "kind");
  if (kind === "Ingress") {
    for (const tls of mapsAt(mapAt(object, "spec"), "tls")) yield ["tls", textAt(tls, "secretName")];
    return;
  }
  if (kind === "ServiceAccount") {
    for (const entry of mapsAt(object, "secrets")) yield ["serviceAccount", textAt(entry, "name")];
    for (const entry of mapsAt(object, "imagePullSecrets")) yield ["imagePullSecrets", textAt(entry, "name")];
    return;
  }
  yield* namesInPod(mapAt(podTemplateOf(object), "spec") ?? {});
}

function* namesInPod(spec: JsonObject): Generator<[ReferredBy, string | undefined]> {
  const containers = ["initContainers", "containers", "ephemeralContainers"].flatMap((list) => mapsAt(spec, list));
  for (const container of containers) {
    for (const entry of mapsAt(container, "env")) {
      yield ["env", textAt(mapAt(mapAt(entry, "valueFrom"), "secretKeyRef"), "name")];
    }
    for (const entry of mapsAt(container, "envFrom")) yield ["envFrom", textAt(mapAt(entry, "secretRef"), "name")];
  }
  for (const volume of mapsAt(spec, "volumes")) {
    yield ["volume", textAt(mapAt(volume, "secret"), "secretName")];
    for (const part of mapsAt(mapAt(volume, "projected"), "sources")) {
      yield ["volume", textAt(mapAt(part, "secret"), "name")];
    }
  }
  for (const entry of mapsAt(spec, "imagePullSecrets")) yield ["imagePullSecrets", textAt(entry, "name")];
}
