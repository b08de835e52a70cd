/** Tunnels on both machines: what the kernel's source and the RFCs say. VXLAN is judged by the kernel (conformance). */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { createReference } from '../reference/index.ts';
import { base, netns, network, packet, route, rule, table } from '../reference/testing/network.ts';
import { createEngine } from './engine.ts';
import type { Link, Tunnel } from './link.ts';
import type { Machine } from './machine.ts';
import type { Netns } from './network.ts';
import type { Packet } from './packet.ts';
import { Disposition, Hook, Protocol, Reason } from './terms.ts';
import type { Step, Walk } from './walk.ts';

const wasm = new Uint8Array(readFileSync(new URL('../dist/engine.wasm', import.meta.url)));

const machines: [name: string, make: () => Promise<Machine>][] = [
  ['engine', () => createEngine({ wasm })],
  ['reference', async () => createReference()],
];

const eth = (more: Partial<Link> = {}): Link => ({ name: 'eth0', kind: 'device', segment: 'lan', ...more });
const told = ({ end }: Walk) => `${Disposition[end.disposition]} ${Reason[end.reason]} ${end.netns}`;
const outer = (walk: Walk) =>
  walk.steps.find((s): s is Step & { kind: 'encapsulate' } => s.kind === 'encapsulate')?.packet;
const DELIVERED = (name: string) => `DELIVERED LISTENER_ASSUMED ${name}`;

/** Two hosts with a tunnel of one kind between them. */
function tunnel(kind: Link['kind'], mine: (n: number) => Tunnel, more: Partial<Link> = {}): Netns[] {
  return [1, 2].map((n) =>
    netns(`n${n}`, {
      links: [eth(), { name: 'tun0', kind, tunnel: mine(n), ...more }],
      addresses: [
        `eth0 10.0.0.${n}/24`,
        `eth0 fd00::${n}/64`,
        ...(kind === 'sit' ? [`tun0 fd09::${n}/64`] : [`tun0 10.9.0.${n}/24`]),
      ],
    }),
  );
}

const both = (n: number): Tunnel => ({ local: `10.0.0.${n}`, remote: `10.0.0.${3 - n}` });
const both6 = (n: number): Tunnel => ({ local: `fd00::${n}`, remote: `fd00::${3 - n}` });

const wireguard = (n: number, allowed: string[], endpoint = true): Tunnel => ({
  port: 51820,
  publicKey: `key${n}`,
  peers: [
    {
      publicKey: `key${3 - n}`,
      allowedIps: allowed,
      ...(endpoint && { endpoint: { address: `10.0.0.${3 - n}`, port: 51820 } }),
    },
  ],
});

describe.each(machines)('%s', (_name, make) => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await make();
  });

  function send(netnses: Netns[], from: string, daddr: string, more: Partial<Packet> = {}): Walk {
    machine.load(network(...netnses));
    return machine.send(from, packet('', daddr, more));
  }

  // Lengths: what the headers of RFC 2003, 2784, 2890, 4213, 2473, 8926 add.
  test.each<[Link['kind'], (n: number) => Tunnel, protocol: number, length: number]>([
    ['ipip', both, 4, 80],
    ['gre', both, 47, 84],
    ['gre', (n) => ({ ...both(n), id: 5 }), 47, 88],
    ['gretap', both, 47, 98],
    ['geneve', (n) => ({ ...both(n), id: 5 }), Protocol.UDP, 110],
    ['sit', both, 41, 80],
    ['ip6tnl', (n) => ({ ...both6(n), encapLimit: 'none' }), 4, 100],
    ['ip6tnl', both6, 4, 108],
  ])('%s carries a packet', (kind, mine, protocol, length) => {
    const walk = send(tunnel(kind, mine), 'n1', kind === 'sit' ? 'fd09::2' : '10.9.0.2');
    expect(told(walk)).toBe(DELIVERED('n2'));
    expect(outer(walk)).toMatchObject({ protocol, length });
    expect(walk.steps.filter((s) => s.kind === 'decapsulate')).toHaveLength(1);
    expect(walk.end.packet.ttl).toBe(64);
  });

  test('GRE ends with another key do not hear each other', () => {
    const walk = send(
      tunnel('gre', (n) => ({ ...both(n), id: n })),
      'n1',
      '10.9.0.2',
    );
    expect(told(walk)).toBe('REFUSED NO_LISTENER n2');
  });

  test('a tunnel that must not cut its packets tells the sender', () => {
    const walk = send(tunnel('ipip', both, { mtu: 1500 }), 'n1', '10.9.0.2', { protocol: Protocol.UDP, length: 1490 });
    expect(told(walk)).toBe('UNREACHABLE FRAGMENTATION_NEEDED n1');
    expect(machine.answer()?.end.packet).toMatchObject({ icmpType: 3, icmpCode: 4 });
  });

  test('the outer packet is filtered as one of its own', () => {
    const [a, b] = tunnel('ipip', both) as [Netns, Netns];
    const drop = base('filter', Hook.INPUT, [rule({ kind: 'protocol', protocol: 4 }, { kind: 'drop' })]);
    const walk = send([a, { ...b, netfilter: [table('filter', [drop])] }], 'n1', '10.9.0.2');
    expect(told(walk)).toBe('DROPPED RULE n2');
  });

  test.each<[string, (n: number) => Tunnel, string]>([
    ['a peer with the address', (n) => wireguard(n, [`10.9.0.${3 - n}/32`]), DELIVERED('n2')],
    ['no peer with it', (n) => wireguard(n, ['10.8.0.0/16']), 'UNREACHABLE NO_NEIGHBOR n1'],
    ['a peer that nobody has heard of', (n) => wireguard(n, ['10.9.0.0/24'], false), 'UNREACHABLE NO_NEIGHBOR n1'],
    [
      'a peer that does not allow the source',
      (n) => wireguard(n, [n === 1 ? '10.9.0.2/32' : '10.7.0.0/16']),
      'DROPPED NO_SOCKET n2',
    ],
  ])('WireGuard: %s', (_, mine, expected) => {
    const walk = send(tunnel('wireguard', mine), 'n1', '10.9.0.2');
    expect(told(walk)).toBe(expected);
  });

  test('tunnels of packets to anywhere go to the gateway of the inner route', () => {
    const hosts = tunnel('ipip', () => ({})).map((host, i) => ({
      ...host,
      addresses: [...host.addresses, { link: 'lo', address: `10.7.0.${i + 1}/32` }],
      tables: [...host.tables, { id: 254, routes: [route(`10.7.0.${2 - i} via 10.0.0.${2 - i} dev tun0`)] }],
    }));
    const walk = send(hosts, 'n1', '10.7.0.2');
    expect(told(walk)).toBe(DELIVERED('n2'));
    expect(outer(walk)).toMatchObject({ daddr: '10.0.0.2', protocol: 4 });
  });

  test.each<[Link['kind'], Tunnel, daddr: string, expected: string]>([
    ['ipip', both(1), 'fd08::2', 'DROPPED NOT_CARRIED n1'],
    ['sit', both(1), '10.8.0.2', 'DROPPED NOT_CARRIED n1'],
    ['ip6tnl', { ...both6(1), mode: 'ip6ip6' }, '10.8.0.2', 'DROPPED NOT_CARRIED n1'],
    ['gre', { local: '10.0.0.1' }, '10.8.0.2', 'UNKNOWN UNMODELLED_LINK n1'],
    ['ip6tnl', { remote: 'fd00::2' }, '10.8.0.2', 'UNREACHABLE NO_SOURCE_ADDRESS n1'],
    ['geneve', { id: 1, unmodelled: 'external' }, '10.8.0.2', 'UNKNOWN UNMODELLED_LINK n1'],
  ])('%s with %o and a packet to %s', (kind, given, daddr, expected) => {
    const [a, b] = tunnel(kind, (n) => (n === 1 ? given : {})) as [Netns, Netns];
    const routes = [route('10.8.0.0/16 dev tun0'), route('fd08::/16 dev tun0')];
    const sender = { ...a, tables: [{ id: 254, routes: [...(a.tables[0]?.routes ?? []), ...routes] }] };
    expect(told(send([sender, b], 'n1', daddr))).toBe(expected);
  });

  test.each<[string, Tunnel, Tunnel, string]>([
    ['one key each way', { id: 1, ikey: 2 }, { id: 2, ikey: 1 }, DELIVERED('n2')],
    ['a key where none is sent', {}, { ikey: 1 }, 'REFUSED NO_LISTENER n2'],
    ['the key 0', { id: 0 }, {}, 'REFUSED NO_LISTENER n2'],
  ])('GRE keys: %s', (_, one, two, expected) => {
    const walk = send(
      tunnel('gre', (n) => ({ ...both(n), ...(n === 1 ? one : two) })),
      'n1',
      '10.9.0.2',
    );
    expect(told(walk)).toBe(expected);
  });

  test('of several ends the one that names both addresses takes the packet', () => {
    const [a, b] = tunnel('gre', both) as [Netns, Netns];
    const wide: Link = { name: 'gre9', kind: 'gre', tunnel: { local: '10.0.0.2' } };
    const walk = send([a, { ...b, links: [wide, ...b.links] }], 'n1', '10.9.0.2');
    expect(walk.steps.find((s) => s.kind === 'decapsulate')?.link.name).toBe('tun0');
  });

  // Nobody is told by ip_tunnel_xmit and wireguard; ipip6_tunnel_xmit and ip6_tnl_xmit say "address unreachable".
  test.each<[Link['kind'], (n: number) => Tunnel, expected: string]>([
    ['ipip', () => ({ remote: '10.99.0.1' }), 'DROPPED NO_ROUTE n1'],
    ['sit', () => ({ remote: '10.99.0.1' }), 'UNREACHABLE NO_ROUTE n1'],
    ['ip6tnl', () => ({ local: 'fd00::1', remote: 'fd99::1' }), 'UNREACHABLE NO_ROUTE n1'],
    [
      'wireguard',
      () => ({ peers: [{ allowedIps: ['0.0.0.0/0'], endpoint: { address: '10.99.0.1', port: 1 } }] }),
      'DROPPED NO_ROUTE n1',
    ],
  ])('%s without a way to its other end', (kind, mine, expected) => {
    expect(told(send(tunnel(kind, mine), 'n1', kind === 'sit' ? 'fd09::2' : '10.9.0.2'))).toBe(expected);
  });

  const sports = rule({ kind: 'udp', sport: { from: 40000, to: 50000 } }, { kind: 'drop' });
  test.each<[string, Tunnel, Netns['netfilter'], weights: number[] | undefined]>([
    ['nobody asks for it', { id: 5 }, [], undefined],
    [
      'a rule asks for a part of them',
      { id: 5 },
      [table('filter', [base('filter', Hook.INPUT, [sports])])],
      [39999, 10001, 15534],
    ],
  ])('the source port of the outer packet is nobody knows which: %s', (_, more, netfilter, weights) => {
    const [a, b] = tunnel('geneve', (n) => ({ ...both(n), ...more })) as [Netns, Netns];
    machine.load(network(a, { ...b, netfilter }));
    const ends = [0, 1, 2].slice(0, weights?.length ?? 1).map((taken) => {
      machine.script([taken]);
      const walk = machine.send('n1', packet('', '10.9.0.2'));
      const [choice, again] = machine.choices();
      expect(again).toBeUndefined();
      expect(choice?.weights).toEqual(weights);
      // One flow has one port.
      machine.send('n1', packet('', '10.9.0.2'));
      expect(machine.choices()).toHaveLength(weights ? 1 : 0);
      return told(walk);
    });
    expect(ends).toEqual(weights ? [DELIVERED('n2'), 'DROPPED RULE n2', DELIVERED('n2')] : [DELIVERED('n2')]);
  });

  test('what a route puts into another packet is not followed', () => {
    const a = netns('a', { links: [eth()], addresses: ['eth0 10.0.0.1/24'] });
    const way = { family: 4, type: 'unicast', destination: '10.8.0.0/16' } as const;
    const hop = { dev: 'eth0', via: '10.0.0.2', encap: 'mpls 100' };
    const b = netns('b', { links: [eth()], addresses: ['eth0 10.0.0.2/24', 'lo 10.8.0.2/32'] });
    const routes = [...(a.tables[0]?.routes ?? []), { ...way, nexthops: [hop] }];
    const walk = send([{ ...a, tables: [{ id: 254, routes }] }, b], 'a', '10.8.0.2');
    expect(told(walk)).toBe('UNKNOWN UNMODELLED_ROUTE a');
  });

  test('a tunnel with a segment is a plain device there', () => {
    const walk = send(tunnel('ipip', both, { segment: 'far' }), 'n1', '10.9.0.2');
    expect(told(walk)).toBe(DELIVERED('n2'));
    expect(outer(walk)).toBeUndefined();
  });

  test.each([
    [1400, 1408 + 60],
    [1415, 1420 + 60],
  ])('WireGuard fills %i bytes up, but not past the MTU', (length, expected) => {
    const hosts = tunnel('wireguard', (n) => wireguard(n, ['10.9.0.0/24']), { mtu: 1420 });
    expect(outer(send(hosts, 'n1', '10.9.0.2', { protocol: Protocol.UDP, length }))?.length).toBe(expected);
  });

  test('SIT lets its packets be cut where IPv6 has less room than its smallest MTU', () => {
    const hosts = tunnel('sit', both).map((host) => ({
      ...host,
      links: host.links.map((link) => (link.name === 'eth0' ? { ...link, mtu: 1280 } : link)),
    }));
    const walk = send(hosts, 'n1', 'fd09::2', { protocol: Protocol.UDP, length: 1280 });
    expect(told(walk)).toBe(DELIVERED('n2'));
  });

  test('a tunnel made in one namespace and moved to another sends from where it was made', () => {
    const [a, b] = tunnel('wireguard', (n) => wireguard(n, ['10.9.0.0/24'])) as [Netns, Netns];
    const [eth0, tun0] = a.links as [Link, Link];
    const outside: Netns = { ...a, links: [eth0], addresses: a.addresses.filter(({ link }) => link === 'eth0') };
    const pod = netns('pod', {
      links: [{ ...tun0, tunnel: { ...tun0.tunnel, underlay: 'n1' } }],
      addresses: ['tun0 10.9.0.1/24'],
    });
    const walk = send([outside, b, pod], 'pod', '10.9.0.2');
    expect(told(walk)).toBe(DELIVERED('n2'));
    expect(walk.steps.find((s) => s.kind === 'encapsulate')?.netns.name).toBe('n1');
  });

  // Three pass OUTPUT; the fourth is made and not sent (iptunnel_xmit).
  test('two tunnels that lead into each other send no deeper than the kernel', () => {
    const far = (n: number): Link => ({
      name: `tun${n}`,
      kind: 'ipip',
      mtu: 1400,
      tunnel: { local: '10.0.0.1', remote: `10.${n}.0.9` },
    });
    const host = netns('n1', {
      links: [eth(), far(1), far(2)],
      addresses: ['eth0 10.0.0.1/24', 'tun1 10.2.0.1/24', 'tun2 10.1.0.1/24'],
      netfilter: [table('filter', [base('filter', Hook.OUTPUT)])],
    });
    const walk = send([host], 'n1', '10.2.0.7');
    expect(told(walk)).toBe('DROPPED LOOP n1');
    expect(walk.steps.filter((s) => s.kind === 'encapsulate')).toHaveLength(4);
    expect(walk.steps.filter((s) => s.kind === 'chain')).toHaveLength(1 + 3);
  });
});
