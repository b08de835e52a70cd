/** Services as kube-proxy sees them: one entry for each port, one IP family at a time. (pkg/proxy/serviceport.go, servicechangetracker.go) */
import type { IPFamily, Service, ServicePort, TransportProtocol } from '../objects/kube.ts';
import type { Problem } from '../problem.ts';
import { type Cidr, canonicalIPOf, parseCIDR, parseIP } from './ip.ts';
import { servicePortName } from './names.ts';

/** An address of a Service and where it stands in its list. */
interface ServiceAddress {
  ip: string;
  index: number;
}

interface ServiceRange {
  cidr: Cidr;
  /** Position in `spec.loadBalancerSourceRanges`. */
  index: number;
}

/** One port of a Service in one family; addresses are canonical and of that family. */
export interface ServicePortInfo {
  service: Service;
  /** Position in `spec.ports`. */
  index: number;
  namespace: string;
  name: string;
  /** Empty where the port has no name. */
  port: string;
  /** `namespace/name:port`. */
  nameString: string;
  protocol: TransportProtocol;
  clusterIP: string;
  portNumber: number;
  /** 0: none. */
  nodePort: number;
  externalIPs: ServiceAddress[];
  /** Ingress addresses in mode VIP. */
  loadBalancerVIPs: ServiceAddress[];
  /** Empty where every source may come. */
  loadBalancerSourceRanges: ServiceRange[];
  sessionAffinity: string;
  /** 0 without ClientIP affinity. */
  stickyMaxAgeSeconds: number;
  /** 0: none. */
  healthCheckNodePort: number;
  externalPolicyLocal: boolean;
  internalPolicyLocal: boolean;
  /** Reachable by a node port, an external IP or a load balancer's address. */
  externallyAccessible: boolean;
  /** Some of its traffic is spread under policy Cluster. */
  usesClusterEndpoints: boolean;
  /** Some of its traffic is spread under policy Local. */
  usesLocalEndpoints: boolean;
}

/** The API server's default for `sessionAffinityConfig.clientIP.timeoutSeconds`. */
const CLIENT_IP_TIMEOUT_SECONDS = 10800;

/** Identity of a service port among all: ServicePortName and protocol. */
export function servicePortKey(namespace: string, name: string, port: string, protocol: string): string {
  return `${namespace}/${name}:${port}/${protocol}`;
}

/** `GetClusterIPByFamily`: empty where the Service has no address of the family. */
function clusterIPOf(service: Service, family: IPFamily): string {
  const { ipFamilies = [], clusterIPs = [], clusterIP = '' } = service.spec;
  if (ipFamilies.length > 0) return clusterIPs[ipFamilies.indexOf(family)] ?? '';
  return (family === 'IPv6') === clusterIP.includes(':') ? clusterIP : '';
}

/** Addresses of the family; `report` hears of texts that are no address. */
function addressesOf(family: IPFamily, texts: readonly (string | undefined)[], report: (index: number) => void) {
  const found: ServiceAddress[] = [];
  texts.forEach((text, index) => {
    if (text === undefined || text === '') return;
    const ip = canonicalIPOf(family, text);
    if (ip !== undefined) found.push({ ip, index });
    else if (!parseIP(text)) report(index);
  });
  return found;
}

function rangesOf(family: IPFamily, texts: readonly string[], report: (index: number) => void): ServiceRange[] {
  const found: ServiceRange[] = [];
  texts.forEach((text, index) => {
    // Validation lets blanks around a range pass.
    const cidr = parseCIDR(text.trim());
    if (!cidr) report(index);
    else if (cidr.family === family) found.push({ cidr, index });
  });
  return found.some((range) => range.cidr.length === 0) ? [] : found;
}

function isExternalType(service: Service): boolean {
  const { type, externalIPs = [] } = service.spec;
  return type === 'LoadBalancer' || type === 'NodePort' || (type === 'ClusterIP' && externalIPs.length > 0);
}

/** What all ports of a Service have in common. */
type Common = Omit<ServicePortInfo, 'index' | 'port' | 'nameString' | 'protocol' | 'portNumber' | 'nodePort'>;

function commonOf(service: Service, family: IPFamily, clusterIP: string, report: (problem: Problem) => void): Common {
  const { spec, metadata, status } = service;
  const namespace = metadata.namespace ?? 'default';
  const wrong = (field: string, text: string) =>
    report({
      severity: 'warning',
      code: 'invalid-address',
      message: `Service ${namespace}/${metadata.name} has ${JSON.stringify(text)} where an address belongs; kube-proxy leaves it out.`,
      field,
      object: `Service ${namespace}/${metadata.name}`,
    });
  const { externalIPs = [], loadBalancerSourceRanges = [] } = spec;
  const ingress = (status?.loadBalancer?.ingress ?? []).map(({ ip, ipMode }) => (ipMode === 'Proxy' ? undefined : ip));
  const externalPolicyLocal = isExternalType(service) && spec.externalTrafficPolicy === 'Local';
  const clientIP = spec.sessionAffinity === 'ClientIP';
  const timeout = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? CLIENT_IP_TIMEOUT_SECONDS;
  return {
    service,
    namespace,
    name: metadata.name,
    clusterIP,
    externalIPs: addressesOf(family, externalIPs, (i) => wrong(`spec.externalIPs[${i}]`, externalIPs[i] ?? '')),
    loadBalancerVIPs: addressesOf(family, ingress, (i) =>
      wrong(`status.loadBalancer.ingress[${i}].ip`, ingress[i] ?? ''),
    ),
    loadBalancerSourceRanges: rangesOf(family, loadBalancerSourceRanges, (i) =>
      wrong(`spec.loadBalancerSourceRanges[${i}]`, loadBalancerSourceRanges[i] ?? ''),
    ),
    sessionAffinity: spec.sessionAffinity ?? '',
    stickyMaxAgeSeconds: clientIP ? timeout : 0,
    healthCheckNodePort: spec.type === 'LoadBalancer' && externalPolicyLocal ? (spec.healthCheckNodePort ?? 0) : 0,
    externalPolicyLocal,
    internalPolicyLocal: spec.internalTrafficPolicy === 'Local',
    externallyAccessible: false,
    usesClusterEndpoints: false,
    usesLocalEndpoints: false,
  };
}

function portOf(common: Common, port: ServicePort, index: number): ServicePortInfo {
  const nodePort = port.nodePort ?? 0;
  const { externalIPs, loadBalancerVIPs, internalPolicyLocal, externalPolicyLocal } = common;
  const externallyAccessible = nodePort !== 0 || loadBalancerVIPs.length > 0 || externalIPs.length > 0;
  return {
    ...common,
    index,
    port: port.name ?? '',
    nameString: servicePortName(common.namespace, common.name, port.name ?? ''),
    protocol: port.protocol ?? 'TCP',
    portNumber: port.port,
    nodePort,
    externallyAccessible,
    // External traffic under policy Local still needs the Cluster endpoints: pods and the node itself take them.
    usesClusterEndpoints: !internalPolicyLocal || externallyAccessible,
    usesLocalEndpoints: internalPolicyLocal || (externalPolicyLocal && externallyAccessible),
  };
}

/** The ports of one Service in one family: none where it has no address of the family, is headless or an ExternalName. */
export function servicePortsOf(
  service: Service,
  family: IPFamily,
  report: (problem: Problem) => void = () => {},
): ServicePortInfo[] {
  const { clusterIP = '', type, ports = [] } = service.spec;
  if (type === 'ExternalName' || clusterIP === '' || clusterIP === 'None') return [];
  const text = clusterIPOf(service, family);
  if (text === '') return [];
  const ip = canonicalIPOf(family, text);
  if (ip === undefined) {
    const object = `Service ${service.metadata.namespace ?? 'default'}/${service.metadata.name}`;
    const message = `${object} has the cluster IP ${JSON.stringify(text)}, which is no ${family} address; it gets no rules.`;
    report({ severity: 'warning', code: 'invalid-address', message, field: 'spec.clusterIP', object });
    return [];
  }
  const common = commonOf(service, family, ip, report);
  // Ports of one name and protocol are one service port: the last one counts.
  const byKey = new Map<string, ServicePortInfo>();
  ports.forEach((port, index) => {
    const info = portOf(common, port, index);
    byKey.set(servicePortKey(info.namespace, info.name, info.port, info.protocol), info);
  });
  return [...byKey.values()];
}

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

function compareServicePorts(a: ServicePortInfo, b: ServicePortInfo): number {
  return (
    order(a.namespace, b.namespace) || order(a.name, b.name) || order(a.port, b.port) || order(a.protocol, b.protocol)
  );
}

/** Services of this label belong to another proxy; kube-proxy's watch leaves them out. */
const OTHER_PROXY = 'service.kubernetes.io/service-proxy-name';

/**
 * The service ports of all Services in one family, by `servicePortKey`, ordered by namespace, name, port name and protocol. The real
 * kube-proxy has no order; this one makes its output one that the real one can give.
 */
export function servicePorts(
  services: readonly Service[],
  family: IPFamily,
  report?: (problem: Problem) => void,
): Map<string, ServicePortInfo> {
  const all: ServicePortInfo[] = [];
  for (const service of services) {
    if (service.metadata.labels?.[OTHER_PROXY] !== undefined) continue;
    for (const port of servicePortsOf(service, family, report)) all.push(port);
  }
  all.sort(compareServicePorts);
  return new Map(all.map((info) => [servicePortKey(info.namespace, info.name, info.port, info.protocol), info]));
}
