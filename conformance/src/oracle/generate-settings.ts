/** Random settings of kube-proxy and of the network plugin, and what nodes have set otherwise. */
import type { ClusterOverrides, IPFamily } from '@podwire/model';
import type { Random } from '../lab/random.ts';
import type { Making } from './generate.ts';
import type { Changes } from './scenario.ts';

const CLUSTER_CIDR: Record<IPFamily, string> = { IPv4: '10.244.0.0/16', IPv6: 'fd00:10:244::/48' };
const SERVICE_CIDR: Record<IPFamily, string> = { IPv4: '10.96.0.0/16', IPv6: 'fd00:10:96::/112' };

/** Every address, the nodes' own, those of pods' bridges too, loopback alone, and none of one family. */
const NODE_PORT_ADDRESSES: readonly string[][] = [
  ['primary'],
  ['0.0.0.0/0', '::/0'],
  ['172.18.0.0/16', 'fd00:172:18::/64'],
  ['10.244.0.0/16', 'fd00:10:244::/48'],
  ['127.0.0.0/8', '::1/128'],
  ['172.18.0.11/32'],
];

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

function nodePortAddresses({ random, isService }: Making): NonNullable<ClusterOverrides['proxy']> {
  if (isService) return random.chance(0.4) ? { nodePortAddresses: [...random.pick(NODE_PORT_ADDRESSES)] } : {};
  return random.chance(0.15) ? { nodePortAddresses: ['primary'] } : {};
}

export function makeOverrides(making: Making): ClusterOverrides {
  const { random, families, isService } = making;
  const cni = random.pick(['kindnet', 'calico', 'flannel', 'bridge', 'bridge']);
  const clusterCIDRs = families.map((family) => CLUSTER_CIDR[family]);
  return {
    proxyMode: 'iptables',
    cni,
    podCIDRs: clusterCIDRs,
    serviceCIDRs: families.map((family) => SERVICE_CIDR[family]),
    proxy: {
      // Nobody told kube-proxy the pods' network: it cannot tell local traffic.
      clusterCIDRs: isService && random.chance(0.12) ? [] : clusterCIDRs,
      ...detectLocal(random, cni),
      masqueradeAll: random.chance(0.2),
      ...(isService && random.chance(0.15) && { masqueradeBit: random.pick([0, 5, 31]) }),
      localhostNodePorts: random.chance(0.7),
      conntrackTCPLiberal: random.chance(0.2),
      randomFully: random.chance(0.6),
      nfacctCounters: false,
      ...nodePortAddresses(making),
    },
  };
}

export function makeChanges(random: Random): Changes {
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
