/**
 * The iptables rules of IPVS mode. There are few, and they look into ipsets: which sets hold anything decides which rules there are.
 * (pkg/proxy/ipvs/proxier.go: writeIptablesRules, acceptIPVSTraffic, iptablesChains, iptablesJumpChain)
 */
import { iptablesIfNotLocal } from '../detect-local.ts';
import { acceptForwarded, masqueradeRules } from '../iptables/base-chains.ts';
import { ALWAYS, comment, type RuleLine, restoreLine } from '../iptables/rule-line.ts';
import type { ProxyCause } from '../proxy.ts';
import { SETS, type SetName, setName } from './names.ts';
import type { IpvsSettings } from './settings.ts';

type TableName = RuleLine['table'];

/** Chains that every sync writes anew, in the order of their `:chain` lines. */
export const TOP_LEVEL_CHAINS = {
  nat: ['KUBE-SERVICES', 'KUBE-POSTROUTING', 'KUBE-NODE-PORT', 'KUBE-LOAD-BALANCER', 'KUBE-MARK-MASQ'],
  filter: [
    'KUBE-FORWARD',
    'KUBE-NODE-PORT',
    'KUBE-PROXY-FIREWALL',
    'KUBE-SOURCE-RANGES-FIREWALL',
    'KUBE-IPVS-FILTER',
    'KUBE-IPVS-OUT-FILTER',
  ],
} as const;

function jump(table: TableName, from: string, to: string, text: string): RuleLine {
  return { table, chain: from, args: [...comment(text), '-j', to], cause: ALWAYS };
}

/** The jumps out of the built-in chains, in the order in which they stand there on a fresh node: kube-proxy puts each at the front. */
export const JUMPS: readonly RuleLine[] = [
  jump('filter', 'INPUT', 'KUBE-IPVS-FILTER', 'kubernetes ipvs access filter'),
  jump('filter', 'INPUT', 'KUBE-PROXY-FIREWALL', 'kube-proxy firewall rules'),
  jump('filter', 'INPUT', 'KUBE-NODE-PORT', 'kubernetes health check rules'),
  jump('filter', 'FORWARD', 'KUBE-PROXY-FIREWALL', 'kube-proxy firewall rules'),
  jump('filter', 'FORWARD', 'KUBE-FORWARD', 'kubernetes forwarding rules'),
  jump('filter', 'OUTPUT', 'KUBE-IPVS-OUT-FILTER', 'kubernetes ipvs access filter'),
  jump('nat', 'PREROUTING', 'KUBE-SERVICES', 'kubernetes service portals'),
  jump('nat', 'OUTPUT', 'KUBE-SERVICES', 'kubernetes service portals'),
  jump('nat', 'POSTROUTING', 'KUBE-POSTROUTING', 'kubernetes postrouting rules'),
];

/** The jumps as lines of iptables-restore's input. */
export function ipvsJumpLines(): { table: TableName; line: string }[] {
  return JUMPS.map((rule) => ({ table: rule.table, line: restoreLine(rule) }));
}

/** A load balancer's address that its own source ranges close to the node. */
export interface ClosedToNode {
  ip: string;
  /** Lower case. */
  protocol: string;
  port: number;
  cause: ProxyCause;
}

interface SetRule {
  set: SetName;
  table: TableName;
  chain: string;
  target: string;
  /** What of the packet is looked up. */
  sides: string;
  protocol?: string;
}

const nodePorts = (protocol: string, sides: string, local: SetName, all: SetName): SetRule[] => [
  { set: local, table: 'nat', chain: 'KUBE-NODE-PORT', target: 'RETURN', sides, protocol },
  { set: all, table: 'nat', chain: 'KUBE-NODE-PORT', target: 'KUBE-MARK-MASQ', sides, protocol },
];

/** Each is written if its set holds anything. */
const SET_RULES: readonly SetRule[] = [
  { set: 'KUBE-LOOP-BACK', table: 'nat', chain: 'KUBE-POSTROUTING', target: 'MASQUERADE', sides: 'dst,dst,src' },
  { set: 'KUBE-LOAD-BALANCER', table: 'nat', chain: 'KUBE-SERVICES', target: 'KUBE-LOAD-BALANCER', sides: 'dst,dst' },
  { set: 'KUBE-LOAD-BALANCER-LOCAL', table: 'nat', chain: 'KUBE-LOAD-BALANCER', target: 'RETURN', sides: 'dst,dst' },
  ...nodePorts('tcp', 'dst', 'KUBE-NODE-PORT-LOCAL-TCP', 'KUBE-NODE-PORT-TCP'),
  ...nodePorts('udp', 'dst', 'KUBE-NODE-PORT-LOCAL-UDP', 'KUBE-NODE-PORT-UDP'),
  ...nodePorts('sctp', 'dst,dst', 'KUBE-NODE-PORT-LOCAL-SCTP-HASH', 'KUBE-NODE-PORT-SCTP-HASH'),
  {
    set: 'KUBE-LOAD-BALANCER-FW',
    table: 'filter',
    chain: 'KUBE-PROXY-FIREWALL',
    target: 'KUBE-SOURCE-RANGES-FIREWALL',
    sides: 'dst,dst',
  },
  ...(['KUBE-LOAD-BALANCER-SOURCE-CIDR', 'KUBE-LOAD-BALANCER-SOURCE-IP'] as const).map(
    (set): SetRule => ({
      set,
      table: 'filter',
      chain: 'KUBE-SOURCE-RANGES-FIREWALL',
      target: 'RETURN',
      sides: 'dst,dst,src',
    }),
  ),
];

/** Whose range it is that a source is not in, the set knows. */
const GUARDED: ProxyCause = { kind: 'proxy', path: ['spec', 'loadBalancerSourceRanges'] };

/** @param filled Sets that hold anything. */
export function ipvsRules(
  settings: IpvsSettings,
  filled: ReadonlySet<SetName>,
  closed: readonly ClosedToNode[],
): RuleLine[] {
  const { family } = settings;
  const rules: RuleLine[] = [];
  const add = (table: TableName, chain: string, args: string[], cause: ProxyCause = ALWAYS) =>
    rules.push({ table, chain, args, cause });
  const match = (set: SetName, sides: string) => ['-m', 'set', '--match-set', setName(set, family), sides];
  const about = (set: SetName) => comment(SETS[set].comment);
  const nat = (chain: string, ...args: string[]) => add('nat', chain, args);
  const filter = (chain: string, ...args: string[]) => add('filter', chain, args);

  // What comes from loopback is left alone.
  nat('KUBE-SERVICES', '-s', family === 'IPv4' ? '127.0.0.0/8' : '::1/128', '-j', 'RETURN');
  for (const { set, table, chain, target, sides, protocol } of SET_RULES) {
    if (!filled.has(set)) continue;
    const only = protocol === undefined ? [] : ['-p', protocol];
    add(table, chain, [...only, ...about(set), ...match(set, sides), '-j', target]);
  }
  if (filled.has('KUBE-CLUSTER-IP')) {
    // Without a way to tell who is local, only what goes from one cluster IP to another is masqueraded: the node's own packets, for which
    // the kernel takes the address that it finds on the dummy link.
    const isBlind = !settings.masqueradeAll && settings.localDetector.kind === 'none';
    nat(
      'KUBE-SERVICES',
      ...about('KUBE-CLUSTER-IP'),
      ...match('KUBE-CLUSTER-IP', isBlind ? 'src,dst' : 'dst,dst'),
      ...(settings.masqueradeAll ? [] : iptablesIfNotLocal(settings.localDetector)),
      ...['-j', 'KUBE-MARK-MASQ'],
    );
  }
  for (const set of ['KUBE-EXTERNAL-IP', 'KUBE-EXTERNAL-IP-LOCAL'] as const) {
    if (!filled.has(set)) continue;
    const external = [...about(set), ...match(set, 'dst,dst')];
    if (set === 'KUBE-EXTERNAL-IP') nat('KUBE-SERVICES', ...external, '-j', 'KUBE-MARK-MASQ');
    const elsewhere = ['-m', 'physdev', '!', '--physdev-is-in', '-m', 'addrtype', '!', '--src-type', 'LOCAL'];
    nat('KUBE-SERVICES', ...external, ...elsewhere, '-j', 'ACCEPT');
    nat('KUBE-SERVICES', ...external, '-m', 'addrtype', '--dst-type', 'LOCAL', '-j', 'ACCEPT');
  }
  nat('KUBE-SERVICES', '-m', 'addrtype', '--dst-type', 'LOCAL', '-j', 'KUBE-NODE-PORT');
  nat('KUBE-LOAD-BALANCER', '-j', 'KUBE-MARK-MASQ');
  add('filter', 'KUBE-SOURCE-RANGES-FIREWALL', ['-j', 'DROP'], GUARDED);
  // The node's own packets to a load balancer's address come from that address. (kubernetes/kubernetes#119656)
  for (const { ip, protocol, port, cause } of closed) {
    const service = ['-m', 'ipvs', '--vaddr', ip, '--vproto', protocol, '--vport', String(port)];
    add('filter', 'KUBE-IPVS-OUT-FILTER', ['-s', ip, ...service, '-j', 'DROP'], cause);
  }
  for (const set of ['KUBE-CLUSTER-IP', 'KUBE-LOAD-BALANCER'] as const) {
    if (filled.has(set)) nat('KUBE-SERVICES', ...match(set, 'dst,dst'), '-j', 'ACCEPT');
  }
  rules.push(...acceptForwarded(settings));
  const healthCheck = match('KUBE-HEALTH-CHECK-NODE-PORT', 'dst');
  filter('KUBE-NODE-PORT', ...about('KUBE-HEALTH-CHECK-NODE-PORT'), ...healthCheck, '-j', 'ACCEPT');
  // What listens on the node is not to be had by a Service's address. (kubernetes/kubernetes#72236)
  for (const set of ['KUBE-LOAD-BALANCER', 'KUBE-CLUSTER-IP', 'KUBE-EXTERNAL-IP', 'KUBE-EXTERNAL-IP-LOCAL'] as const) {
    filter('KUBE-IPVS-FILTER', ...match(set, 'dst,dst'), '-j', 'RETURN');
  }
  filter('KUBE-IPVS-FILTER', ...healthCheck, '-j', 'RETURN');
  const isNew = ['-m', 'conntrack', '--ctstate', 'NEW'];
  filter('KUBE-IPVS-FILTER', ...isNew, ...match('KUBE-IPVS-IPS', 'dst'), '-j', 'REJECT');
  rules.push(...masqueradeRules(settings));
  return rules;
}

/** What kube-proxy feeds to `iptables-restore --noflush --counters`, byte for byte. */
export function ipvsRestoreText(rules: readonly RuleLine[]): string {
  const table = (name: TableName) => [
    `*${name}`,
    ...TOP_LEVEL_CHAINS[name].map((chain) => `:${chain} - [0:0]`),
    ...rules.filter((rule) => rule.table === name).map(restoreLine),
    'COMMIT',
  ];
  return `${[...table('nat'), ...table('filter')].join('\n')}\n`;
}
