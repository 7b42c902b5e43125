import type { CallOptions } from "./api.ts";

/** The client's default is JSON Patch, to which an object body is an error. */
export const SERVER_SIDE_APPLY: CallOptions = { headers: { "Content-Type": "application/apply-patch+yaml" } };
/** For custom resources, which know no strategic merge. */
export const MERGE: CallOptions = { headers: { "Content-Type": "application/merge-patch+json" } };
export const STRATEGIC_MERGE: CallOptions = { headers: { "Content-Type": "application/strategic-merge-patch+json" } };
