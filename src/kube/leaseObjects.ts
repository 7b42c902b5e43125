import type { CoordinationV1Api } from "@kubernetes/client-node";
import { z } from "zod";
import { type Api, orAbsent } from "./api.ts";
import type * as Libraries from "./libraries.ts";

export interface LeaseId {
  readonly namespace: string;
  readonly name: string;
}

/** What a Lease said when we last heard of it. */
export interface LeaseRecord {
  readonly resourceVersion: string;
  /** Empty: released. */
  readonly holder: string;
  readonly durationMs: number | undefined;
  /** Counts the take-overs. */
  readonly transitions: number;
  /** The holder's clock, so only good for seeing whether it moved. */
  readonly renewTime: string;
}

export interface LeaseContent {
  readonly holder: string;
  readonly durationMs: number;
  readonly transitions: number;
  readonly acquired: Date;
  readonly renewed: Date;
}

export interface LeaseObjects {
  read(id: LeaseId, signal: AbortSignal): Promise<LeaseRecord | undefined>;
  /** Writes over this version of it, or makes it where there is none; `detail.status` 409 if it is not that any more. */
  write(id: LeaseId, content: LeaseContent, over: LeaseRecord | undefined, signal: AbortSignal): Promise<LeaseRecord>;
}

const leaseRecord = z
  .object({
    metadata: z.object({ resourceVersion: z.string() }),
    spec: z
      .object({
        holderIdentity: z.string().nullish(),
        leaseDurationSeconds: z.number().nullish(),
        leaseTransitions: z.number().nullish(),
        renewTime: z.string().nullish(),
      })
      .nullish(),
  })
  .transform(({ metadata, spec }): LeaseRecord => ({
    resourceVersion: metadata.resourceVersion,
    holder: spec?.holderIdentity ?? "",
    durationMs: spec?.leaseDurationSeconds ? spec.leaseDurationSeconds * 1000 : undefined,
    transitions: spec?.leaseTransitions ?? 0,
    renewTime: spec?.renewTime ?? "",
  }));

export function createLeaseObjects(k: typeof Libraries, api: Api, coordination: CoordinationV1Api): LeaseObjects {
  const resource = "leases.coordination.k8s.io";
  return {
    read: (id, signal) =>
      orAbsent(
        api.call(
          { verb: "get", resource, ...id },
          leaseRecord,
          (options) => coordination.readNamespacedLease({ ...id }, options),
          signal,
        ),
      ),
    write({ namespace, name }, content, over, signal) {
      const spec = {
        holderIdentity: content.holder,
        leaseDurationSeconds: Math.ceil(content.durationMs / 1000),
        leaseTransitions: content.transitions,
        // A plain Date is sent with three digits, and the server wants six.
        acquireTime: new k.V1MicroTime(content.acquired),
        renewTime: new k.V1MicroTime(content.renewed),
      };
      const body = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { namespace, name }, spec };
      if (over === undefined) {
        return api.call(
          { verb: "create", resource, namespace },
          leaseRecord,
          (options) => coordination.createNamespacedLease({ namespace, body }, options),
          signal,
        );
      }
      const metadata = { ...body.metadata, resourceVersion: over.resourceVersion };
      return api.call(
        { verb: "update", resource, namespace, name },
        leaseRecord,
        (options) => coordination.replaceNamespacedLease({ namespace, name, body: { ...body, metadata } }, options),
        signal,
      );
    },
  };
}
