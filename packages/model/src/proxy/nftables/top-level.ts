/** Chains, sets and rules that kube-proxy writes whatever the cluster holds. (pkg/proxy/nftables: setupNFTables) */
import { formatAddress } from '@podwire/engine';
import type { IPFamily } from '../../objects/kube.ts';
import type { Problem } from '../../problem.ts';
import { nftablesIfNotLocal } from '../detect-local.ts';
import { isLoopback, tableFamily } from '../ip.ts';
import { ALWAYS, type ChainLine, type ElementLine, type RuleLine, type SetLine } from './lines.ts';
import type { NftablesSettings } from './settings.ts';

export const SETS = {
  hairpin: 'hairpin-connections',
  clusterIPs: 'cluster-ips',
  nodePortIPs: 'nodeport-ips',
  noEndpointServices: 'no-endpoint-services',
  noEndpointNodePorts: 'no-endpoint-nodeports',
  firewallIPs: 'firewall-ips',
  serviceIPs: 'service-ips',
  serviceNodePorts: 'service-nodeports',
} as const;

export const REJECT_CHAIN = 'reject-chain';

const DNAT = -100;
const SNAT = 100;
const FILTER = 0;

/** Sources are checked before the destination is translated, endpoints and what is left of cluster IPs after it. */
const BASE_CHAINS: readonly ChainLine[] = [
  { name: 'filter-prerouting-pre-dnat', hook: { type: 'filter', hook: 'prerouting', priority: DNAT - 10 } },
  { name: 'filter-output-pre-dnat', hook: { type: 'filter', hook: 'output', priority: DNAT - 10 } },
  { name: 'filter-input', hook: { type: 'filter', hook: 'input', priority: FILTER } },
  { name: 'filter-forward', hook: { type: 'filter', hook: 'forward', priority: FILTER } },
  { name: 'filter-output', hook: { type: 'filter', hook: 'output', priority: FILTER } },
  { name: 'nat-prerouting', hook: { type: 'nat', hook: 'prerouting', priority: DNAT } },
  { name: 'nat-output', hook: { type: 'nat', hook: 'output', priority: DNAT } },
  { name: 'nat-postrouting', hook: { type: 'nat', hook: 'postrouting', priority: SNAT } },
];

export const TOP_CHAINS: readonly ChainLine[] = [
  ...BASE_CHAINS,
  { name: 'nodeport-endpoints-check' },
  { name: 'service-endpoints-check' },
  { name: 'firewall-check' },
  { name: 'services' },
  { name: 'masquerading' },
  { name: 'cluster-ips-check' },
  { name: REJECT_CHAIN, comment: 'helper for @no-endpoint-services / @no-endpoint-nodeports' },
];

const rule = (chain: string, text: string, comment?: string): RuleLine => ({
  chain,
  text,
  ...(comment !== undefined && { comment }),
  cause: ALWAYS,
});

/** Out of the base chains; answers and what follows on a connection need no filter. */
const JUMPS: readonly RuleLine[] = [
  rule('filter-input', 'ct state new jump nodeport-endpoints-check'),
  rule('filter-input', 'ct state new jump service-endpoints-check'),
  rule('filter-forward', 'ct state new jump service-endpoints-check'),
  rule('filter-output', 'ct state new jump service-endpoints-check'),
  rule('filter-prerouting-pre-dnat', 'ct state new jump firewall-check'),
  rule('filter-output-pre-dnat', 'ct state new jump firewall-check'),
  rule('nat-output', 'jump services'),
  rule('nat-prerouting', 'jump services'),
  rule('nat-postrouting', 'jump masquerading'),
  rule('filter-forward', 'ct state new jump cluster-ips-check'),
  rule('filter-output', 'ct state new jump cluster-ips-check'),
];

const addressType = (family: IPFamily) => (family === 'IPv4' ? 'ipv4_addr' : 'ipv6_addr');

/** In the order in which they are made. */
export function topSets({ family, nodePortAddresses }: NftablesSettings): SetLine[] {
  const address = addressType(family);
  const set = (name: string, type: string[], comment: string, isMap = false): SetLine => ({
    name,
    type,
    comment,
    ...(isMap && { isMap }),
    cause: ALWAYS,
  });
  const service = [address, 'inet_proto', 'inet_service'];
  const port = ['inet_proto', 'inet_service'];
  const map = (name: string, type: string[], comment: string) => set(name, type, comment, true);
  const dropped = (what: string) => `vmap to drop or reject packets to ${what} with no endpoints`;
  return [
    set(SETS.hairpin, [address, ...service], 'service hairpin connections'),
    set(SETS.clusterIPs, [address], 'Active ClusterIPs'),
    ...(nodePortAddresses.matchAll ? [] : [set(SETS.nodePortIPs, [address], 'IPs that accept NodePort traffic')]),
    map(SETS.noEndpointServices, service, dropped('services')),
    map(SETS.noEndpointNodePorts, port, dropped('service nodeports')),
    map(SETS.firewallIPs, service, 'destinations that are subject to LoadBalancerSourceRanges'),
    map(SETS.serviceIPs, service, 'ClusterIP, ExternalIP and LoadBalancer IP traffic'),
    map(SETS.serviceNodePorts, port, 'NodePort traffic'),
  ];
}

/** Who once reached a service of its own has to be masked, lest the answer stay with it: clients outside, and everyone where told so. */
function clusterIPMasquerade({ family, masqueradeAll, masqueradeMark, localDetector }: NftablesSettings): RuleLine[] {
  const toClusterIP = `${tableFamily(family)} daddr @${SETS.clusterIPs}`;
  const mark = `mark set mark or ${masqueradeMark}`;
  if (masqueradeAll) return [rule('services', `${toClusterIP} ${mark}`, 'masquerade all clusterIP traffic')];
  const notLocal = nftablesIfNotLocal(localDetector);
  if (notLocal.length === 0) return [];
  const text = `${toClusterIP} ${notLocal.join(' ')} ${mark}`;
  return [rule('services', text, 'masquerade clusterIP traffic from outside cluster')];
}

/** The chain `services`, all that hangs on who is a local pod beside the chains of policy Local. */
export function servicesRules(settings: NftablesSettings): RuleLine[] {
  const { family, nodePortAddresses } = settings;
  const ip = tableFamily(family);
  const nodePorts = `meta l4proto . th dport vmap @${SETS.serviceNodePorts}`;
  return [
    ...clusterIPMasquerade(settings),
    rule('services', `${ip} daddr . meta l4proto . th dport vmap @${SETS.serviceIPs}`),
    rule(
      'services',
      nodePortAddresses.matchAll
        ? `fib daddr type local ${notLoopback(family)} ${nodePorts}`
        : `${ip} daddr @${SETS.nodePortIPs} ${nodePorts}`,
    ),
  ];
}

/** Node ports never work on loopback in this mode: it sets no `route_localnet`. */
const notLoopback = (family: IPFamily) => (family === 'IPv4' ? 'ip daddr != 127.0.0.0/8' : 'ip6 daddr != ::1');

/** Every rule of the chains that are always there, but those of `services`. */
export function topRules(settings: NftablesSettings): RuleLine[] {
  const { family, masqueradeMark: mark, nodePortAddresses, serviceCIDRs } = settings;
  const ip = tableFamily(family);
  const service = `${ip} daddr . meta l4proto . th dport vmap`;
  const nodePort = nodePortAddresses.matchAll ? notLoopback(family) : `${ip} daddr @${SETS.nodePortIPs}`;
  const ends = `${ip} saddr . ${ip} daddr . meta l4proto . th dport`;
  return [
    ...JUMPS,
    rule('nodeport-endpoints-check', `${nodePort} meta l4proto . th dport vmap @${SETS.noEndpointNodePorts}`),
    rule('service-endpoints-check', `${service} @${SETS.noEndpointServices}`),
    rule('firewall-check', `${service} @${SETS.firewallIPs}`),
    // The mark goes, lest the packet be masqueraded again when it passes the stack a second time.
    rule('masquerading', `mark and ${mark} != 0 mark set mark xor ${mark} masquerade fully-random`),
    // A client that is its own endpoint, lest the answer stay with it.
    rule('masquerading', `ct status dnat ${ends} @${SETS.hairpin} masquerade fully-random`),
    rule(
      'cluster-ips-check',
      `${ip} daddr @${SETS.clusterIPs} reject`,
      'Reject traffic to invalid ports of ClusterIPs',
    ),
    ...(serviceCIDRs === ''
      ? []
      : [rule('cluster-ips-check', `${ip} daddr { ${serviceCIDRs} } drop`, 'Drop traffic to unallocated ClusterIPs')]),
    rule(REJECT_CHAIN, 'reject'),
  ];
}

/** The node's addresses that serve node ports; none where all do, for which there is no set. */
export function nodePortElements(
  { family, nodePortAddresses }: NftablesSettings,
  interfaceAddresses: readonly string[],
  report: (problem: Problem) => void = () => {},
): ElementLine[] {
  if (nodePortAddresses.matchAll) return [];
  return nodePortAddresses.nodeIPs(interfaceAddresses).flatMap((address) => {
    const text = formatAddress(address);
    if (!isLoopback(address)) return { set: SETS.nodePortIPs, key: [text], cause: ALWAYS };
    report({
      severity: 'warning',
      code: 'node-port-loopback',
      message: `nodePortAddresses includes ${text}, but kube-proxy serves no node ports there in nftables mode${family === 'IPv6' ? ', as in any other' : ''}.`,
      field: 'nodePortAddresses',
    });
    return [];
  });
}
