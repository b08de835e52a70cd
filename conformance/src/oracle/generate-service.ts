/** Random Services with their EndpointSlices. */
import type { IPFamily, KubeObject, Service } from '@podwire/model';
import { APPS, type Making } from './generate.ts';
import { asWritten, type MadePort, portsOf } from './generate-ports.ts';
import { slicesOf } from './generate-slices.ts';

/** The addresses of Service `i`: the first ten are others'. */
const addressIn =
  (network4: string, network6: string) =>
  (family: IPFamily, i: number): string => {
    const at = 10 + i;
    if (family === 'IPv6') return `${network6}::${at.toString(16)}`;
    const [a, b, c = 0] = network4.split('.').map(Number);
    return `${a}.${b}.${c + (at >> 8)}.${at & 255}`;
  };

const clusterIP = addressIn('10.96.0', 'fd00:10:96');
/** No address that an API server would give. */
const outsideCIDR = addressIn('10.77.0', 'fd00:10:77');
const balancer = addressIn('192.0.2', '2001:db8:1');
const externalIP = addressIn('198.51.100', '2001:db8:2');
/** Node ports of Service `i` begin here: within the range for 500 Services. */
const nodePortOfNumber = (i: number) => 30000 + 5 * i;
const healthCheckOfNumber = (i: number) => 33000 + i;
/** Second addresses of balancers: behind those of as many Services. */
const FURTHER = 600;

const SOURCE_RANGES: Record<IPFamily, readonly string[]> = {
  IPv4: ['203.0.113.0/28', '198.18.0.0/15', '10.244.0.0/16', '172.18.0.11/32'],
  IPv6: ['2001:db8:ffff::/124', '2001:db8:eeee::/64', 'fd00:10:244::/48'],
};
/** With blanks, which validation lets pass, and one that lets everybody in. */
const MORE_RANGES: Record<IPFamily, readonly string[]> = {
  IPv4: [...SOURCE_RANGES.IPv4, ' 172.18.0.0/16 ', '0.0.0.0/0'],
  IPv6: [...SOURCE_RANGES.IPv6, ' fd00:172:18::/64', '::/0'],
};

type Kind = 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'headless' | 'ExternalName' | 'foreign';

/** Services for which kube-proxy has no rules are named after it. */
const NAMES: Partial<Record<Kind, string>> = { headless: 'headless', ExternalName: 'elsewhere', foreign: 'foreign' };

/** Whether no rule may speak of the Service. */
export const isUnruled = ({ metadata }: KubeObject): boolean =>
  Object.values(NAMES).some((name) => metadata.name.startsWith(`${name}-`));

function kindOf({ random, isService }: Making): Kind {
  if (isService && random.chance(0.14)) return random.pick(['headless', 'ExternalName', 'foreign']);
  return random.pick(['ClusterIP', 'NodePort', 'NodePort', 'LoadBalancer', 'LoadBalancer']);
}

function clusterIPsOf({ random, isService }: Making, kind: Kind, own: readonly IPFamily[], i: number): string[] {
  if (kind === 'headless') return ['None'];
  if (isService && random.chance(0.03)) return own.map((family) => outsideCIDR(family, i));
  // Somebody else's, who was there first.
  const at = isService && i > 0 && random.chance(0.03) ? i - 1 : i;
  return own.map((family) => clusterIP(family, at));
}

function externalIPsOf({ random, isService, nodes }: Making, own: readonly IPFamily[], i: number): string[] {
  if (!random.chance(0.25)) return [];
  const roll = isService ? random.next() : 1;
  if (roll < 0.12) return own.flatMap((family) => random.pick(nodes).addresses[family] ?? []);
  const at = roll < 0.2 && i > 0 ? i - 1 : i;
  return own.map((family) => externalIP(family, at));
}

type Ingress = NonNullable<NonNullable<NonNullable<Service['status']>['loadBalancer']>['ingress']>;

/** What the load balancer's controller has written. */
function ingressOf({ random, isService }: Making, own: readonly IPFamily[], i: number): Ingress {
  const roll = isService ? random.next() : 1;
  if (roll < 0.08) return [{ hostname: 'balancer.example.com' }];
  if (roll < 0.2) return own.map((family) => ({ ip: balancer(family, i), ipMode: 'Proxy' as const }));
  const more = roll < 0.28 ? own.map((family) => ({ ip: balancer(family, FURTHER + i) })) : [];
  return [...own.map((family) => ({ ip: balancer(family, i), ipMode: 'VIP' as const })), ...more];
}

/** Fields of a load balancer's own. */
function balancerOf({ random, isService }: Making, own: readonly IPFamily[], isLocal: boolean, i: number) {
  const ranges = isService ? MORE_RANGES : SOURCE_RANGES;
  const count = isService && random.chance(0.3) ? 2 : 1;
  return {
    ...(random.chance(0.35) && {
      loadBalancerSourceRanges: own.flatMap((family) => random.some(ranges[family], count)),
    }),
    ...(isService && random.chance(0.3) && { loadBalancerClass: 'example.com/balancer' }),
    ...(isService && isLocal && { healthCheckNodePort: healthCheckOfNumber(i) }),
  };
}

/** Services that select pods: their controller makes the slices. */
function selectionOf({ random }: Making) {
  return {
    selector: { app: random.pick(APPS) },
    ...(random.chance(0.25) && { publishNotReadyAddresses: true }),
    ...(random.chance(0.35) && {
      trafficDistribution: random.pick(['PreferClose', 'PreferSameZone', 'PreferSameNode']),
    }),
  };
}

function nodePortOf({ random, isService }: Making, kind: Kind, i: number): number | undefined {
  if (kind !== 'NodePort' && kind !== 'LoadBalancer') return undefined;
  if (isService && kind === 'LoadBalancer' && random.chance(0.25)) return undefined;
  // Sometimes somebody else's: two Services that clash.
  return nodePortOfNumber(isService && i > 0 && random.chance(0.1) ? i - 1 : i);
}

/** Of a cluster with both families often one; of a cluster with one, rarely the other, too. */
function familiesOf({ random, families, isService }: Making): IPFamily[] {
  if (families.length > 1) return random.chance(0.3) ? [random.pick(families)] : [...families];
  if (isService && random.chance(0.06)) return [...families, families[0] === 'IPv4' ? 'IPv6' : 'IPv4'];
  return [...families];
}

function affinityOf({ random, isService }: Making): Partial<Service['spec']> {
  if (!random.chance(isService ? 0.3 : 0.15)) return {};
  const timeoutSeconds = isService ? random.pick([10800, 86400, 120]) : 10800;
  return { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds } } };
}

function specOf(making: Making, kind: Kind, ports: readonly MadePort[], i: number): Service['spec'] {
  const { random } = making;
  const own = familiesOf(making);
  const clusterIPs = clusterIPsOf(making, kind, own, i);
  const externalIPs = kind === 'headless' ? [] : externalIPsOf(making, own, i);
  const isLocal = random.chance(0.35);
  const isBalanced = kind === 'LoadBalancer' || kind === 'NodePort';
  return {
    type: isBalanced ? kind : 'ClusterIP',
    ports: asWritten(ports),
    clusterIP: clusterIPs[0] as string,
    clusterIPs,
    ipFamilies: own,
    ipFamilyPolicy: own.length > 1 ? 'RequireDualStack' : 'SingleStack',
    ...(externalIPs.length > 0 && { externalIPs }),
    ...((isBalanced || externalIPs.length > 0) && {
      externalTrafficPolicy: isLocal ? ('Local' as const) : ('Cluster' as const),
    }),
    internalTrafficPolicy: random.chance(0.2) ? 'Local' : 'Cluster',
    ...affinityOf(making),
    ...(kind === 'LoadBalancer' && {
      ...balancerOf(making, own, isLocal, i),
      ...(ports[0]?.nodePort === undefined && { allocateLoadBalancerNodePorts: false }),
    }),
  };
}

/** The Service and its EndpointSlices. */
export function makeService(making: Making, i: number): KubeObject[] {
  const { random, pods, isService } = making;
  const kind = kindOf(making);
  const selects = isService && random.chance(0.4);
  const ports = portsOf(making, nodePortOf(making, kind, i), selects);
  const labels = kind === 'foreign' ? { 'service.kubernetes.io/service-proxy-name': 'another' } : undefined;
  const made = specOf(making, kind, ports, i);
  const own = made.ipFamilies ?? [];
  const spec: Service['spec'] =
    kind === 'ExternalName' ? { type: kind, externalName: 'example.com', ports: made.ports ?? [] } : made;
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `${NAMES[kind] ?? 'svc'}-${i}`, namespace: 'default', ...(labels && { labels }) },
    spec: { ...spec, ...(selects && selectionOf(making)) },
    ...(kind === 'LoadBalancer' && { status: { loadBalancer: { ingress: ingressOf(making, own, i) } } }),
  };
  if (selects) return [service];
  const chosen = random.chance(0.1) ? [] : random.some(pods, random.between(1, Math.min(4, pods.length)));
  const reached = chosen.filter(({ addresses }) => own.every((family) => addresses[family] !== undefined));
  return [service, ...own.flatMap((family) => slicesOf(making, service, ports, reached, family))];
}
