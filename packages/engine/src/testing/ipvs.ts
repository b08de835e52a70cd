/** A node that balances for a client: what the tests of IPVS share. */
import { base, netns, rule, table, veth } from '../../reference/testing/network.ts';
import type { IpvsServer, IpvsService, Netns, Packet, Step, Table, Walk } from '../index.ts';
import { CtState, Disposition, Hook, Reason } from '../terms.ts';

export const told = ({ end }: Walk) => `${Disposition[end.disposition]} ${Reason[end.reason]} ${end.netns}`;
export const ends = ({ saddr, sport, daddr, dport }: Packet) => `${saddr}:${sport} > ${daddr}:${dport}`;
export const ipvsSteps = (walk: Walk) => walk.steps.filter((s): s is Step & { kind: 'ipvs' } => s.kind === 'ipvs');
export const how = (walk: Walk) =>
  ipvsSteps(walk).map((s) => `${Hook[s.hook]} ${s.how} ${s.server?.address ?? ''}`.trim());
export const hooksOf = (walk: Walk) =>
  walk.steps.flatMap((s) => (s.kind === 'chain' ? [`${s.netns.name} ${Hook[s.hook]} ${s.table.name}`] : []));

export const server = (address: string, more: Partial<IpvsServer> = {}): IpvsServer => ({
  address,
  port: 8080,
  method: 'masquerade',
  weight: 1,
  ...more,
});

export const service = (servers: IpvsServer[], more: Partial<IpvsService> = {}): IpvsService => ({
  protocol: 'tcp',
  address: '10.96.0.10',
  port: 80,
  scheduler: 'rr',
  servers,
  ...more,
});

export interface Setup {
  services: IpvsService[];
  sysctls?: Record<string, number>;
  netfilter?: Table[];
  rest?: Partial<Netns>;
}

const VIA_NODE = 'default via 192.168.0.1 dev eth0';

/** A client, a node with the virtual address 10.96.0.10 on kube-ipvs0, pods p1 and p2 on it, and p3 on another host. */
export function cluster({ services, sysctls = {}, netfilter = [], rest = {} }: Setup): Netns[] {
  const [a1, b1] = veth(['node', 'v1'], ['p1', 'eth0']);
  const [a2, b2] = veth(['node', 'v2'], ['p2', 'eth0']);
  const lan = { name: 'eth0', kind: 'device', segment: 'lan' } as const;
  const pod = (name: string, link: typeof b1, address: string, address6: string) =>
    netns(name, {
      links: [link],
      addresses: [`eth0 ${address}/32`, `eth0 ${address6}/128`],
      routes: [
        '169.254.1.1 dev eth0',
        'default via 169.254.1.1 dev eth0',
        'fd00:ffff::1 dev eth0',
        'default via fd00:ffff::1 dev eth0',
      ],
    });
  return [
    netns('client', {
      links: [lan],
      addresses: ['eth0 192.168.0.9/24', 'eth0 fd00:168::9/64'],
      routes: [VIA_NODE, 'default via fd00:168::1 dev eth0'],
    }),
    netns('node', {
      links: [lan, { name: 'kube-ipvs0', kind: 'dummy', up: false }, a1, a2],
      addresses: [
        'eth0 192.168.0.1/24',
        'eth0 fd00:168::1/64',
        'kube-ipvs0 10.96.0.10/32',
        'kube-ipvs0 fd00:96::10/128',
        'v1 169.254.1.1/32',
        'v2 169.254.1.1/32',
        'v1 fd00:ffff::1/128',
        'v2 fd00:ffff::1/128',
      ],
      routes: ['10.244.0.1 dev v1', '10.244.0.2 dev v2', 'fd00:244::1 dev v1', 'fd00:244::2 dev v2'],
      sysctls: { 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1, ...sysctls },
      netfilter,
      rest: { ipvs: services, ...rest },
    }),
    pod('p1', b1, '10.244.0.1', 'fd00:244::1'),
    pod('p2', b2, '10.244.0.2', 'fd00:244::2'),
    netns('p3', { links: [lan], addresses: ['eth0 192.168.0.3/24', 'lo 10.96.0.10/32'], routes: [VIA_NODE] }),
  ];
}

export const POD1 = server('10.244.0.1');
export const POD2 = server('10.244.0.2');
export const CONNTRACK = { 'net.ipv4.vs.conntrack': 1 };
/** What needs conntrack and NAT, and changes nothing. */
export const NAT = [
  table('nat', [base('nat', Hook.PREROUTING, []), base('nat', Hook.POSTROUTING, [])]),
  table('filter', [base('filter', Hook.FORWARD, [rule({ kind: 'state', states: CtState.INVALID }, { kind: 'drop' })])]),
];
export const MASQUERADE = (match: Parameters<typeof rule>[0][] = []) => [
  table('nat', [base('nat', Hook.POSTROUTING, [rule(...match, { kind: 'masquerade', range: {} })])]),
];
