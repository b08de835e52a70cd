/** A Service as a row of the services table and its frontends. (pkg/loadbalancer/reflectors/conversions.go: convertService) */
import type { IPFamily, Service, ServicePort } from '../../objects/kube.ts';
import { parseIP } from '../ip.ts';
import { byKey, type LbAddress, type LbScope, lbAddress } from './address.ts';
import { matchesNodeSelector } from './node-selector.ts';
import type { LbOptions } from './options.ts';
import type { ForwardingMode, FrontendParams, FrontendType, LbService, LbSource } from './records.ts';
import { canonicalPrefix } from './source-ranges.ts';

const ANNOTATION = 'service.cilium.io/';
/** core/v1: what a headless Service's Endpoints carry; on a Service it takes all frontends away. */
const HEADLESS_LABEL = 'service.kubernetes.io/headless';
const DEFAULT_AFFINITY_SECONDS = 10_800;

/** What a node must know of itself to read a Service. */
export interface LbNode {
  name: string;
  labels: Readonly<Record<string, string>>;
}

function annotation(service: Pick<LbService, 'annotations'>, name: string): string | undefined {
  return service.annotations[`${ANNOTATION}${name}`];
}

export function algorithmAnnotation(service: LbService): 'random' | 'maglev' | undefined {
  const value = annotation(service, 'lb-algorithm');
  return value === 'random' || value === 'maglev' ? value : undefined;
}

/** Source ranges name who may not come in. */
export function deniesSourceRanges(service: LbService): boolean {
  return annotation(service, 'src-ranges-policy')?.toLowerCase() === 'deny';
}

export function delegatesIfLocal(service: LbService): boolean {
  return annotation(service, 'proxy-delegation')?.toLowerCase() === 'delegate-if-local';
}

function forwardingMode(annotations: Readonly<Record<string, string>>): ForwardingMode | undefined {
  const value = annotations[`${ANNOTATION}forwarding-mode`]?.toLowerCase();
  return value === 'snat' || value === 'dsr' ? value : undefined;
}

/** Whether the annotations let this node have the Service. (CheckServiceNodeExposure) */
function exposedOn(node: LbNode, annotations: Readonly<Record<string, string>>): boolean {
  const selector = annotations[`${ANNOTATION}node-selector`];
  // A selector that cannot be read is passed over, with a line in Cilium's log.
  if (selector !== undefined) return matchesNodeSelector(selector, node.labels) ?? true;
  const value = annotations[`${ANNOTATION}node`];
  return value === undefined || node.labels[`${ANNOTATION}node`] === value;
}

function isTopologyAware({ metadata: { annotations = {} }, spec }: Service): boolean {
  const mode =
    annotations['service.kubernetes.io/topology-aware-hints'] ??
    annotations['service.kubernetes.io/topology-mode'] ??
    '';
  return !['', 'disabled', 'Disabled'].includes(mode) || spec.trafficDistribution === 'PreferClose';
}

function clusterIPs({ spec }: Service): string[] {
  return spec.clusterIPs && spec.clusterIPs.length > 0 ? [...spec.clusterIPs].sort() : [spec.clusterIP ?? ''];
}

/** Families of the node ports. Cilium deduces only IPv4 where a Service does not say them (getIPFamilies). */
function nodePortFamilies({ spec }: Service): readonly IPFamily[] {
  if (spec.ipFamilies && spec.ipFamilies.length > 0) return spec.ipFamilies;
  if (!spec.clusterIP || spec.clusterIP === 'None') return [];
  const given = spec.clusterIPs && spec.clusterIPs.length > 0 ? spec.clusterIPs : [spec.clusterIP];
  const families = new Set(given.map((ip) => (parseIP(ip)?.family === 6 ? 6 : 4)));
  return [...families].map(() => 'IPv4' as const);
}

class Frontends {
  readonly made: FrontendParams[] = [];
  readonly #options: LbOptions;
  readonly #ports: readonly ServicePort[];

  constructor(service: Service, options: LbOptions) {
    this.#options = options;
    this.#ports = service.spec.ports ?? [];
  }

  /** Adds the address for every port, or for those that `number` gives one for. */
  add(type: FrontendType, ip: string, scope: LbScope, number = (port: ServicePort) => port.port): void {
    for (const [index, port] of this.#ports.entries()) {
      const at = number(port);
      const address = at === 0 ? undefined : lbAddress(ip, at, port.protocol ?? 'TCP', scope);
      if (!address || !this.#enabled(address)) continue;
      this.made.push({ address, type, portName: port.name ?? '', servicePort: port.port, port: index });
    }
  }

  #enabled({ family }: LbAddress): boolean {
    return family === 'IPv4' ? this.#options.ipv4 : this.#options.ipv6;
  }
}

function frontendsOf(service: Service, row: LbService, options: LbOptions): FrontendParams[] {
  const { spec, metadata } = service;
  if (metadata.labels?.[HEADLESS_LABEL] !== undefined || spec.clusterIP?.toLowerCase() === 'none') return [];
  const only = row.annotations[`${ANNOTATION}type`];
  const known = only === 'ClusterIP' || only === 'NodePort' || only === 'LoadBalancer';
  const exposes = (type: string) => !known || only === type;
  const frontends = new Frontends(service, options);
  if (exposes('ClusterIP')) for (const ip of clusterIPs(service)) frontends.add('ClusterIP', ip, 'external');
  if (!options.kubeProxyReplacement) return frontends.made.sort((a, b) => byKey(a.address, b.address));
  const scopes: LbScope[] =
    row.externalTrafficPolicy === row.internalTrafficPolicy ? ['external'] : ['external', 'internal'];
  if ((spec.type === 'NodePort' || spec.type === 'LoadBalancer') && exposes('NodePort')) {
    for (const scope of scopes) {
      for (const family of nodePortFamilies(service)) {
        frontends.add('NodePort', family === 'IPv4' ? '0.0.0.0' : '::', scope, (port) => port.nodePort ?? 0);
      }
    }
  }
  if (spec.type === 'LoadBalancer' && exposes('LoadBalancer')) {
    for (const { ip = '' } of service.status?.loadBalancer?.ingress ?? []) {
      for (const scope of scopes) frontends.add('LoadBalancer', ip, scope);
    }
  }
  for (const ip of spec.externalIPs ?? []) frontends.add('ExternalIPs', ip, 'external');
  // Stable: of two that share an address, the later one counts.
  return frontends.made.sort((a, b) => byKey(a.address, b.address));
}

export function serviceName({ metadata }: { metadata: { namespace?: string; name: string } }): string {
  return `${metadata.namespace ?? 'default'}/${metadata.name}`;
}

/** Undefined where the Service's annotations keep it off this node. */
export function convertService(
  service: Service,
  node: LbNode | undefined,
  options: LbOptions,
  source: LbSource = 'k8s',
): { service: LbService; frontends: FrontendParams[] } | undefined {
  const { spec, metadata } = service;
  const annotations = metadata.annotations ?? {};
  if (node && !exposedOn(node, annotations)) return undefined;
  const mode = options.modeAnnotation ? forwardingMode(annotations) : undefined;
  const internalTrafficPolicy = spec.internalTrafficPolicy === 'Local' ? 'Local' : 'Cluster';
  const row: LbService = {
    name: serviceName(service),
    source,
    annotations,
    externalTrafficPolicy: spec.externalTrafficPolicy === 'Local' ? 'Local' : 'Cluster',
    internalTrafficPolicy,
    ...(mode && { forwardingMode: mode }),
    ...(spec.sessionAffinity === 'ClientIP' && {
      affinitySeconds: spec.sessionAffinityConfig?.clientIP?.timeoutSeconds || DEFAULT_AFFINITY_SECONDS,
    }),
    ...(spec.loadBalancerClass !== undefined && { loadBalancerClass: spec.loadBalancerClass }),
    healthCheckNodePort: spec.healthCheckNodePort ?? 0,
    loopbackHostPort: false,
    sourceRanges: (spec.loadBalancerSourceRanges ?? []).flatMap((range) => canonicalPrefix(range) ?? []),
    portNames: new Map((spec.ports ?? []).map(({ name = '', port }) => [name, port])),
    preferClose: internalTrafficPolicy !== 'Local' && isTopologyAware(service),
    object: service,
  };
  return { service: row, frontends: frontendsOf(service, row, options) };
}
