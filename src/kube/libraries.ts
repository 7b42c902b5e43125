// Two heavy libraries, loaded together where a cluster is first needed. By name: a bundler leaves the rest out.
export {
  AppsV1Api,
  AuthorizationV1Api,
  BatchV1Api,
  CoordinationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  createConfiguration,
  KubeConfig,
  loadYaml,
  NetworkingV1Api,
  PolicyV1Api,
  ResponseContext,
  ServerConfiguration,
  V1MicroTime,
  VersionApi,
  wrapHttpLibrary,
} from "@kubernetes/client-node";
export { Agent, ProxyAgent, request } from "undici";
