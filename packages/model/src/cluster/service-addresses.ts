/** Gives Services what the API server's allocators would: families, cluster IPs, node ports; and load balancers an address. */
import { containsAddress, formatAddress, type IpPrefix, parseAddress } from '@podwire/engine';
import { addressOffsets, portsBetween } from '../apiserver/allocate/draw.ts';
import { canonical, familyName, familyOf, nth, parseCIDR, sizeOf } from '../net/cidr.ts';
import type { IPFamily, Service, ServicePort } from '../objects/kube.ts';
import { isHeadless, isLive } from '../objects/pod-facts.ts';
import type { ClusterSettings, Placed } from './cluster.ts';
import type { Report } from './report.ts';

/** Addresses for load balancers that nobody has answered for yet; RFC 2544 and RFC 3849 keep them from being anybody's. */
const LOAD_BALANCER_NETWORKS: Record<IPFamily, string> = { IPv4: '198.18.0.0/16', IPv6: '2001:db8:1b::/112' };

/** The Service that the API server makes for itself. */
export const API_SERVICE = 'default/kubernetes';

function isNamedAddress(text: string): boolean {
  return /^[0-9a-fA-F.:]+$/.test(text);
}

/** A range from which things are handed out by the hash of their name, so that one more does not move the others. */
class AddressPool {
  readonly #range: IpPrefix;
  readonly #taken = new Set<string>();

  constructor(range: IpPrefix) {
    this.#range = range;
  }

  get family(): IPFamily {
    return familyName(this.#range.family);
  }

  reserve(address: string): void {
    this.#taken.add(address);
  }

  /** The API server's own (pkg/controlplane/instance.go, `ServiceIPRange`). */
  first(): string | undefined {
    const address = nth(this.#range, 1);
    return address && formatAddress(address);
  }

  take(seed: string): string | undefined {
    for (const offset of addressOffsets(sizeOf(this.#range), seed)) {
      const address = nth(this.#range, offset);
      const text = address && formatAddress(address);
      if (text === undefined || this.#taken.has(text)) continue;
      this.#taken.add(text);
      return text;
    }
    return undefined;
  }
}

interface Allocators {
  clusterIPs: AddressPool[];
  loadBalancers: AddressPool[];
  families: readonly IPFamily[];
  settings: ClusterSettings;
  /** To the Service that has it: the allocator hands a number out once, whatever the protocol. */
  nodePorts: Map<number, string>;
  holders: Map<string, string>;
  report: Report;
}

/** `spec.ipFamilies` as the API server fills it in (pkg/registry/core/service/storage/alloc.go, `initIPFamilyFields`). */
function familiesOf(
  service: Service,
  cluster: readonly IPFamily[],
): { families: IPFamily[]; policy: 'SingleStack' | 'PreferDualStack' | 'RequireDualStack' } {
  const { spec } = service;
  const given = (spec.clusterIPs ?? [spec.clusterIP]).flatMap((ip) =>
    canonical(ip) === undefined ? [] : [familyOf(ip as string)],
  );
  const wanted = [...new Set([...(spec.ipFamilies ?? []), ...given])];
  const isFree = isHeadless(service) && Object.keys(spec.selector ?? {}).length === 0;
  const policy = spec.ipFamilyPolicy ?? (isFree || wanted.length > 1 ? 'RequireDualStack' : 'SingleStack');
  const first = wanted[0] ?? cluster[0] ?? 'IPv4';
  const other: IPFamily = first === 'IPv4' ? 'IPv6' : 'IPv4';
  if (wanted.length > 1) return { families: wanted.slice(0, 2), policy };
  const isDual = policy === 'RequireDualStack' || (policy === 'PreferDualStack' && cluster.includes(other));
  return { families: isDual ? [first, other] : [first], policy };
}

function checkAddress(
  placed: Placed<Service>,
  key: string,
  ip: string,
  path: (string | number)[],
  a: Allocators,
): void {
  const other = a.holders.get(ip);
  if (other !== undefined && other !== key) {
    a.report.problem(
      'error',
      'cluster-ip-clash',
      { ...placed, path },
      `cluster IP ${ip} belongs to Service ${other} already`,
      'Leave the field out, or choose a free address.',
    );
  } else a.holders.set(ip, key);
  const address = parseAddress(ip);
  if (address && !a.families.includes(familyName(address.family))) {
    a.report.problem(
      'error',
      'no-such-family',
      { ...placed, path },
      `has the cluster IP ${ip}, but the cluster has ${a.families.join(' and ')} only`,
      `Give the cluster an ${familyName(address.family)} network with --ip-families, or leave the address out.`,
    );
    return;
  }
  const { serviceCIDRs } = a.settings;
  const ofFamily = serviceCIDRs.value.flatMap((c) => parseCIDR(c) ?? []).filter((p) => p.family === address?.family);
  if (
    !address ||
    ofFamily.length === 0 ||
    ofFamily.some((p) => containsAddress(p, address)) ||
    serviceCIDRs.how === 'assumed'
  )
    return;
  a.report.problem(
    'warning',
    'cluster-ip-outside',
    { ...placed, path },
    `cluster IP ${ip} lies outside the service network ${serviceCIDRs.value.join(', ')} (${serviceCIDRs.why})`,
    'The API server refuses it: leave the field out.',
  );
}

function clusterIPsOf(placed: Placed<Service>, key: string, families: readonly IPFamily[], a: Allocators): string[] {
  const { spec } = placed.object;
  const written = spec.clusterIPs ?? (spec.clusterIP ? [spec.clusterIP] : []);
  const given = new Map<IPFamily, string>();
  for (const [i, text] of written.entries()) {
    const path = text === spec.clusterIP ? ['spec', 'clusterIP'] : ['spec', 'clusterIPs', i];
    const ip = canonical(text);
    if (ip !== undefined) {
      given.set(familyOf(ip), ip);
      checkAddress(placed, key, ip, path, a);
    } else if (isNamedAddress(text)) {
      a.report.problem(
        'error',
        'bad-address',
        { ...placed, path },
        `"${text}" is no address`,
        'Leave the field out, or write an address of the service network.',
      );
    } else {
      a.report.assume(
        'redacted-cluster-ips',
        'Cluster IPs are redacted in the input: made ones stand for them',
        'give the Services as they are: kubectl get services -A -o json',
      );
    }
  }
  return families.flatMap((family) => {
    const known = given.get(family);
    if (known !== undefined) return [known];
    const pool = a.clusterIPs.find((p) => p.family === family);
    if (!pool) {
      a.report.problem(
        'error',
        'no-such-family',
        { ...placed, path: ['spec', 'ipFamilies'] },
        `wants ${family}, but the cluster has ${a.families.join(' and ')} only`,
        `Give the cluster an ${family} network with --ip-families, or change spec.ipFamilies.`,
      );
      return [];
    }
    const made = key === API_SERVICE ? pool.first() : pool.take(key);
    if (made === undefined) {
      a.report.problem(
        'error',
        'service-network-full',
        placed,
        `no ${family} address is left in the service network`,
        'Give a larger one with --service-cidr.',
      );
      return [];
    }
    if (written.length === 0)
      a.report.assume(
        'made-cluster-ips',
        'Services without a cluster IP were given one out of the service network',
        'give the Services as they are: kubectl get services -A -o json',
      );
    return [made];
  });
}

function takeNodePort(key: string, seed: string, a: Allocators): number | undefined {
  const { from, to } = a.settings.nodePortRange.value;
  for (const port of portsBetween(from, to, seed)) {
    if (a.nodePorts.has(port)) continue;
    a.nodePorts.set(port, key);
    return port;
  }
  return undefined;
}

function portsOf(placed: Placed<Service>, key: string, a: Allocators): ServicePort[] {
  const { spec } = placed.object;
  const hasNodePorts =
    spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
  return (spec.ports ?? []).map((port) => {
    const protocol = port.protocol ?? 'TCP';
    if (!hasNodePorts || port.nodePort) return port;
    // One Service may use one number for both protocols of a port (DNS).
    const twin = spec.ports?.find((p) => p !== port && p.port === port.port && p.nodePort)?.nodePort;
    const nodePort = twin ?? takeNodePort(key, `${key}:${protocol}:${port.port}`, a);
    if (nodePort === undefined) {
      a.report.problem(
        'error',
        'node-ports-full',
        placed,
        'no node port is left',
        'Give a larger range with --node-port-range.',
      );
      return port;
    }
    a.report.assume(
      'made-node-ports',
      'Service ports without a node port were given a free one',
      'give the Services as they are: kubectl get services -A -o json',
    );
    return { ...port, nodePort };
  });
}

function checkNodePorts(placed: Placed<Service>, key: string, a: Allocators): void {
  const { from, to } = a.settings.nodePortRange.value;
  for (const [i, port] of (placed.object.spec.ports ?? []).entries()) {
    const { nodePort } = port;
    if (!nodePort) continue;
    const path = ['spec', 'ports', i, 'nodePort'];
    const other = a.nodePorts.get(nodePort);
    if (other !== undefined && other !== key)
      a.report.problem(
        'error',
        'node-port-clash',
        { ...placed, path },
        `node port ${nodePort} belongs to Service ${other} already`,
        'Leave the field out, or choose a free port.',
      );
    else a.nodePorts.set(nodePort, key);
    if (nodePort < from || nodePort > to)
      a.report.problem(
        'warning',
        'node-port-outside',
        { ...placed, path },
        `node port ${nodePort} lies outside ${from}-${to} (${a.settings.nodePortRange.why})`,
        'Choose one inside, or say the range with --node-port-range.',
      );
  }
}

/** An address for a load balancer whose status the input does not have. A live Service without one really has none yet. */
function loadBalancerOf(
  placed: Placed<Service>,
  key: string,
  families: readonly IPFamily[],
  a: Allocators,
): Service['status'] {
  const { spec, status } = placed.object;
  const ingress = status?.loadBalancer?.ingress ?? [];
  const readable = ingress.filter((i) => i.ip === undefined || canonical(i.ip) !== undefined);
  const redacted = readable.length < ingress.length;
  for (const [i, { ip = '' }] of ingress.entries())
    if (canonical(ip) === undefined && ip !== '' && isNamedAddress(ip))
      a.report.problem(
        'error',
        'bad-address',
        { ...placed, path: ['status', 'loadBalancer', 'ingress', i, 'ip'] },
        `"${ip}" is no address`,
        'Give the Service with the status that its load balancer wrote.',
      );
  if (spec.type !== 'LoadBalancer' || (!redacted && (ingress.length > 0 || isLive(placed.object)))) return status;
  const wanted = canonical(spec.loadBalancerIP);
  const made =
    wanted !== undefined
      ? [wanted]
      : families.flatMap((f) => a.loadBalancers.find((p) => p.family === f)?.take(key) ?? []);
  a.report.assume(
    'made-load-balancers',
    'LoadBalancer Services without an address were given one, as if a load balancer had answered',
    'give the Services with their status: kubectl get services -A -o json',
  );
  return {
    ...status,
    loadBalancer: {
      ...status?.loadBalancer,
      ingress: [...readable, ...made.map((ip) => ({ ip, ipMode: 'VIP' as const }))],
    },
  };
}

function completeService(placed: Placed<Service>, key: string, a: Allocators): Placed<Service> {
  const service = placed.object;
  const { spec } = service;
  if (spec.type === 'ExternalName') return placed;
  const { families, policy } = familiesOf(service, a.families);
  const headless = isHeadless(service);
  const clusterIPs = headless ? ['None'] : clusterIPsOf(placed, key, families, a);
  const status = loadBalancerOf(placed, key, families, a);
  const ports = portsOf(placed, key, a);
  const needsHealthPort =
    spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local' && !spec.healthCheckNodePort;
  const isSame =
    !needsHealthPort &&
    spec.clusterIP === clusterIPs[0] &&
    spec.clusterIPs?.join() === clusterIPs.join() &&
    spec.ipFamilies?.join() === families.join() &&
    spec.ipFamilyPolicy === policy &&
    status === service.status &&
    ports.every((p, i) => p === spec.ports?.[i]);
  if (isSame) return placed;
  const healthCheckNodePort = needsHealthPort ? takeNodePort(key, `${key}:health`, a) : undefined;
  const made: Service = {
    ...service,
    spec: {
      ...spec,
      ...(clusterIPs[0] !== undefined && { clusterIP: clusterIPs[0], clusterIPs }),
      ipFamilies: families,
      ipFamilyPolicy: policy,
      ...(spec.ports && { ports }),
      ...(healthCheckNodePort !== undefined && { healthCheckNodePort }),
    },
    ...(status && { status }),
  };
  return { ...placed, object: made };
}

export function completeServices(
  services: ReadonlyMap<string, Placed<Service>>,
  families: readonly IPFamily[],
  settings: ClusterSettings,
  report: Report,
): Map<string, Placed<Service>> {
  const pool = (cidr: string): AddressPool[] => {
    const range = parseCIDR(cidr);
    return range ? [new AddressPool(range)] : [];
  };
  const clusterIPs = settings.serviceCIDRs.value.flatMap(pool);
  // The API server's own, whether its Service is in the input or not.
  for (const p of clusterIPs) p.reserve(p.first() ?? '');
  const allocators: Allocators = {
    clusterIPs,
    loadBalancers: families.flatMap((f) => pool(LOAD_BALANCER_NETWORKS[f])),
    families,
    settings,
    nodePorts: new Map(),
    holders: new Map(),
    report,
  };
  // What is given is taken before anything is made.
  for (const [key, placed] of services) {
    const { spec, status } = placed.object;
    checkNodePorts(placed, key, allocators);
    for (const text of [...(spec.clusterIPs ?? []), spec.clusterIP ?? '']) {
      const ip = canonical(text);
      if (ip !== undefined) for (const p of allocators.clusterIPs) p.reserve(ip);
    }
    for (const { ip } of status?.loadBalancer?.ingress ?? [])
      if (ip !== undefined) for (const p of allocators.loadBalancers) p.reserve(ip);
  }
  return new Map([...services].map(([key, placed]) => [key, completeService(placed, key, allocators)]));
}
