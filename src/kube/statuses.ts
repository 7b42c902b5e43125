import type { CoreV1Api } from "@kubernetes/client-node";
import { ownObjectName } from "../core/objectNames.ts";
import type { StatusRecord } from "../core/statusRecord.ts";
import type { StatusObjects } from "../ports.ts";
import type { Api } from "./api.ts";
import { configMap, type ConfigMap, createListConfigMaps, createReadConfigMap } from "./configMaps.ts";
import { SERVER_SIDE_APPLY } from "./patchTypes.ts";
import {
  decodeStatus,
  encodeStatus,
  formatSubject,
  STATUS_LABEL,
  type StatusEntry,
  statusLabels,
} from "./statusDocument.ts";

/** With more than so many to read again, one list in pages is cheaper than a call for each. */
const MOST_SINGLE_READS = 50;
const READS_AT_ONCE = 8;

interface Known {
  readonly resourceVersion: string;
  readonly entry: StatusEntry | undefined;
}

/** Status records in ConfigMaps beside their subjects. A record that cannot be read counts as absent. */
export function createStatuses(api: Api, core: CoreV1Api, fieldManager: string): StatusObjects {
  const read = createReadConfigMap(api, core);
  const list = createListConfigMaps(api, core, STATUS_LABEL);
  const known = new Map<string, Known>();

  const learn = (found: ConfigMap): void => {
    const entry = decodeStatus(found.metadata.namespace, found.data);
    known.set(idOf(found), { resourceVersion: found.metadata.resourceVersion, entry });
  };

  const refresh = async (
    moved: readonly ConfigMap[],
    namespaces: readonly string[],
    signal: AbortSignal,
  ): Promise<void> => {
    if (moved.length > MOST_SINGLE_READS) {
      for (const found of await list(namespaces, false, signal)) learn(found);
      return;
    }
    for (let at = 0; at < moved.length; at += READS_AT_ONCE) {
      const batch = moved.slice(at, at + READS_AT_ONCE);
      const found = await Promise.all(batch.map(({ metadata }) => read(metadata.namespace, metadata.name, signal)));
      for (const one of found) if (one !== undefined) learn(one);
    }
  };

  return {
    async list(namespaces, signal) {
      const heads = await list(namespaces, true, signal);
      const moved = heads.filter((head) => known.get(idOf(head))?.resourceVersion !== head.metadata.resourceVersion);
      await refresh(moved, namespaces, signal);
      const records = new Map<string, StatusRecord>();
      for (const head of heads) {
        const entry = known.get(idOf(head))?.entry;
        if (entry !== undefined) records.set(formatSubject(entry.subject), entry.record);
      }
      return records;
    },
    async get(subject, signal) {
      const found = await read(subject.namespace, ownObjectName(subject), signal);
      const entry = found === undefined ? undefined : decodeStatus(subject.namespace, found.data);
      return entry !== undefined && formatSubject(entry.subject) === formatSubject(subject) ? entry.record : undefined;
    },
    async put(subject, record, signal) {
      const { namespace } = subject;
      const name = ownObjectName(subject);
      const body = {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name, namespace, labels: statusLabels(subject) },
        data: encodeStatus({ subject, record }),
      };
      const written = await api.call(
        { verb: "patch", resource: "configmaps", namespace, name },
        configMap,
        (options) => core.patchNamespacedConfigMap({ name, namespace, body, fieldManager, force: true }, options),
        signal,
        SERVER_SIDE_APPLY,
      );
      // The next list then need not read what we have written ourselves.
      learn(written);
    },
  };
}

function idOf({ metadata }: ConfigMap): string {
  return `${metadata.namespace}/${metadata.name}`;
}
