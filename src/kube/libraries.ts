// Two heavy libraries, loaded together where a cluster is first needed. By name: a bundler leaves the rest out.
export {
  AppsV1Api,
  AuthorizationV1Api,
  CoordinationV1Api,
  CoreV1Api,
  createConfiguration,
  KubeConfig,
  loadYaml,
  ResponseContext,
  ServerConfiguration,
  V1MicroTime,
  VersionApi,
  wrapHttpLibrary,
} from "@kubernetes/client-node";
export { Agent, ProxyAgent, request } from "undici";
