/** Which connections to try in a cluster: mostly to Services, from everywhere. */
import type { Service } from '@podwire/model';
import type { Random } from '../lab/random.ts';
import type { Transport, Tried } from '../lab/terms.ts';
import type { Probe, Scenario } from './scenario.ts';
import type { World } from './world.ts';

interface Target {
  daddr: string;
  dport: number;
  protocol: Tried;
  times?: number;
  /** Pods behind it. */
  pods?: string[];
}

const OUTSIDE: Record<4 | 6, readonly string[]> = {
  4: ['203.0.113.10', '203.0.113.77', '198.18.0.5'],
  6: ['2001:db8:ffff::10', '2001:db8:ffff::77', '2001:db8:eeee::5'],
};
const family = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);
const plain = (address: string) => address.split('/')[0] as string;

const transport = (protocol = 'TCP'): Transport => protocol.toLowerCase() as Transport;

const slicesOf = ({ cluster }: World) => [...cluster.endpointSlices.values()].flat().map(({ object }) => object);

/** Pods with a network of their own that are endpoints of a Service. */
function podsBehind({ cluster }: World, { metadata }: Service, pods: readonly string[]): string[] {
  const slices = cluster.endpointSlices.get(`${metadata.namespace}/${metadata.name}`) ?? [];
  const names = slices.flatMap(({ object }) => object.endpoints.flatMap((e) => e.targetRef?.name ?? []));
  return pods.filter((pod) => names.includes(pod.slice(pod.indexOf('/') + 1)));
}

const clusterIPsOf = ({ spec }: Service) => (spec.clusterIPs ?? []).filter((ip) => ip !== 'None');
const balancersOf = ({ status }: Service) => (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);

function serviceTargets(service: Service, nodeAddresses: readonly string[]): Target[] {
  const { spec } = service;
  const fronts = [...clusterIPsOf(service), ...(spec.externalIPs ?? []), ...balancersOf(service)];
  const affine = spec.sessionAffinity === 'ClientIP' ? { times: 3 } : {};
  const { healthCheckNodePort } = spec;
  const health: Target[] =
    healthCheckNodePort === undefined
      ? []
      : nodeAddresses.map((daddr) => ({ daddr, dport: healthCheckNodePort, protocol: 'tcp' }));
  const ports = (spec.ports ?? []).flatMap((port): Target[] => {
    const protocol = transport(port.protocol);
    const { nodePort } = port;
    return [
      ...fronts.map((daddr) => ({ daddr, dport: port.port, protocol, ...affine })),
      ...(nodePort === undefined
        ? []
        : nodeAddresses.map((daddr) => ({ daddr, dport: nodePort, protocol, ...affine }))),
    ];
  });
  return [...ports, ...health];
}

/** Addresses and ports that no Service claims. */
function otherTargets(world: World, services: readonly Service[], nodeAddresses: readonly string[]): Target[] {
  const endpoints = slicesOf(world).flatMap((slice) =>
    slice.endpoints.flatMap((e) =>
      (slice.ports ?? []).map((p) => ({
        daddr: e.addresses[0] as string,
        dport: p.port as number,
        protocol: transport(p.protocol),
      })),
    ),
  );
  const protocols: Transport[] = ['tcp', 'udp'];
  return protocols.flatMap((protocol) => [
    ...endpoints.filter((e) => e.protocol === protocol),
    // Wrong ports, a free Service address, an address of no pod, somewhere outside.
    ...services.flatMap((s) => clusterIPsOf(s).map((daddr) => ({ daddr, dport: 4321, protocol }))),
    ...services.flatMap((s) => balancersOf(s).map((daddr) => ({ daddr, dport: 4321, protocol }))),
    ...nodeAddresses.map((daddr) => ({ daddr, dport: 31999, protocol })),
    ...['10.96.77.77', 'fd00:10:96::7777', '10.244.0.200', 'fd00:10:244::200'].map((daddr) => ({
      daddr,
      dport: 80,
      protocol,
    })),
    ...['203.0.113.50', '2001:db8:ffff::50'].map((daddr) => ({ daddr, dport: 8080, protocol })),
    ...['203.0.113.50', '2001:db8:ffff::50'].map((daddr) => ({ daddr, dport: 8098, protocol })),
  ]);
}

/** Echoes, which no Service has a port for, and ports of nodes that lead to pods. */
function furtherTargets({ cluster }: World, services: readonly Service[], nodeAddresses: readonly string[]): Target[] {
  const pods = [...cluster.pods.values()].map(({ object }) => object);
  const addresses = [
    ...services.flatMap((service) => [...clusterIPsOf(service), ...balancersOf(service)]),
    ...nodeAddresses,
    ...pods.flatMap(({ status }) => (status?.podIPs ?? []).map(({ ip }) => ip)),
  ];
  const hostPorts = pods.flatMap(({ spec }) =>
    (spec.containers ?? []).flatMap(({ ports = [] }) => ports.flatMap(({ hostPort }) => hostPort ?? [])),
  );
  return [
    ...addresses.map((daddr): Target => ({ daddr, dport: 0, protocol: 'icmp' })),
    ...hostPorts.flatMap((dport) => nodeAddresses.map((daddr): Target => ({ daddr, dport, protocol: 'tcp' }))),
  ];
}

/** The local addresses of a namespace that a process there may send from. */
function sourcesOf(world: World, netns: string, to: string): string[] {
  const found = world.network.netnses.find((n) => n.name === netns);
  return (found?.addresses ?? [])
    .map((a) => plain(a.address))
    .filter((a) => family(a) === family(to) && !a.startsWith('fe80'));
}

interface Places {
  nodes: readonly string[];
  pods: readonly string[];
  /** The pods behind the target: what they ask may come back to themselves. */
  behind: readonly string[];
}

/** Where to send from. A loopback address is a node's own matter. */
function placeOf(random: Random, { daddr }: Target, { nodes, pods, behind }: Places): string {
  const roll = random.next();
  if (/^(127\.|::1$)/.test(daddr)) return random.pick(nodes);
  if (roll < 0.3) return random.pick(nodes);
  if (roll < 0.45 && behind.length > 0) return random.pick(behind);
  if (roll < 0.7) return random.pick(pods.length > 0 ? pods : nodes);
  return '@external';
}

/** A raw socket hears what comes back to its own host, which the kernel would otherwise refuse: to an address of it, or to a pod in its network. */
function isDeaf(world: World, from: string, { protocol, daddr }: Target): boolean {
  if (protocol !== 'sctp') return false;
  const pods = [...world.cluster.pods.values()].map(({ object }) => object);
  const isHost = pods.some(({ spec }) => spec.hostNetwork === true && spec.nodeName === from);
  return isHost || [...sourcesOf(world, from, daddr), '127.0.0.1', '::1'].includes(daddr);
}

/** @param isService Echoes and ports of nodes, too. */
export function chooseProbes(
  random: Random,
  scenario: Scenario,
  world: World,
  count: number,
  isService = false,
): Probe[] {
  const names = scenario.objects.flatMap(({ kind, metadata: { namespace, name } }) =>
    kind === 'Service' ? [`${namespace}/${name}`] : [],
  );
  const services = names.flatMap((name) => world.cluster.services.get(name)?.object ?? []);
  const families = new Set(services.flatMap((s) => s.spec.ipFamilies ?? []));
  const nodes = [...world.dataplane.nodes.values()];
  const nodeAddresses = [
    ...new Set(
      nodes.flatMap((n) => n.host.addresses.map((a) => plain(a.address)).filter((a) => !a.startsWith('fe80'))),
    ),
    ...(families.has('IPv4') ? ['127.0.0.1'] : []),
    ...(families.has('IPv6') ? ['::1'] : []),
  ];
  const pods = nodes.flatMap((n) => n.pods.map((pod) => pod.name));
  const wanted = services.flatMap((service) => {
    const behind = podsBehind(world, service, pods);
    return serviceTargets(service, nodeAddresses).map((target) => ({ ...target, pods: behind }));
  });
  const others = [
    ...otherTargets(world, services, nodeAddresses),
    ...(isService ? furtherTargets(world, services, nodeAddresses) : []),
  ].filter((t) => families.has(family(t.daddr) === 4 ? 'IPv4' : 'IPv6'));
  return Array.from({ length: count }, () => {
    const { pods: behind = [], ...chosen } =
      wanted.length > 0 && random.chance(0.8) ? random.pick(wanted) : random.pick(others);
    const from = placeOf(random, chosen, { nodes: nodes.map((n) => n.name), pods, behind });
    const target: typeof chosen = isDeaf(world, from, chosen) ? { ...chosen, protocol: 'tcp' } : chosen;
    const outside = from === '@external' ? random.pick(OUTSIDE[family(target.daddr)]) : undefined;
    const sources = outside === undefined && random.chance(0.08) ? sourcesOf(world, from, target.daddr) : [];
    const saddr = outside ?? (sources.length > 0 ? random.pick(sources) : undefined);
    return { from, ...target, ...(saddr !== undefined && { saddr }) };
  });
}
