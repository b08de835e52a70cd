/** Random small clusters: nodes, pods, and the settings of kube-proxy and of the network plugin. */
import { formatAddress, parseAddress } from '@podwire/engine';
import type { ClusterOverrides, IPFamily, KubeObject } from '@podwire/model';
import type { Random } from '../lab/random.ts';
import type { Listening } from '../lab/terms.ts';
import { makeService } from './generate-service.ts';
import type { Changes, Scenario } from './scenario.ts';

export interface MadePod {
  key: string;
  name: string;
  node: string;
  hostNetwork: boolean;
  /** By family. */
  addresses: Partial<Record<IPFamily, string>>;
  /** The port it listens on. */
  port: number;
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
const CLUSTER_CIDR: Record<IPFamily, string> = { IPv4: '10.244.0.0/16', IPv6: 'fd00:10:244::/48' };
const SERVICE_CIDR: Record<IPFamily, string> = { IPv4: '10.96.0.0/16', IPv6: 'fd00:10:96::/112' };

/** Of nodes, and of the hints that name them. */
export const ZONES: readonly string[] = ['zone-a', 'zone-b'];

function byFamily(families: readonly IPFamily[], of: (family: IPFamily) => string): Partial<Record<IPFamily, string>> {
  return Object.fromEntries(families.map((family) => [family, of(family)]));
}

function makeNodes({ random, families, isService }: Making, objects: KubeObject[]): Making['nodes'] {
  const count = random.pick([1, 2, 2, 3]);
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
        },
      },
      spec: { podCIDR: podCIDRs[0], podCIDRs },
      status: {
        addresses: [...Object.values(addresses).map((address) => ({ type: 'InternalIP', address }))],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    });
    return { name, addresses };
  });
}

function makePods({ random, families, nodes }: Making, objects: KubeObject[]): MadePod[] {
  const count = random.between(2, 6);
  return Array.from({ length: count }, (_, i) => {
    const at = random.between(0, nodes.length - 1);
    const node = nodes[at] as Making['nodes'][number];
    const hostNetwork = random.chance(0.12);
    const port = hostNetwork ? 9000 + i : 8080;
    const addresses = hostNetwork ? node.addresses : byFamily(families, (family) => POD_ADDRESS[family](at, i));
    const name = `pod-${i}`;
    const object = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default' },
      spec: {
        nodeName: node.name,
        ...(hostNetwork && { hostNetwork }),
        containers: [{ name: 'server', image: 'server', ports: [{ containerPort: port }] }],
      },
      status: {
        phase: 'Running',
        podIP: addresses[families[0] as IPFamily],
        podIPs: families.map((family) => ({ ip: addresses[family] })),
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    };
    objects.push(object);
    return { key: `default/${name}`, name, node: node.name, hostNetwork, addresses, port, object };
  });
}

function listeningOf({ pods }: Making): Listening[] {
  const both = (netns: string, port: number): Listening[] => [
    { netns, protocol: 'tcp', port },
    { netns, protocol: 'udp', port },
  ];
  return [
    ...pods.flatMap((pod) => both(pod.hostNetwork ? pod.node : pod.key, pod.port)),
    ...both('@external', OUTSIDE_PORT),
  ];
}

/** How kube-proxy tells traffic of the node's own pods from other traffic. */
function detectLocal(random: Random, cni: string): NonNullable<ClusterOverrides['proxy']> {
  switch (random.between(0, 3)) {
    case 0:
      return { detectLocalMode: 'NodeCIDR' };
    case 1:
      return cni === 'kindnet' || cni === 'calico'
        ? { detectLocalMode: 'InterfaceNamePrefix', interfaceNamePrefix: cni === 'calico' ? 'cali' : 'veth' }
        : { detectLocalMode: 'BridgeInterface', bridgeInterface: 'cni0' };
    default:
      return { detectLocalMode: 'ClusterCIDR' };
  }
}

function makeOverrides({ random, families }: Making): ClusterOverrides {
  const cni = random.pick(['kindnet', 'calico', 'flannel', 'bridge', 'bridge']);
  const clusterCIDRs = families.map((family) => CLUSTER_CIDR[family]);
  return {
    proxyMode: 'iptables',
    cni,
    podCIDRs: clusterCIDRs,
    serviceCIDRs: families.map((family) => SERVICE_CIDR[family]),
    proxy: {
      clusterCIDRs,
      ...detectLocal(random, cni),
      masqueradeAll: random.chance(0.2),
      localhostNodePorts: random.chance(0.7),
      conntrackTCPLiberal: random.chance(0.2),
      randomFully: random.chance(0.6),
      nfacctCounters: false,
      ...(random.chance(0.15) && { nodePortAddresses: ['primary'] }),
    },
  };
}

function makeChanges(random: Random): Changes {
  const nodes: Record<string, number> = {};
  if (random.chance(0.15)) {
    nodes['net.bridge.bridge-nf-call-iptables'] = 0;
    nodes['net.bridge.bridge-nf-call-ip6tables'] = 0;
  }
  if (random.chance(0.35)) nodes['net.ipv4.conf.all.rp_filter'] = random.pick([1, 2]);
  const everywhere = random.chance(0.5)
    ? { 'net.ipv4.fib_multipath_hash_policy': 1, 'net.ipv6.fib_multipath_hash_policy': 1 }
    : undefined;
  return {
    sysctls: {
      ...(Object.keys(nodes).length > 0 && { '*': nodes }),
      ...(everywhere && { '@gateway': everywhere }),
    },
    ...(random.chance(0.25) && { noHairpin: true }),
    ...(random.chance(0.15) && { forwardPolicy: 'drop' as const }),
  };
}

/** A cluster without probes yet. */
export function generate(random: Random, isService = false): Scenario {
  const objects: KubeObject[] = [];
  const making: Making = { random, isService, families: random.pick(FAMILIES), nodes: [], pods: [] };
  making.nodes = makeNodes(making, objects);
  making.pods = makePods(making, objects);
  const services = isService ? random.between(2, 5) : random.between(1, 3);
  for (let i = 0; i < services; i++) objects.push(...makeService(making, i));
  return {
    objects,
    overrides: makeOverrides(making),
    listening: listeningOf(making),
    changes: makeChanges(random),
    backend: random.chance(0.2) ? 'legacy' : 'nft',
    probes: [],
  };
}
