/** Networks of links that this kernel has too, and who asks whom. */
import { Hook, type Link, type Network, type Rule, type Table } from '@podwire/engine';
import { ANY_MAC, host, plugged, wire } from './topology.ts';

export interface Scene {
  name: string;
  network: Network;
  asks: { from: string; to: string }[];
}

const ask = (from: string, ...to: string[]) => to.map((daddr) => ({ from, to: daddr }));

/** A filter table whose one chain has these rules. */
const filter = (hook: Hook, rules: Rule[]): Table => ({
  family: 'ip',
  name: 'filter',
  chains: [{ name: Hook[hook], hook: { hook, priority: 0, type: 'filter', policy: 'accept' }, rules }],
});

const dropUdp = (port: number): Rule => ({
  body: [{ kind: 'protocol', protocol: 17 }, { kind: 'udp', dport: { from: port, to: port } }, { kind: 'drop' }],
});

const vxlan = (more: Link['tunnel'] = {}, rest: Partial<Link> = {}): Link => ({
  name: 'vx0',
  kind: 'vxlan',
  mtu: 1450,
  tunnel: { id: 42, port: 4789, ...more },
  ...rest,
});

/** Nodes on one switch whose tunnel ends flood to each other. */
function nodes(
  count: number,
  more: (n: number) => { netfilter?: Table[]; tunnel?: Link['tunnel']; link?: Partial<Link> } = () => ({}),
): Network {
  const all = Array.from({ length: count }, (_, i) => i + 1);
  return {
    netnses: all.map((n) => {
      const { netfilter = [], tunnel = {}, link = {} } = more(n);
      return host(`n${n}`, {
        links: [plugged('eth0', 'lan'), vxlan({ local: `10.0.0.${n}`, ...tunnel }, link)],
        addresses: [`eth0 10.0.0.${n}/24`, `vx0 10.9.0.${n}/24`, `vx0 fd09::${n}/64`],
        fdb: all.filter((m) => m !== n).map((m) => ({ mac: ANY_MAC, link: 'vx0', dst: `10.0.0.${m}` })),
        rest: { netfilter },
      });
    }),
  };
}

/** Two macvlan devices of one lower link in two namespaces, a third on another host of the segment. */
function macvlans(one: string, two: string): Network {
  const child = (mode: string): Link => ({
    name: 'mv0',
    kind: 'macvlan',
    mode,
    lower: { netns: 'node', link: 'eth0' },
  });
  return {
    netnses: [
      host('node', { links: [plugged('eth0', 'lan')], addresses: ['eth0 10.0.0.1/24'] }),
      host('pod1', { links: [child(one)], addresses: ['mv0 10.0.0.11/24', 'mv0 fd00::11/64'] }),
      host('pod2', { links: [child(two)], addresses: ['mv0 10.0.0.12/24', 'mv0 fd00::12/64'] }),
      host('far', { links: [plugged('eth0', 'lan')], addresses: ['eth0 10.0.0.2/24', 'eth0 fd00::2/64'] }),
    ],
  };
}

const macvlanAsks = [
  ...ask('pod1', '10.0.0.12', 'fd00::12', '10.0.0.1', '10.0.0.2', 'fd00::2'),
  ...ask('node', '10.0.0.11'),
  ...ask('far', '10.0.0.11', '10.0.0.1', 'fd00::12'),
];

/** Pods behind bridges of two nodes, the bridges joined by VXLAN. */
function bridged(): Network {
  const node = (n: number) => {
    const [inside, port] = wire({ netns: `pod${n}`, link: 'eth0' }, { netns: `n${n}`, link: 'veth0' });
    return [
      host(`n${n}`, {
        links: [
          plugged('eth0', 'lan'),
          { name: 'br0', kind: 'bridge' },
          vxlan({ local: `10.0.0.${n}` }, { master: 'br0' }),
          { ...port, master: 'br0' },
        ],
        addresses: [`eth0 10.0.0.${n}/24`, `br0 10.1.0.${n}/24`],
        fdb: [{ mac: ANY_MAC, link: 'vx0', dst: `10.0.0.${3 - n}` }],
      }),
      host(`pod${n}`, { links: [inside], addresses: [`eth0 10.1.0.1${n}/24`] }),
    ];
  };
  return { netnses: [...node(1), ...node(2)] };
}

/** Flannel's shape: routes by the other nodes' tunnel ends, static neighbours and entries. */
function routed(): Network {
  const node = (n: number) => {
    const m = 3 - n;
    const [inside, port] = wire({ netns: `pod${n}`, link: 'eth0' }, { netns: `n${n}`, link: 'veth0' });
    const mac = (i: number) => `02:bb:00:00:00:0${i}`;
    return [
      host(`n${n}`, {
        links: [
          plugged('eth0', 'lan'),
          vxlan({ local: `10.0.0.${n}`, dev: 'eth0', learning: false }, { mac: mac(n) }),
          port,
        ],
        addresses: [`eth0 10.0.0.${n}/24`, `vx0 10.1.${n}.0/32`, `veth0 10.1.${n}.1/24`],
        routes: [`10.1.${m}.0/32 vx0`, `10.1.${m}.0/24 vx0 via 10.1.${m}.0`],
        fdb: [{ mac: mac(m), link: 'vx0', dst: `10.0.0.${m}` }],
        sysctls: { 'net.ipv4.ip_forward': 1 },
        rest: { neighbors: [{ link: 'vx0', address: `10.1.${m}.0`, lladdr: mac(m) }] },
      }),
      host(`pod${n}`, {
        links: [inside],
        addresses: [`eth0 10.1.${n}.2/24`],
        routes: [`default eth0 via 10.1.${n}.1`],
      }),
    ];
  };
  return { netnses: [...node(1), ...node(2)] };
}

/** A mangle table of chains. */
const mangle = (...chains: [hook: Hook, rules: Rule[]][]): Table => ({
  family: 'ip',
  name: 'mangle',
  chains: chains.map(([hook, rules]) => ({
    name: Hook[hook],
    hook: { hook, priority: -150, type: hook === Hook.OUTPUT ? 'route' : 'filter', policy: 'accept' },
    rules,
  })),
});

/** A tunnel end in a pod whose outer packets another namespace routes. */
function moved(): Network {
  return {
    netnses: [
      host('under', { links: [plugged('eth0', 'lan')], addresses: ['eth0 10.0.0.1/24'] }),
      host('over', {
        links: [vxlan({ local: '10.0.0.1', underlay: 'under' })],
        addresses: ['vx0 10.9.0.1/24'],
        fdb: [{ mac: ANY_MAC, link: 'vx0', dst: '10.0.0.2' }],
      }),
      host('n2', {
        links: [plugged('eth0', 'lan'), vxlan({ local: '10.0.0.2' })],
        addresses: ['eth0 10.0.0.2/24', 'vx0 10.9.0.2/24'],
        fdb: [{ mac: ANY_MAC, link: 'vx0', dst: '10.0.0.1' }],
      }),
    ],
  };
}

/** Static neighbours: what the underlay's rules do to the question for a neighbour does not matter. */
function withNeighbors(network: Network): Network {
  const macs = network.netnses.map(({ links }) => links.find(({ name }) => name === 'vx0')?.mac ?? '');
  return {
    netnses: network.netnses.map((netns) => ({
      ...netns,
      neighbors: macs.map((lladdr, i) => ({ link: 'vx0', address: `10.9.0.${i + 1}`, lladdr })),
    })),
  };
}

const mark = (value: number): Rule => ({ body: [{ kind: 'set-mark', value, mask: 0xffffffff }] });
const dropMarked = (value: number): Rule => ({ body: [{ kind: 'mark', value, mask: 0xffffffff }, { kind: 'drop' }] });

/** Two ports of a bridge that do not hear each other, and a bridge that may answer for both. */
function isolated(sysctls: Record<string, number>): Network {
  const pod = (n: number) => wire({ netns: `pod${n}`, link: 'eth0' }, { netns: 'node', link: `veth${n}` });
  const ends = [pod(1), pod(2)];
  return {
    netnses: [
      host('node', {
        links: [
          { name: 'br0', kind: 'bridge' },
          ...ends.map(([, port]) => ({ ...port, master: 'br0', isolated: true })),
        ],
        addresses: ['br0 10.0.0.254/24'],
        sysctls: { 'net.ipv4.ip_forward': 1, ...sysctls },
      }),
      ...ends.map(([inside], i) => host(`pod${i + 1}`, { links: [inside], addresses: [`eth0 10.0.0.${i + 1}/24`] })),
    ],
  };
}

/** Packets from an address that the other side has no way back to, and validates. */
function announcing(sysctls: Record<string, number>): Network {
  const end = (name: string, n: number, more: { addresses?: string[]; sysctls?: Record<string, number> } = {}) =>
    host(name, {
      links: [plugged('eth0', 'lan')],
      addresses: [`eth0 10.0.0.${n}/24`, ...(more.addresses ?? [])],
      sysctls: more.sysctls ?? {},
    });
  const a = end('a', 1, { addresses: ['lo 10.8.8.8/32'], sysctls });
  const [table] = a.tables;
  const own = {
    family: 4 as const,
    type: 'unicast' as const,
    destination: '10.0.0.2/32',
    prefsrc: '10.8.8.8',
    nexthops: [{ dev: 'eth0' }],
  };
  return {
    netnses: [
      { ...a, tables: [{ id: 254, routes: [...(table?.routes ?? []), own] }] },
      end('b', 2, { sysctls: { 'net.ipv4.conf.all.rp_filter': 1, 'net.ipv4.conf.eth0.rp_filter': 1 } }),
    ],
  };
}

/** A host with two links in one segment, which answers on both for the addresses of both (ARP flux), unless it filters. */
function twice(sysctls: Record<string, number>): Network {
  return {
    netnses: [
      host('a', { links: [plugged('eth0', 'lan')], addresses: ['eth0 10.0.0.9/24', 'eth0 10.1.0.9/24'] }),
      host('b', {
        links: [plugged('eth0', 'lan'), plugged('eth1', 'other')],
        addresses: ['eth0 10.1.0.2/24', 'eth1 10.0.0.2/24'],
        sysctls,
      }),
    ],
  };
}

const neighborScenes: Scene[] = [
  ...[{}, { 'net.ipv4.conf.eth0.arp_filter': 1 }, { 'net.ipv4.conf.all.arp_filter': 1 }].map((sysctls, i) => ({
    name: `arp_filter ${['off', 'of the link', 'of all'][i]}`,
    network: twice(sysctls),
    asks: ask('a', '10.0.0.2', '10.1.0.2'),
  })),
  ...[{}, { 'net.ipv4.conf.br0.proxy_arp_pvlan': 1 }, { 'net.ipv4.conf.all.proxy_arp_pvlan': 1 }].map((sysctls, i) => ({
    name: `proxy_arp_pvlan ${['off', 'of the link', 'of all'][i]}`,
    network: isolated(sysctls),
    asks: ask('pod1', '10.0.0.2', '10.0.0.254', '10.0.0.9'),
  })),
  ...[0, 1, 2].flatMap((value) =>
    ['all', 'eth0'].map((where) => ({
      name: `arp_announce ${value} of ${where}`,
      network: announcing({ [`net.ipv4.conf.${where}.arp_announce`]: value }),
      asks: ask('a', '10.0.0.2'),
    })),
  ),
];

export const scenes: Scene[] = [
  ...neighborScenes,
  { name: 'VXLAN floods and finds', network: nodes(3), asks: ask('n1', '10.9.0.2', '10.9.0.3', 'fd09::2', '10.9.0.9') },
  {
    name: 'VXLAN: another number, another port',
    network: nodes(3, (n) => ({ tunnel: n === 2 ? { id: 43 } : n === 3 ? { port: 4790 } : {} })),
    asks: ask('n1', '10.9.0.2', '10.9.0.3'),
  },
  {
    name: 'VXLAN: the outer packet meets INPUT at the other end',
    network: withNeighbors(nodes(2, (n) => (n === 2 ? { netfilter: [filter(Hook.INPUT, [dropUdp(4789)])] } : {}))),
    asks: ask('n1', '10.9.0.2'),
  },
  {
    name: 'VXLAN: the outer packet meets OUTPUT',
    network: withNeighbors(nodes(2, (n) => (n === 1 ? { netfilter: [filter(Hook.OUTPUT, [dropUdp(4789)])] } : {}))),
    asks: ask('n1', '10.9.0.2'),
  },
  {
    name: 'VXLAN: the other end is down',
    network: withNeighbors(nodes(2, (n) => (n === 2 ? { link: { up: false } } : {}))),
    asks: ask('n1', '10.9.0.2'),
  },
  {
    name: 'VXLAN: no way to the other end',
    network: withNeighbors(nodes(1)),
    asks: ask('n1', '10.9.0.2'),
  },
  {
    name: 'VXLAN: the inner mark is the outer one',
    network: withNeighbors(
      nodes(2, (n) =>
        n === 1
          ? {
              netfilter: [
                mangle(
                  [Hook.OUTPUT, [{ body: [{ kind: 'daddr', prefix: '10.9.0.2/32' }, ...mark(7).body] }]],
                  [Hook.POSTROUTING, [{ body: [{ kind: 'oif', name: 'eth0' }, ...dropMarked(7).body] }]],
                ),
              ],
            }
          : {},
      ),
    ),
    asks: ask('n1', '10.9.0.2', '10.0.0.2'),
  },
  {
    name: 'VXLAN: a mark of the outer packet stays on the inner one',
    network: withNeighbors(
      nodes(2, (n) =>
        n === 2
          ? {
              netfilter: [
                mangle(
                  [Hook.PREROUTING, [{ body: [{ kind: 'iif', name: 'eth0' }, ...mark(7).body] }]],
                  [Hook.INPUT, [{ body: [{ kind: 'iif', name: 'vx0' }, ...dropMarked(7).body] }]],
                ),
              ],
            }
          : {},
      ),
    ),
    asks: ask('n1', '10.9.0.2', '10.0.0.2'),
  },
  {
    name: 'VXLAN over IPv6',
    network: {
      netnses: [1, 2].map((n) =>
        host(`n${n}`, {
          links: [plugged('eth0', 'lan'), vxlan({ local: `fd00::${n}`, remote: `fd00::${3 - n}` }, { mtu: 1430 })],
          addresses: [`eth0 fd00::${n}/64`, `vx0 10.9.0.${n}/24`, `vx0 fd09::${n}/64`],
        }),
      ),
    },
    asks: ask('n1', '10.9.0.2', 'fd09::2', '10.9.0.9'),
  },
  {
    name: 'VXLAN: one number and port over IPv4 and over IPv6',
    network: {
      netnses: [1, 2].map((n) =>
        host(`n${n}`, {
          links: [
            plugged('eth0', 'lan'),
            vxlan({ local: `10.0.0.${n}`, remote: `10.0.0.${3 - n}` }),
            vxlan(
              { local: `fd00::${n}`, remote: `fd00::${3 - n}` },
              { name: 'vx6', mtu: 1430, mac: `02:bb:00:00:06:0${n}` },
            ),
          ],
          addresses: [`eth0 10.0.0.${n}/24`, `eth0 fd00::${n}/64`, `vx0 10.9.0.${n}/24`, `vx6 10.8.0.${n}/24`],
          rest: { neighbors: [{ link: 'vx6', address: `10.8.0.${3 - n}`, lladdr: `02:bb:00:00:06:0${3 - n}` }] },
        }),
      ),
    },
    asks: ask('n1', '10.9.0.2', '10.8.0.2'),
  },
  {
    name: 'VXLAN ports of bridges',
    network: bridged(),
    asks: [...ask('pod1', '10.1.0.12', '10.1.0.2'), ...ask('n2', '10.1.0.11', '10.1.0.1')],
  },
  {
    name: 'VXLAN with static entries, routed',
    network: routed(),
    asks: [...ask('pod1', '10.1.2.2', '10.1.2.1'), ...ask('n2', '10.1.1.2')],
  },
  {
    name: 'VXLAN in a namespace of its own',
    network: moved(),
    asks: [...ask('over', '10.9.0.2', '10.0.0.2'), ...ask('n2', '10.9.0.1')],
  },
  ...(['bridge', 'private', 'vepa'] as const).flatMap((one) =>
    (['bridge', 'private', 'vepa'] as const).map((two) => ({
      name: `macvlan ${one} and ${two}`,
      network: macvlans(one, two),
      asks: macvlanAsks,
    })),
  ),
  {
    name: 'macvlan passthru',
    network: {
      netnses: [
        host('node', {
          links: [plugged('eth0', 'lan', { mac: '02:aa:00:00:01:01' })],
          addresses: ['eth0 10.0.0.1/24'],
        }),
        host('pod', {
          links: [
            {
              name: 'mv0',
              kind: 'macvlan',
              mode: 'passthru',
              lower: { netns: 'node', link: 'eth0' },
              mac: '02:aa:00:00:01:01',
            },
          ],
          addresses: ['mv0 10.0.0.11/24'],
        }),
        host('far', { links: [plugged('eth0', 'lan')], addresses: ['eth0 10.0.0.2/24'] }),
      ],
    },
    asks: [...ask('pod', '10.0.0.2'), ...ask('far', '10.0.0.11', '10.0.0.1'), ...ask('node', '10.0.0.2')],
  },
  {
    name: 'macvlan over a link that is down',
    network: (() => {
      const { netnses } = macvlans('bridge', 'bridge');
      return {
        netnses: netnses.map((n) =>
          n.name === 'node' ? { ...n, links: n.links.map((l) => ({ ...l, up: false })), tables: [] } : n,
        ),
      };
    })(),
    asks: [...ask('pod1', '10.0.0.2', '10.0.0.12'), ...ask('far', '10.0.0.11')],
  },
];
