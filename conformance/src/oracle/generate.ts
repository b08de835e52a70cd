/** Random small clusters: nodes, pods and who listens there. */
import { formatAddress, parseAddress } from '@podwire/engine';
import type { IPFamily, KubeObject, Service } from '@podwire/model';
import type { Random } from '../lab/random.ts';
import type { Listening } from '../lab/terms.ts';
import { makeService } from './generate-service.ts';
import { makeChanges, makeOverrides } from './generate-settings.ts';
import type { Scenario } from './scenario.ts';

export interface MadePod {
  key: string;
  name: string;
  node: string;
  hostNetwork: boolean;
  /** By family. */
  addresses: Partial<Record<IPFamily, string>>;
  /** The ports it listens on: of TCP and UDP (with a network of its own SCTP, too), and a second one of TCP. */
  port: number;
  admin: number;
  object: KubeObject;
}

/** What a cluster has so far. */
export interface Making {
  random: Random;
  /** Every feature of Services is likelier than in a cluster that somebody runs. */
  isService: boolean;
  families: IPFamily[];
  nodes: { name: string; addresses: Partial<Record<IPFamily, string>> }[];
  pods: MadePod[];
}

/** A server outside, which endpoints of Services without a selector may name. */
export const OUTSIDE_SERVER: Record<IPFamily, string> = { IPv4: '203.0.113.50', IPv6: '2001:db8:ffff::50' };
export const OUTSIDE_PORT = 8080;
/** Of the first pod that has one. */
const HOST_PORT = 18080;

const FAMILIES: readonly IPFamily[][] = [
  ['IPv4'],
  ['IPv4'],
  ['IPv4'],
  ['IPv6'],
  ['IPv4', 'IPv6'],
  ['IPv4', 'IPv6'],
  ['IPv6', 'IPv4'],
];

function canonical(text: string): string {
  const address = parseAddress(text);
  if (!address) throw new Error(`${text} is no address`);
  return formatAddress(address);
}

const NODE_ADDRESS: Record<IPFamily, (i: number) => string> = {
  IPv4: (i) => `172.18.0.${11 + i}`,
  IPv6: (i) => `fd00:172:18::${(11 + i).toString(16)}`,
};
const POD_CIDR: Record<IPFamily, (i: number) => string> = {
  IPv4: (i) => `10.244.${i}.0/24`,
  IPv6: (i) => `fd00:10:244:${i}::/64`,
};
const POD_ADDRESS: Record<IPFamily, (node: number, i: number) => string> = {
  IPv4: (node, i) => `10.244.${node}.${5 + i}`,
  IPv6: (node, i) => canonical(`fd00:10:244:${node}::${(5 + i).toString(16)}`),
};
/** Of nodes, and of the hints that name them. */
export const ZONES: readonly string[] = ['zone-a', 'zone-b'];

function byFamily(families: readonly IPFamily[], of: (family: IPFamily) => string): Partial<Record<IPFamily, string>> {
  return Object.fromEntries(families.map((family) => [family, of(family)]));
}

function makeNodes({ random, families, isService }: Making, objects: KubeObject[], count: number): Making['nodes'] {
  return Array.from({ length: count }, (_, i) => {
    const name = `node-${i + 1}`;
    const addresses = byFamily(families, (family) => NODE_ADDRESS[family](i));
    const podCIDRs = families.map((family) => POD_CIDR[family](i));
    objects.push({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: {
        name,
        labels: {
          'kubernetes.io/hostname': name,
          ...(isService && { 'topology.kubernetes.io/zone': random.pick(ZONES) }),
          ...(isService && random.chance(0.08) && { 'node.kubernetes.io/exclude-from-external-load-balancers': '' }),
        },
      },
      spec: { podCIDR: podCIDRs[0], podCIDRs },
      status: {
        addresses: [...Object.values(addresses).map((address) => ({ type: 'InternalIP', address }))],
        ...(isService && { allocatable: { cpu: random.pick(['2', '2', '4']) } }),
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    });
    return { name, addresses };
  });
}

/** Labels that Services select by. */
export const APPS: readonly string[] = ['red', 'blue'];

/** A pod that is going, or not ready, and stays an endpoint of Services that ask for those. */
function stateOf({ random, isService }: Making): { terminating: boolean; ready: boolean } {
  if (!isService) return { terminating: false, ready: true };
  return { terminating: random.chance(0.15), ready: random.chance(0.85) };
}

function makePods(making: Making, objects: KubeObject[], count: number): MadePod[] {
  const { random, families, nodes, isService } = making;
  return Array.from({ length: count }, (_, i) => {
    const at = random.between(0, nodes.length - 1);
    const node = nodes[at] as Making['nodes'][number];
    const hostNetwork = random.chance(0.12);
    const port = hostNetwork ? 9000 + i : 8080;
    const admin = hostNetwork ? 9500 + i : 8081;
    const addresses = hostNetwork ? node.addresses : byFamily(families, (family) => POD_ADDRESS[family](at, i));
    const name = `pod-${i}`;
    const { terminating, ready } = stateOf(making);
    const hostPort = isService && !hostNetwork && random.chance(0.12) ? { hostPort: HOST_PORT + i } : {};
    const ports = [
      { name: 'web', containerPort: port, ...hostPort },
      ...(isService
        ? [
            { name: 'query', containerPort: port, protocol: 'UDP' },
            { name: 'peer', containerPort: port, protocol: 'SCTP' },
            { name: 'admin', containerPort: admin },
          ]
        : []),
    ];
    const object = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace: 'default',
        ...(isService && { labels: { app: random.pick(APPS) } }),
        ...(terminating && { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 30 }),
      },
      spec: {
        nodeName: node.name,
        ...(hostNetwork && { hostNetwork }),
        containers: [{ name: 'server', image: 'server', ports }],
      },
      status: {
        phase: 'Running',
        podIP: addresses[families[0] as IPFamily],
        podIPs: families.map((family) => ({ ip: addresses[family] })),
        conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      },
    };
    objects.push(object);
    return { key: `default/${name}`, name, node: node.name, hostNetwork, addresses, port, admin, object };
  });
}

/** Health checks of load balancers are answered by kube-proxy, on every node. */
function healthChecks(objects: readonly KubeObject[], nodes: Making['nodes']): Listening[] {
  const services = objects.filter((object) => object.kind === 'Service') as Service[];
  return services.flatMap(({ spec: { healthCheckNodePort: port } }) =>
    port === undefined ? [] : nodes.map(({ name }): Listening => ({ netns: name, protocol: 'tcp', port })),
  );
}

function listeningOf({ pods, nodes, isService }: Making, objects: readonly KubeObject[]): Listening[] {
  const both = (netns: string, port: number): Listening[] => [
    { netns, protocol: 'tcp', port },
    { netns, protocol: 'udp', port },
  ];
  return [
    ...pods.flatMap(({ hostNetwork, node, key, port, admin }): Listening[] => {
      const netns = hostNetwork ? node : key;
      if (!isService) return both(netns, port);
      // Beside a raw socket the kernel does not say that it has no SCTP, which other ports of a node should hear.
      const sctp: Listening[] = hostNetwork ? [] : [{ netns, protocol: 'sctp', port }];
      return [...both(netns, port), { netns, protocol: 'tcp', port: admin }, ...sctp];
    }),
    ...both('@external', OUTSIDE_PORT),
    ...healthChecks(objects, nodes),
  ];
}

/** How much a cluster has; drawn where absent. */
export interface Sizes {
  nodes?: number;
  pods?: number;
  services?: number;
}

/** A cluster without probes yet. */
export function generate(random: Random, isService = false, sizes: Sizes = {}): Scenario {
  const objects: KubeObject[] = [];
  const making: Making = { random, isService, families: random.pick(FAMILIES), nodes: [], pods: [] };
  making.nodes = makeNodes(making, objects, sizes.nodes ?? random.pick([1, 2, 2, 3]));
  making.pods = makePods(making, objects, sizes.pods ?? random.between(2, 6));
  const services = sizes.services ?? (isService ? random.between(2, 5) : random.between(1, 3));
  for (let i = 0; i < services; i++) objects.push(...makeService(making, i));
  return {
    objects,
    overrides: makeOverrides(making),
    listening: listeningOf(making, objects),
    changes: makeChanges(random),
    backend: random.chance(0.2) ? 'legacy' : 'nft',
    probes: [],
  };
}
