/** Networks in which rules below IP, and of IPv6's neighbour discovery, decide who finds whom. */
import type { Link, Netns } from '@podwire/engine';
import { host, plugged, wire } from '../links/topology.ts';

export type Tool = 'nft' | 'ebtables' | 'arptables';

/** Rules of one network namespace, as the tool's own restore program reads them. */
export interface Rules {
  netns: string;
  tool: Tool;
  text: string;
}

export interface Scene {
  name: string;
  netnses: Netns[];
  rules: Rules[];
  asks: { from: string; to: string }[];
}

/** `a b 10.0.0.2`: a asks for the address. */
const asks = (...texts: string[]) =>
  texts.map((text) => {
    const [from = '', to = ''] = text.split(' ');
    return { from, to };
  });

const nft = (netns: string, text: string): Rules => ({ netns, tool: 'nft', text });
const ebtables = (netns: string, text: string): Rules => ({ netns, tool: 'ebtables', text });
const arptables = (netns: string, text: string): Rules => ({ netns, tool: 'arptables', text });

/** Two hosts on one segment. */
const pair = (sysctls: Record<string, number> = {}): Netns[] => [
  host('a', { links: [plugged('eth0', 'lan')], addresses: ['eth0 10.0.0.1/24', 'eth0 fd00::1/64'], sysctls }),
  host('b', { links: [plugged('eth0', 'lan')], addresses: ['eth0 10.0.0.2/24', 'eth0 fd00::2/64'], sysctls }),
];

/** A router between two segments. */
const routed = (): Netns[] => [
  host('a', {
    links: [plugged('eth0', 'lan')],
    addresses: ['eth0 10.0.0.1/24', 'eth0 fd00::1/64'],
    routes: ['default eth0 via 10.0.0.254', 'default eth0 via fd00::254'],
  }),
  host('r', {
    links: [plugged('eth0', 'lan'), plugged('eth1', 'wan')],
    addresses: ['eth0 10.0.0.254/24', 'eth0 fd00::254/64', 'eth1 10.1.0.254/24', 'eth1 fd01::254/64'],
    sysctls: { 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 },
  }),
  host('b', {
    links: [plugged('eth0', 'wan')],
    addresses: ['eth0 10.1.0.2/24', 'eth0 fd01::2/64'],
    routes: ['default eth0 via 10.1.0.254', 'default eth0 via fd01::254'],
  }),
];

/** Two hosts behind the ports of a bridge, which has addresses of its own. */
function bridged(bridgeNf: number): Netns[] {
  const [a, portA] = wire({ netns: 'a', link: 'eth0' }, { netns: 's', link: 'p1' });
  const [b, portB] = wire({ netns: 'b', link: 'eth0' }, { netns: 's', link: 'p2' });
  const bridge: Link = { name: 'br0', kind: 'bridge', mac: '02:bb:00:00:00:01' };
  const calls = { 'net.bridge.bridge-nf-call-iptables': bridgeNf, 'net.bridge.bridge-nf-call-ip6tables': bridgeNf };
  return [
    host('a', {
      links: [{ ...a, mac: '02:bb:00:00:00:0a' }],
      addresses: ['eth0 10.0.0.1/24', 'eth0 fd00::1/64'],
    }),
    host('s', {
      links: [bridge, { ...portA, master: 'br0' }, { ...portB, master: 'br0' }],
      addresses: ['br0 10.0.0.9/24', 'br0 fd00::9/64'],
      sysctls: calls,
    }),
    host('b', {
      links: [{ ...b, mac: '02:bb:00:00:00:0b' }],
      addresses: ['eth0 10.0.0.2/24', 'eth0 fd00::2/64'],
    }),
  ];
}

const both = asks('a 10.0.0.2', 'b 10.0.0.1');
const both6 = asks('a fd00::2', 'b fd00::1');
const acrossBridge = asks(
  'a 10.0.0.2',
  'a fd00::2',
  'b 10.0.0.1',
  'a 10.0.0.9',
  'a fd00::9',
  's 10.0.0.2',
  's fd00::2',
);

const chain = (family: string, hook: string, rules: string, policy = 'accept') =>
  `table ${family} t {\n chain c {\n  type filter hook ${hook} priority 0; policy ${policy};\n${rules}\n }\n}\n`;
const save = (table: string, chains: string, rules: string) => `*${table}\n${chains}\n${rules}\n`;
const EB_FILTER = ':INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT';
const EB_NAT = ':PREROUTING ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT';
const ARP_FILTER = ':INPUT ACCEPT\n:OUTPUT ACCEPT';

const DISCOVERY = 'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept';

export const scenes: readonly Scene[] = [
  {
    name: 'arp: questions dropped at INPUT; who asks himself is known by that',
    netnses: pair(),
    rules: [nft('b', chain('arp', 'input', '  arp operation request drop'))],
    asks: both,
  },
  {
    name: 'arp: answers dropped at INPUT of who asked',
    netnses: pair(),
    rules: [nft('a', chain('arp', 'input', '  arp operation reply arp saddr ip 10.0.0.2 drop'))],
    asks: both,
  },
  {
    name: 'arp: answers dropped at OUTPUT',
    netnses: pair(),
    rules: [nft('b', chain('arp', 'output', '  oifname "eth0" arp operation reply drop'))],
    asks: both,
  },
  {
    name: 'arp: a policy, with an exception by link-layer address',
    netnses: bridged(0),
    rules: [nft('b', chain('arp', 'input', '  arp saddr ether 02:bb:00:00:00:0a accept', 'drop'))],
    asks: asks('a 10.0.0.2', 's 10.0.0.2', 'b 10.0.0.9'),
  },
  {
    name: 'arp: rules on the router see both of its sides',
    netnses: routed(),
    rules: [nft('r', chain('arp', 'output', '  arp daddr ip 10.1.0.2 drop'))],
    asks: asks('a 10.1.0.2', 'b 10.0.0.1', 'a 10.0.0.254', 'r 10.1.0.2'),
  },
  {
    name: 'arptables: nobody hears of an address',
    netnses: pair(),
    rules: [arptables('b', save('filter', ARP_FILTER, '-A INPUT -j DROP -d 10.0.0.2 --opcode 1'))],
    asks: both,
  },
  {
    name: 'arptables: the sender is written over',
    netnses: [
      host('a', { links: [plugged('eth0', 'lan')], addresses: ['eth0 10.0.0.1/24'] }),
      host('b', {
        links: [plugged('eth0', 'lan'), { name: 'br1', kind: 'bridge' }],
        addresses: ['eth0 10.0.0.2/24', 'br1 10.0.0.50/32'],
      }),
    ],
    rules: [arptables('b', save('filter', ARP_FILTER, '-A OUTPUT -j mangle -s 10.0.0.50 --mangle-ip-s 10.0.0.2'))],
    asks: asks('a 10.0.0.50', 'a 10.0.0.2', 'b 10.0.0.1'),
  },
  {
    name: 'arp and nft: nothing else is touched',
    netnses: pair(),
    rules: [nft('b', chain('arp', 'input', '  arp htype != 1 drop\n  arp plen != 4 drop\n  ether type != arp drop'))],
    asks: both,
  },
  {
    name: 'netdev: ARP dropped at ingress and egress',
    netnses: pair(),
    rules: [nft('b', chain('netdev', 'ingress device "eth0"', '  ether type arp drop'))],
    asks: [...both, ...both6],
  },
  {
    name: 'netdev: broadcasts dropped at egress',
    netnses: pair(),
    rules: [nft('a', chain('netdev', 'egress device "eth0"', '  ether daddr ff:ff:ff:ff:ff:ff drop'))],
    asks: [...both, ...both6],
  },
  {
    name: 'ip6: everything but TCP and UDP dropped at INPUT',
    netnses: pair(),
    rules: [nft('b', chain('ip6', 'input', '  meta l4proto { tcp, udp } accept', 'drop'))],
    asks: [...both6, ...both],
  },
  {
    name: 'ip6: a policy of drop that lets neighbours be found',
    netnses: pair(),
    rules: [nft('b', chain('ip6', 'input', `  ${DISCOVERY}\n  meta l4proto tcp accept`, 'drop'))],
    asks: both6,
  },
  {
    name: 'ip6: advertisements dropped at OUTPUT',
    netnses: pair(),
    rules: [nft('b', chain('inet', 'output', '  icmpv6 type nd-neighbor-advert drop'))],
    asks: both6,
  },
  {
    name: 'ip6: solicitations dropped at POSTROUTING',
    netnses: pair(),
    rules: [nft('a', chain('ip6', 'postrouting', '  ip6 daddr ff02::/16 icmpv6 type nd-neighbor-solicit drop'))],
    asks: both6,
  },
  {
    name: 'ip6: dropped before routing, by group',
    netnses: pair(),
    rules: [nft('b', chain('ip6', 'prerouting', '  ip6 daddr ff02::1:ff00:2 drop'))],
    asks: both6,
  },
  {
    name: 'ip6: what was invalid to conntrack; neighbour discovery is not tracked',
    netnses: pair(),
    rules: [nft('b', chain('ip6', 'input', '  ct state untracked drop\n  ct state new accept'))],
    asks: both6,
  },
  {
    name: 'ip6: conntrack lets pass what is untracked',
    netnses: pair(),
    rules: [
      nft(
        'b',
        chain(
          'ip6',
          'input',
          '  ct state invalid drop\n  ct state untracked accept\n  ct state new,established accept',
          'drop',
        ),
      ),
    ],
    asks: both6,
  },
  {
    name: 'ip6: a hop limit that is written over is none of this link',
    netnses: pair(),
    rules: [nft('a', chain('ip6', 'postrouting', '  ip6 hoplimit set 64'))],
    asks: both6,
  },
  {
    name: 'ip6: the router asks by its own address',
    netnses: routed(),
    rules: [nft('b', chain('ip6', 'input', '  icmpv6 type nd-neighbor-solicit ip6 saddr fe80::/10 drop'))],
    asks: asks('a fd01::2', 'r fd01::2', 'b fd00::1'),
  },
  {
    name: 'bridge: ARP dropped between ports',
    netnses: bridged(0),
    rules: [nft('s', chain('bridge', 'forward', '  ether type arp drop'))],
    asks: acrossBridge,
  },
  {
    name: 'bridge: answers dropped by port and address',
    netnses: bridged(1),
    rules: [nft('s', chain('bridge', 'forward', '  iifname "p2" arp operation reply arp saddr ip 10.0.0.2 drop'))],
    asks: acrossBridge,
  },
  {
    name: 'bridge: what goes up is dropped',
    netnses: bridged(0),
    rules: [nft('s', chain('bridge', 'input', '  meta protocol arp drop\n  icmpv6 type nd-neighbor-solicit drop'))],
    asks: acrossBridge,
  },
  {
    name: 'bridge: what the bridge itself asks is dropped',
    netnses: bridged(0),
    rules: [
      nft('s', chain('bridge', 'output', '  ether daddr ff:ff:ff:ff:ff:ff drop\n  ether daddr 33:33:ff:00:00:02 drop')),
    ],
    asks: acrossBridge,
  },
  {
    name: 'bridge netfilter: IPv6 filtered between ports',
    netnses: bridged(1),
    rules: [nft('s', chain('ip6', 'forward', '  meta l4proto { tcp, udp } accept', 'drop'))],
    asks: acrossBridge,
  },
  {
    name: 'ebtables: ARP for one address, and broadcasts of IPv4',
    netnses: bridged(0),
    rules: [
      ebtables('s', save('filter', EB_FILTER, '-A FORWARD -p ARP --arp-op Request --arp-ip-dst 10.0.0.2 -j DROP')),
    ],
    asks: acrossBridge,
  },
  {
    name: 'ebtables: a policy with exceptions by protocol',
    netnses: bridged(0),
    rules: [
      ebtables(
        's',
        save(
          'filter',
          EB_FILTER.replace('FORWARD ACCEPT', 'FORWARD DROP'),
          '-A FORWARD -p ARP -j ACCEPT\n-A FORWARD -p IPv4 --ip-proto tcp -j ACCEPT',
        ),
      ),
    ],
    asks: acrossBridge,
  },
  {
    name: 'ebtables: IPv6 ports, types, masks of link-layer addresses',
    netnses: bridged(0),
    rules: [
      ebtables(
        's',
        save(
          'filter',
          `${EB_FILTER}\n:own RETURN`,
          '-A FORWARD -p IPv6 --ip6-proto udp --ip6-dport 9090 -j own\n-A FORWARD -s 02:bb:00:00:00:00/ff:ff:ff:ff:ff:f0 -p IPv4 --ip-proto udp -j DROP\n-A INPUT -p IPv6 --ip6-proto ipv6-icmp --ip6-icmp-type 135 -j DROP\n-A own -j DROP',
        ),
      ),
    ],
    asks: acrossBridge,
  },
  {
    name: 'ebtables: frames sent to another link-layer address',
    netnses: bridged(0),
    rules: [
      ebtables(
        's',
        save(
          'nat',
          EB_NAT,
          '-A PREROUTING -p IPv4 --ip-dst 10.0.0.2 -j dnat --to-dst 02:bb:00:00:00:0c --dnat-target ACCEPT',
        ),
      ),
    ],
    asks: asks('a 10.0.0.2', 'b 10.0.0.1', 'a fd00::2'),
  },
  {
    name: 'ebtables: frames taken up by the bridge, and routed there',
    netnses: bridged(0).map((netns) =>
      netns.name === 's' ? { ...netns, sysctls: { ...netns.sysctls, 'net.ipv4.ip_forward': 1 } } : netns,
    ),
    rules: [
      ebtables('s', save('nat', EB_NAT, '-A PREROUTING -p IPv4 --ip-proto udp -j redirect --redirect-target ACCEPT')),
    ],
    asks: asks('a 10.0.0.2', 'b 10.0.0.1'),
  },
  {
    name: 'ebtables: lists of link-layer addresses',
    netnses: bridged(0),
    rules: [
      ebtables('s', save('filter', EB_FILTER, '-A FORWARD --among-src 2:bb:0:0:0:a,2:bb:0:0:0:c -p IPv4 -j DROP')),
    ],
    asks: acrossBridge,
  },
];
