/** Tunnels as the tools print them, and back: `ip -d link`, its `-j`, `ip tunnel`. */
import type { Link, Netns, Tunnel, TunnelKind } from '@podwire/engine';
import { describe, expect, test } from 'vitest';
import { Chance } from '../random.fixture.ts';
import { emptyNetns } from './batch.ts';
import { linkRecords, printLinks } from './print-link.ts';
import { readIpAddr } from './read-link.ts';
import { printTunnels, readIpTunnel } from './tunnel-show.ts';

const SEED = Number(process.env.PODWIRE_SEED ?? 20251121);
const title = (what: string) => `${what} (PODWIRE_SEED=${SEED})`;
const chance = new Chance(SEED);
const ROUNDS = 60;

const KINDS: readonly TunnelKind[] = ['vxlan', 'geneve', 'gretap', 'gre', 'ipip', 'sit', 'ip6tnl', 'wireguard'];
const MODES: Partial<Record<TunnelKind, readonly string[]>> = {
  ipip: ['ipip', 'any', 'mplsip'],
  sit: ['ip6ip', 'any', 'ipip'],
  ip6tnl: ['any', 'ipip6', 'ip6ip6'],
};

function randomTunnel(kind: TunnelKind): Tunnel {
  if (kind === 'wireguard') return {};
  const six = kind === 'ip6tnl';
  const ip = !six && kind !== 'vxlan' && kind !== 'geneve';
  const keyed = kind === 'gre' || kind === 'gretap';
  const modes = MODES[kind];
  const address = () => (six ? `fd00::${chance.below(9)}1` : `10.0.0.${chance.below(250) + 1}`);
  const ttl =
    kind === 'vxlan' || six || kind === 'geneve'
      ? chance.of<Tunnel['ttl'] | undefined>([7, 'inherit', undefined])
      : chance.of<Tunnel['ttl'] | undefined>([7, undefined]);
  return {
    ...(chance.below(4) > 0 && { local: address() }),
    ...(chance.below(4) > 0 && { remote: address() }),
    ...(chance.below(3) === 0 && { dev: 'eth0' }),
    ...((kind === 'vxlan' || kind === 'geneve') && { id: chance.below(100), port: chance.of([4789, 6081]) }),
    ...(keyed && chance.below(2) === 0 && { id: chance.of([0, 5, 0xc0a80001]) }),
    ...(keyed && chance.below(3) === 0 && { ikey: 77 }),
    ...(modes && { mode: chance.of(modes) }),
    // Without a number ip6tnl prints what it inherits.
    ...(ttl !== undefined ? { ttl } : six ? { ttl: 'inherit' as const } : {}),
    ...(chance.below(3) === 0 && { tos: chance.of(['inherit', 16] as const) }),
    ...(ip && chance.below(2) === 0 && { pmtudisc: false }),
    ...((kind === 'vxlan' || kind === 'geneve') &&
      chance.below(2) === 0 && { df: chance.of(['set', 'inherit'] as const) }),
    ...(kind === 'vxlan' && chance.below(2) === 0 && { learning: false }),
    ...(six && { encapLimit: chance.of(['none', 4, 7] as const) }),
    ...(ip && chance.below(4) === 0 && { fwmark: 255 }),
    ...(kind !== 'vxlan' && chance.below(6) === 0 && { unmodelled: 'external' }),
  };
}

const onlyTunnels = ({ name, kind, tunnel }: Link) => ({ name, kind, ...(tunnel && { tunnel }) });

function netnsOf(links: Link[]): Netns {
  return { ...emptyNetns('host'), links: [{ name: 'eth0', kind: 'device' }, ...links] };
}

describe('what is printed is read back', () => {
  test.each(KINDS)(title('%s by ip -d link, text and -j'), (kind) => {
    for (let i = 0; i < ROUNDS; i++) {
      const link: Link = { name: 't0', kind, ...(kind === 'wireguard' ? {} : { tunnel: randomTunnel(kind) }) };
      const host = netnsOf([link]);
      for (const text of [
        printLinks(host, [], { details: true }),
        JSON.stringify(linkRecords(host, { details: true })),
      ]) {
        const { links, problems } = readIpAddr(text);
        expect(problems).toEqual([]);
        expect(links.map(onlyTunnels)).toContainEqual(onlyTunnels(link));
      }
    }
  });

  test.each(['gre', 'ipip', 'sit', 'ip6tnl'] as const)(title('%s by ip tunnel'), (kind) => {
    for (let i = 0; i < ROUNDS; i++) {
      const tunnel = randomTunnel(kind);
      const link: Link = { name: kind === 'sit' ? 'sit1' : 't0', kind, tunnel };
      // Which of them says nothing else: a SIT for IPv4 alone is an IPIP tunnel.
      if (kind === 'sit' && tunnel.mode === 'ipip') continue;
      const text = printTunnels(netnsOf([link]), kind === 'ip6tnl' ? 6 : 4);
      const { tunnels, problems } = readIpTunnel(text);
      expect([text, problems]).toEqual([text, []]);
      expect(tunnels).toEqual([onlyTunnels(link)]);
    }
  });
});

const head = (name: string, type: string) =>
  `7: ${name}@NONE: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1476 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000\n    link/${type}\n`;

// As iproute2 prints them, with what it adds behind.
test.each<[line: string, kind: TunnelKind, tunnel: Tunnel]>([
  [
    'ipip ipip remote 192.0.2.2 local 192.0.2.1 dev eth0 ttl 64 pmtudisc addrgenmode eui64 numtxqueues 1 numrxqueues 1',
    'ipip',
    { mode: 'ipip', remote: '192.0.2.2', local: '192.0.2.1', dev: 'eth0', ttl: 64 },
  ],
  ['ipip any remote any local any ttl inherit nopmtudisc', 'ipip', { mode: 'any', pmtudisc: false }],
  [
    'gre remote 192.0.2.2 local 192.0.2.1 ttl inherit tos inherit ikey 0.0.0.5 okey 0.0.0.6 fwmark 0x10',
    'gre',
    { remote: '192.0.2.2', local: '192.0.2.1', tos: 'inherit', id: 6, ikey: 5, fwmark: 16 },
  ],
  [
    'gretap remote 192.0.2.2 local any ttl 255 okey 1.2.3.4',
    'gretap',
    { remote: '192.0.2.2', ttl: 255, id: 0x01020304, ikey: 'none' },
  ],
  [
    'sit ip6ip remote 192.0.2.2 local 192.0.2.1 ttl 64 pmtudisc 6rd-prefix 2002::/16',
    'sit',
    { mode: 'ip6ip', remote: '192.0.2.2', local: '192.0.2.1', ttl: 64 },
  ],
  [
    'ip6tnl ip6ip6 remote 2001:db8::2 local 2001:db8::1 encaplimit 4 hoplimit 64 tclass 0x00 flowlabel 0x00000 (flowinfo 0x00000000)',
    'ip6tnl',
    { mode: 'ip6ip6', remote: '2001:db8::2', local: '2001:db8::1', encapLimit: 4, ttl: 64 },
  ],
  [
    'geneve id 5 remote 192.0.2.2 ttl auto dstport 6081 noudpcsum udp6zerocsumrx',
    'geneve',
    { id: 5, remote: '192.0.2.2', port: 6081 },
  ],
  [
    'geneve external id 0 ttl auto dstport 6081 udp6zerocsumrx',
    'geneve',
    { unmodelled: 'external', id: 0, port: 6081 },
  ],
  [
    'ipip ipip remote 192.0.2.2 local 192.0.2.1 ttl inherit pmtudisc encap fou encap-sport auto encap-dport 5555 noencap-csum noencap-csum6 noencap-remcsum ',
    'ipip',
    {
      mode: 'ipip',
      remote: '192.0.2.2',
      local: '192.0.2.1',
      unmodelled: 'encap fou encap-sport auto encap-dport 5555 noencap-csum noencap-csum6 noencap-remcsum',
    },
  ],
  [
    'gre remote 192.0.2.2 local 192.0.2.1 ttl 64 oseq ocsum',
    'gre',
    { remote: '192.0.2.2', local: '192.0.2.1', ttl: 64, unmodelled: 'oseq ocsum' },
  ],
])('%s', (line, kind, tunnel) => {
  const { links, problems } = readIpAddr(`${head('t0', kind)}    ${line}\n`);
  expect(problems).toEqual([]);
  expect(links.map(onlyTunnels)).toEqual([{ name: 't0', kind, tunnel }]);
});

test.each<[name: string, rest: string, kind: TunnelKind, tunnel: Tunnel]>([
  ['tunl0', 'any/ip remote any local any ttl inherit nopmtudisc', 'ipip', { mode: 'any', pmtudisc: false }],
  [
    'gre1',
    'gre/ip remote 192.0.2.2 local 192.0.2.1 dev eth0 ttl 64 key 5',
    'gre',
    { remote: '192.0.2.2', local: '192.0.2.1', dev: 'eth0', ttl: 64, id: 5 },
  ],
  [
    'sit1',
    'ipv6/ip remote 192.0.2.2 local 192.0.2.1 ttl 64',
    'sit',
    { mode: 'ip6ip', remote: '192.0.2.2', local: '192.0.2.1', ttl: 64 },
  ],
  [
    'ip6tnl1',
    'ipv6/ipv6 remote 2001:db8::2 local 2001:db8::1 encaplimit none hoplimit 64 tclass inherit flowlabel 0x00000 (flowinfo 0x00000000)',
    'ip6tnl',
    { mode: 'ip6ip6', remote: '2001:db8::2', local: '2001:db8::1', encapLimit: 'none', ttl: 64, tos: 'inherit' },
  ],
])('ip tunnel: %s is %s', (name, rest, kind, tunnel) => {
  const { tunnels, problems } = readIpTunnel(`${name}: ${rest}`);
  expect(problems).toEqual([]);
  expect(tunnels).toEqual([{ name, kind, tunnel }]);
});

test('what stands below a tunnel belongs to it, and what is none is told', () => {
  const text =
    'gre1: gre/ip remote 192.0.2.2 local 192.0.2.1 ttl 64\n  Checksum output packets.\nx: gre/ipv6 remote any\nstrange\n';
  const { tunnels, problems } = readIpTunnel(text);
  expect(tunnels[0]?.tunnel.unmodelled).toBe('ocsum');
  expect(problems.map((p) => p.line)).toEqual([3, 4]);
});
