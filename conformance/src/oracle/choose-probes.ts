/** Which connections to try in a cluster: mostly to Services, from everywhere. */
import type { EndpointSlice, Service } from '@podwire/model';
import type { Random } from '../lab/random.ts';
import type { Transport } from '../lab/terms.ts';
import { withLeftOver } from './left-over.ts';
import type { Probe, Scenario } from './scenario.ts';
import type { World } from './world.ts';

/** Share of the probes whose sender's node remembers something, where that is drawn. */
const LEFT_OVER = 0.35;

interface Target {
  daddr: string;
  dport: number;
  protocol: Transport;
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

const transport = (protocol: string | undefined): Transport => (protocol === 'UDP' ? 'udp' : 'tcp');

/** Pods with a network of their own that are endpoints of a Service. */
function podsBehind(scenario: Scenario, { metadata }: Service, pods: readonly string[]): string[] {
  const slices = scenario.objects.filter((o) => o.kind === 'EndpointSlice') as EndpointSlice[];
  const own = slices.filter((slice) => slice.metadata.labels?.['kubernetes.io/service-name'] === metadata.name);
  const names = own.flatMap((slice) => slice.endpoints.flatMap((e) => e.targetRef?.name ?? []));
  return pods.filter((pod) => names.includes(pod.slice(pod.indexOf('/') + 1)));
}

function serviceTargets(service: Service, nodeAddresses: readonly string[]): Target[] {
  const { spec } = service;
  const fronts = [
    ...(spec.clusterIPs ?? []),
    ...(spec.externalIPs ?? []),
    ...(service.status?.loadBalancer?.ingress ?? []).flatMap((ingress) => ingress.ip ?? []),
  ];
  const affine = spec.sessionAffinity === 'ClientIP' ? { times: 3 } : {};
  return (spec.ports ?? []).flatMap((port) => {
    const protocol = transport(port.protocol);
    const { nodePort } = port;
    return [
      ...fronts.map((daddr) => ({ daddr, dport: port.port, protocol, ...affine })),
      ...(nodePort === undefined
        ? []
        : nodeAddresses.map((daddr) => ({ daddr, dport: nodePort, protocol, ...affine }))),
    ];
  });
}

/** Addresses and ports that no Service claims. */
function otherTargets(scenario: Scenario, services: readonly Service[], nodeAddresses: readonly string[]): Target[] {
  const slices = scenario.objects.filter((o) => o.kind === 'EndpointSlice') as EndpointSlice[];
  const endpoints = slices.flatMap((slice) =>
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
    ...services.flatMap((s) => (s.spec.clusterIPs ?? []).map((daddr) => ({ daddr, dport: 4321, protocol }))),
    ...services.flatMap((s) =>
      (s.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) =>
        ip === undefined ? [] : [{ daddr: ip, dport: 4321, protocol }],
      ),
    ),
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

/** @param leftOvers Some nodes remember what was before. */
export function chooseProbes(
  random: Random,
  scenario: Scenario,
  world: World,
  count: number,
  leftOvers = false,
): Probe[] {
  const services = scenario.objects.filter((o) => o.kind === 'Service') as Service[];
  const families = new Set(services.concat().flatMap((s) => s.spec.ipFamilies ?? []));
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
    const behind = podsBehind(scenario, service, pods);
    return serviceTargets(service, nodeAddresses).map((target) => ({ ...target, pods: behind }));
  });
  const others = otherTargets(scenario, services, nodeAddresses).filter((t) =>
    families.has(family(t.daddr) === 4 ? 'IPv4' : 'IPv6'),
  );
  return Array.from({ length: count }, () => {
    const { pods: behind = [], ...target } =
      wanted.length > 0 && random.chance(0.8) ? random.pick(wanted) : random.pick(others);
    const from = placeOf(random, target, { nodes: nodes.map((n) => n.name), pods, behind });
    const outside = from === '@external' ? random.pick(OUTSIDE[family(target.daddr)]) : undefined;
    const sources = outside === undefined && random.chance(0.08) ? sourcesOf(world, from, target.daddr) : [];
    const saddr = outside ?? (sources.length > 0 ? random.pick(sources) : undefined);
    const probe: Probe = { from, ...target, ...(saddr !== undefined && { saddr }) };
    return leftOvers && random.chance(LEFT_OVER) ? withLeftOver(random, world, probe) : probe;
  });
}
