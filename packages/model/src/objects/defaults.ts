/**
 * What the API server fills in when it stores an object: pkg/apis/{core,apps,batch,discovery,networking}/*\/defaults.go and the conversions
 * beside them, Kubernetes v1.36. Only fields that decide about packets, replicas or selection. What the server takes from its own
 * configuration or state (clusterIP, ipFamilies, nodePort, uid) is the cluster's matter, not the object's.
 */
import { fill, mapList, withField } from './fill.ts';
import { builtInKind } from './kinds.ts';
import type {
  EndpointSlice,
  Endpoints,
  KubeObject,
  Namespace,
  NetworkPolicy,
  Node,
  Service,
  ServicePort,
} from './kube.ts';
import { defaultPod, defaultWorkload } from './pod-defaults.ts';

/** core/v1/defaults.go:SetDefaults_Service(); the server's default for ClientIP affinity is three hours. */
const AFFINITY_TIMEOUT_SECONDS = 10_800;

/** The object without fields of one of these names; the object itself where it has none. */
function without<T extends object>(object: T, fields: readonly (keyof T)[]): T {
  if (!fields.some((field) => field in object)) return object;
  const left = { ...object };
  for (const field of fields) delete left[field];
  return left;
}

/** Empty text in these fields counts as not written. */
function withoutEmpty<T extends object>(object: T, fields: readonly (keyof T)[]): T {
  return without(
    object,
    fields.filter((field) => object[field] === ''),
  );
}

function defaultServicePort(port: ServicePort): ServicePort {
  const targetPort = port.targetPort === 0 || port.targetPort === '' ? undefined : port.targetPort;
  const filled = fill(withoutEmpty(port, ['protocol']), { protocol: 'TCP' });
  return targetPort === undefined ? withField(filled, 'targetPort', port.port) : filled;
}

/** Fields without a meaning under what others say go silently (registry/core/service/strategy.go, SetDefaults_Service()). */
function withoutMeaningless(spec: Service['spec']): Service['spec'] {
  const kept = spec.sessionAffinity === 'ClientIP' ? spec : without(spec, ['sessionAffinityConfig']);
  return kept.type === 'ExternalName' ? without(kept, ['internalTrafficPolicy']) : kept;
}

function defaultService(service: Service): Service {
  const given = withoutEmpty(service.spec, ['type', 'sessionAffinity', 'externalTrafficPolicy']);
  let spec = withoutMeaningless(fill(given, { type: 'ClusterIP', sessionAffinity: 'None' }));
  const { type } = spec;
  const isPublic = type === 'NodePort' || type === 'LoadBalancer';
  const hasExternalIPs = type === 'ClusterIP' && (spec.externalIPs?.length ?? 0) > 0;
  const ports = mapList(spec.ports, defaultServicePort);
  if (ports !== undefined) spec = withField(spec, 'ports', ports);
  spec = fill(spec, {
    externalTrafficPolicy: isPublic || hasExternalIPs ? 'Cluster' : undefined,
    internalTrafficPolicy: isPublic || type === 'ClusterIP' ? 'Cluster' : undefined,
    allocateLoadBalancerNodePorts: type === 'LoadBalancer' ? true : undefined,
    // registry/core/service/strategy.go:NormalizeClusterIPs(): the older field fills the newer.
    clusterIPs: spec.clusterIP ? [spec.clusterIP] : undefined,
  });
  if (spec.sessionAffinity === 'ClientIP') {
    const config = spec.sessionAffinityConfig ?? {};
    const clientIP = fill(config.clientIP ?? {}, { timeoutSeconds: AFFINITY_TIMEOUT_SECONDS });
    spec = config.clientIP === clientIP ? spec : { ...spec, sessionAffinityConfig: { ...config, clientIP } };
  }
  return defaultServiceStatus(withField(service, 'spec', spec));
}

function defaultServiceStatus(service: Service): Service {
  const ingress = service.status?.loadBalancer?.ingress;
  if (service.spec.type !== 'LoadBalancer' || ingress === undefined) return service;
  const filled = mapList(ingress, (address) => fill(address, { ipMode: address.ip ? 'VIP' : undefined }));
  if (filled === undefined || filled === ingress) return service;
  return {
    ...service,
    status: { ...service.status, loadBalancer: { ...service.status?.loadBalancer, ingress: filled } },
  };
}

const HOSTNAME_LABEL = 'kubernetes.io/hostname';
const ZONE_LABEL = 'topology.kubernetes.io/zone';

/** In discovery.k8s.io/v1beta1 the node and the zone of an endpoint stand in a map of topology labels. */
function withoutTopology(
  endpoint: EndpointSlice['endpoints'][number] & { topology?: unknown },
): EndpointSlice['endpoints'][number] {
  const { topology, ...rest } = endpoint;
  if (typeof topology !== 'object' || topology === null) return endpoint;
  const labels = topology as Record<string, unknown>;
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  return fill(rest, { nodeName: text(labels[HOSTNAME_LABEL]), zone: text(labels[ZONE_LABEL]) });
}

function defaultEndpointSlice(slice: EndpointSlice): EndpointSlice {
  const ports = mapList(slice.ports, (port) => fill(port, { name: '', protocol: 'TCP' }));
  const filled = ports === undefined ? slice : withField(slice, 'ports', ports);
  const endpoints = mapList(filled.endpoints, withoutTopology);
  return endpoints === undefined ? filled : withField(filled, 'endpoints', endpoints);
}

function defaultEndpoints(endpoints: Endpoints): Endpoints {
  const subsets = mapList(endpoints.subsets, (subset) => {
    const ports = mapList(subset.ports, (port) => fill(port, { protocol: 'TCP' }));
    return ports === undefined ? subset : withField(subset, 'ports', ports);
  });
  return subsets === undefined ? endpoints : withField(endpoints, 'subsets', subsets);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function defaultPolicyRule(rule: unknown): unknown {
  if (!isRecord(rule) || !Array.isArray(rule.ports)) return rule;
  return withField(
    rule,
    'ports',
    mapList<unknown>(rule.ports, (port) => (isRecord(port) ? fill(port, { protocol: 'TCP' }) : port)),
  );
}

/** networking/v1/defaults.go:SetDefaults_NetworkPolicy(): every policy is about ingress; egress rules make it one about egress too. */
function defaultNetworkPolicy(policy: NetworkPolicy): NetworkPolicy {
  const { ingress, egress, policyTypes } = policy.spec ?? {};
  const types: ('Ingress' | 'Egress')[] = (egress?.length ?? 0) > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
  let spec = fill(policy.spec ?? {}, { policyTypes: (policyTypes?.length ?? 0) > 0 ? undefined : types });
  if (policyTypes?.length === 0) spec = { ...spec, policyTypes: types };
  const ingressRules = mapList(ingress, defaultPolicyRule);
  const egressRules = mapList(egress, defaultPolicyRule);
  if (ingressRules !== undefined) spec = withField(spec, 'ingress', ingressRules);
  if (egressRules !== undefined) spec = withField(spec, 'egress', egressRules);
  return spec === policy.spec ? policy : { ...policy, spec };
}

function defaultNamespace(namespace: Namespace): Namespace {
  const { metadata } = namespace;
  const labels = fill(metadata.labels ?? {}, { 'kubernetes.io/metadata.name': metadata.name });
  return labels === metadata.labels ? namespace : { ...namespace, metadata: { ...metadata, labels } };
}

/** core/v1/conversion.go: `podCIDR` is the first of `podCIDRs`. */
function defaultNode(node: Node): Node {
  if (node.spec === undefined || !node.spec.podCIDR) return node;
  return withField(node, 'spec', fill(node.spec, { podCIDRs: [node.spec.podCIDR] }));
}

function defaultKind(object: KubeObject): KubeObject {
  switch (object.kind) {
    case 'Service':
      return defaultService(object as Service);
    case 'EndpointSlice':
      return defaultEndpointSlice(object as EndpointSlice);
    case 'Endpoints':
      return defaultEndpoints(object as Endpoints);
    case 'NetworkPolicy':
      return defaultNetworkPolicy(object as NetworkPolicy);
    case 'Namespace':
      return defaultNamespace(object);
    case 'Node':
      return defaultNode(object);
    case 'Pod':
      return defaultPod(object as Parameters<typeof defaultPod>[0]);
    default:
      return defaultWorkload(object);
  }
}

/**
 * The object as the API server would hold it; the object itself where nothing is missing, never a changed one. Versions that are no longer
 * served (`extensions/v1beta1`, `apps/v1beta2`, `discovery.k8s.io/v1beta1`) come out in the current one. The object's fields must have the
 * types of its kind. Custom resources come back as they are.
 */
export function defaultObject<T extends KubeObject>(object: T): T {
  const known = builtInKind(object.apiVersion, object.kind);
  if (known === undefined) return object;
  return withField(defaultKind(object), 'apiVersion', known.apiVersion) as T;
}
