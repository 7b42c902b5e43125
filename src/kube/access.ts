import type { AuthorizationV1Api, VersionApi } from "@kubernetes/client-node";
import { z } from "zod";
import type { Access } from "../ports.ts";
import type { Api } from "./api.ts";

const review = z.object({ status: z.object({ allowed: z.boolean() }) });
const version = z.object({ gitVersion: z.string() });

/** What we may do, asked of the cluster itself. */
export function createAccess(api: Api, authorization: AuthorizationV1Api, versions: VersionApi): Access {
  return {
    async can({ verb, group, resource, namespace, name }, signal) {
      const where = { ...(namespace === undefined ? {} : { namespace }), ...(name === undefined ? {} : { name }) };
      const body = { spec: { resourceAttributes: { verb, group, resource, ...where } } };
      const answer = await api.call(
        { verb: "create", resource: "selfsubjectaccessreviews.authorization.k8s.io" },
        review,
        (options) => authorization.createSelfSubjectAccessReview({ body }, options),
        signal,
      );
      return answer.status.allowed;
    },
    async serverVersion(signal) {
      const answer = await api.call(
        { verb: "get", resource: "/version" },
        version,
        (options) => versions.getCode({}, options),
        signal,
      );
      return answer.gitVersion;
    },
  };
}
