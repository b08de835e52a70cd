/** Routing decisions: policy rules, tables, sources, validation, errors. Expectations from the kernel's source and from trying. */
import { expect, test } from 'vitest';
import {
  Disposition,
  type Link,
  type Netns,
  type PolicyRule,
  Protocol,
  Reason,
  type RouteTable,
  type Step,
  type Walk,
} from '../src/index.ts';
import { createReference } from './index.ts';
import { netns, network, packet, route, veth } from './testing/network.ts';

type RouteStep = Step & { kind: 'route' };
const routeStep = (walk: Walk) => walk.steps.filter((s): s is RouteStep => s.kind === 'route').at(-1);

const links: Link[] = [
  { name: 'eth0', kind: 'device', segment: 'a' },
  { name: 'eth1', kind: 'device', segment: 'b' },
];
const rule4 = (priority: number, action: PolicyRule['action'], more: Partial<PolicyRule> = {}): PolicyRule => ({
  family: 4,
  priority,
  action,
  ...more,
});
const lookup = (table: number): PolicyRule['action'] => ({ kind: 'lookup', table });
const standard = [rule4(0, lookup(255)), rule4(32766, lookup(254)), rule4(32767, lookup(253))];

function host(more: Partial<Netns>, routes: string[] = []): Netns {
  return netns('h', {
    links,
    addresses: ['eth0 10.0.0.1/24', 'eth1 10.0.1.1/24', 'eth0 fd00::1/64', 'eth1 fd00:1::1/64'],
    routes,
    rest: more,
  });
}

function ask(of: Netns, daddr: string, more: Parameters<typeof packet>[2] = {}) {
  const machine = createReference();
  machine.load(network(of));
  const walk = machine.send('h', packet('', daddr, more));
  const step = routeStep(walk);
  const to = step?.nexthop ? `${step.nexthop.via ?? 'link'} ${step.nexthop.dev}` : Reason[walk.end.reason];
  return `${step?.table ?? '-'} ${to}${step?.source ? ` from ${step.source}` : ''}`;
}

const tables = (...more: RouteTable[]): Partial<Netns> => ({
  tables: [{ id: 254, routes: [route('10.0.0.0/24 dev eth0'), route('default via 10.0.0.254 dev eth0')] }, ...more],
});
const other: RouteTable = { id: 100, routes: [route('default via 10.0.1.254 dev eth1')] };

test.each<[what: string, rules: PolicyRule[], more: Parameters<typeof packet>[2], expected: string]>([
  ['none but the standard rules', standard, {}, '254 10.0.0.254 eth0 from 10.0.0.1'],
  [
    'a mark',
    [...standard, rule4(10, lookup(100), { fwmark: { value: 1, mask: 1 } })],
    { mark: 3 },
    '100 10.0.1.254 eth1 from 10.0.1.1',
  ],
  [
    'another mark',
    [...standard, rule4(10, lookup(100), { fwmark: { value: 1, mask: 1 } })],
    { mark: 2 },
    '254 10.0.0.254 eth0 from 10.0.0.1',
  ],
  [
    'negated destination',
    [...standard, rule4(10, lookup(100), { not: true, to: '192.0.2.0/24' })],
    {},
    '254 10.0.0.254 eth0 from 10.0.0.1',
  ],
  [
    'protocol and port',
    [...standard, rule4(10, lookup(100), { ipproto: 6, dport: { from: 80, to: 90 } })],
    {},
    '100 10.0.1.254 eth1 from 10.0.1.1',
  ],
  [
    'iif lo is what was made here',
    [...standard, rule4(10, lookup(100), { iif: 'lo' })],
    {},
    '100 10.0.1.254 eth1 from 10.0.1.1',
  ],
  // TCP asks again with the source it got, and now the rule holds (tried).
  [
    'a source, TCP',
    [...standard, rule4(10, lookup(100), { from: '10.0.0.1/32' })],
    {},
    '100 10.0.1.254 eth1 from 10.0.0.1',
  ],
  [
    'a source, a datagram',
    [...standard, rule4(10, lookup(100), { from: '10.0.0.1/32' })],
    { protocol: Protocol.UDP },
    '254 10.0.0.254 eth0 from 10.0.0.1',
  ],
  [
    'suppressed default route',
    [...standard, rule4(10, lookup(100), { suppressPrefixLength: 0 })],
    {},
    '254 10.0.0.254 eth0 from 10.0.0.1',
  ],
  [
    'goto past a rule',
    [...standard, rule4(10, { kind: 'goto', priority: 32766 }), rule4(20, lookup(100))],
    {},
    '254 10.0.0.254 eth0 from 10.0.0.1',
  ],
  [
    'goto a rule that is not there',
    [...standard, rule4(10, { kind: 'goto', priority: 15 }), rule4(20, lookup(100))],
    {},
    '100 10.0.1.254 eth1 from 10.0.1.1',
  ],
  ['unreachable', [...standard, rule4(10, { kind: 'unreachable' })], {}, '- NO_ROUTE'],
  ['prohibit', [...standard, rule4(10, { kind: 'prohibit' })], {}, '- ROUTE_PROHIBIT'],
  ['blackhole', [...standard, rule4(10, { kind: 'blackhole' })], {}, '- ROUTE_BLACKHOLE'],
])('policy rules: %s', (_what, rules, more, expected) => {
  expect(ask(host({ ...tables(other), rules }), '192.0.2.9', more)).toBe(expected);
});

test.each<[what: string, table: Omit<RouteTable, 'id'>, daddr: string, expected: string]>([
  [
    'longest prefix',
    { routes: [route('192.0.0.0/16 dev eth0'), route('192.0.2.0/24 dev eth1')] },
    '192.0.2.1',
    '254 link eth1',
  ],
  [
    'lower metric',
    { routes: [route('192.0.2.0/24 dev eth0 metric 5'), route('192.0.2.0/24 dev eth1 metric 4')] },
    '192.0.2.1',
    '254 link eth1',
  ],
  [
    'first of equals',
    { routes: [route('192.0.2.0/24 dev eth0'), route('192.0.2.0/24 dev eth1')] },
    '192.0.2.1',
    '254 link eth0',
  ],
  [
    'longest prefix over both layers',
    { base: { id: 254, routes: [route('192.0.2.0/24 dev eth1')] }, routes: [route('192.0.0.0/16 dev eth0')] },
    '192.0.2.1',
    '254 link eth1',
  ],
  [
    'the own layer on ties',
    { base: { id: 254, routes: [route('192.0.2.0/24 dev eth1')] }, routes: [route('192.0.2.0/24 dev eth0')] },
    '192.0.2.1',
    '254 link eth0',
  ],
  [
    'throw ends the table',
    { routes: [route('throw 192.0.2.0/24'), route('192.0.0.0/16 dev eth0')] },
    '192.0.2.1',
    '- NO_ROUTE',
  ],
  ['unreachable', { routes: [route('unreachable 192.0.2.0/24')] }, '192.0.2.1', '254 ROUTE_UNREACHABLE'],
  [
    'an interface that is not here is passed over',
    { routes: [route('192.0.2.0/24 dev gone'), route('192.0.0.0/16 dev eth1')] },
    '192.0.2.1',
    '254 link eth1',
  ],
  ['no prefix fits', { routes: [route('192.0.2.0/24 dev eth0')] }, '198.51.100.1', '- NO_ROUTE'],
])('tables: %s', (_what, table, daddr, expected) => {
  expect(ask(host({ tables: [{ id: 254, ...table }] }), daddr).replace(/ from .*/, '')).toBe(expected);
});

test.each<[what: string, routes: string[], daddr: string, source: string]>([
  ['the address in the gateway’s subnet', ['default via 10.0.1.254 dev eth1'], '192.0.2.1', '10.0.1.1'],
  ['prefsrc', ['default via 10.0.1.254 dev eth1 src 10.0.0.1'], '192.0.2.1', '10.0.0.1'],
  ['an own address speaks to itself', [], '10.0.1.1', '10.0.1.1'],
  ['loopback', [], '127.0.0.53', '127.0.0.1'],
  ['IPv6: the outgoing link', ['default via fd00:1::ff dev eth1'], '2001:db8::1', 'fd00:1::1'],
  ['IPv6: the destination itself', [], 'fd00::1', 'fd00::1'],
])('source: %s', (_what, routes, daddr, source) => {
  expect(ask(host({}, routes), daddr)).toMatch(new RegExp(` from ${source}$`));
});

test('IPv4 prefers the nexthops that fit the source; the last one’s share of the rest goes to the first (tried: 57 to 143 of 200)', () => {
  const multipath = {
    ...route('192.0.2.0/24 dev eth0'),
    nexthops: [
      { dev: 'eth0', via: '10.0.0.254' },
      { dev: 'eth1', via: '10.0.1.254' },
      { dev: 'eth0', via: '10.0.0.253', weight: 2 },
    ],
  };
  const machine = createReference();
  machine.load(network(host({ tables: [{ id: 254, routes: [multipath] }] })));
  machine.send('h', packet('10.0.0.1', '192.0.2.1'));
  expect(machine.choices()).toMatchObject([{ alternatives: 2, weights: [1, 3] }]);
  machine.script([]);
  machine.send('h', packet('10.0.1.1', '192.0.2.1'));
  expect(machine.choices()).toEqual([]);
});

/** A router between two wires; packets come in by eth0. */
function inward(
  sysctls: Record<string, number>,
  more: Parameters<typeof packet>[2],
  saddr: string,
  daddr: string,
  extra: string[] = [],
) {
  const [a, b] = veth(['r', 'eth0'], ['left', 'x']);
  const [c, d] = veth(['r', 'eth1'], ['right', 'x']);
  const machine = createReference();
  const router = netns('r', {
    links: [a, c],
    addresses: ['eth0 10.0.0.1/24', 'eth1 10.0.1.1/24', 'eth0 fd00::1/64', 'eth1 fd00:1::1/64', 'eth1 fe80::1/64'],
    routes: extra,
    sysctls: { 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1, ...sysctls },
  });
  const left = netns('left', {
    links: [b],
    addresses: ['x 10.0.0.2/24', 'x fd00::2/64'],
    routes: ['default via 10.0.0.1 dev x'],
  });
  const right = netns('right', { links: [d], addresses: ['x 10.0.1.2/24', 'x fd00:1::2/64'], rest: { listeners: [] } });
  machine.load(network(router, left, right));
  const { end } = machine.send('r', packet(saddr, daddr, more), { link: 'eth0' });
  const error = end.answers ? machine.answer()?.steps[0] : undefined;
  const about =
    error?.kind === 'enter' && error.packet.inner ? ` ${error.packet.icmpType}/${error.packet.icmpCode}` : '';
  const at = end.netns === 'r' ? about : ` at ${end.netns}`;
  return `${Disposition[end.disposition]} ${Reason[end.reason]}${at}`;
}

test.each<
  [what: string, sysctls: Record<string, number>, saddr: string, daddr: string, expected: string, routes?: string[]]
>([
  ['forwarded', {}, '10.0.0.2', '10.0.1.2', 'REFUSED NO_LISTENER at right'],
  ['forwarding off', { 'net.ipv4.ip_forward': 0 }, '10.0.0.2', '10.0.1.2', 'DROPPED FORWARDING_OFF'],
  [
    'forwarding off on the incoming link',
    { 'net.ipv4.conf.eth0.forwarding': 0 },
    '10.0.0.2',
    '10.0.1.2',
    'DROPPED FORWARDING_OFF',
  ],
  ['no route', {}, '10.0.0.2', '192.0.2.1', 'UNREACHABLE NO_ROUTE 3/0'],
  ['no route and forwarding off', { 'net.ipv4.ip_forward': 0 }, '10.0.0.2', '192.0.2.1', 'DROPPED FORWARDING_OFF'],
  ['unreachable route', {}, '10.0.0.2', '192.0.2.1', 'UNREACHABLE ROUTE_UNREACHABLE 3/1', ['unreachable 192.0.2.0/24']],
  ['prohibit', {}, '10.0.0.2', '192.0.2.1', 'UNREACHABLE ROUTE_PROHIBIT 3/13', ['prohibit 192.0.2.0/24']],
  ['blackhole', {}, '10.0.0.2', '192.0.2.1', 'DROPPED ROUTE_BLACKHOLE', ['blackhole 192.0.2.0/24']],
  ['no neighbour', {}, '10.0.0.2', '10.0.1.77', 'UNREACHABLE NO_NEIGHBOR 3/1'],
  ['own address as source', {}, '10.0.1.1', '10.0.1.2', 'DROPPED MARTIAN_SOURCE'],
  [
    'own address as source, accepted',
    { 'net.ipv4.conf.all.accept_local': 1 },
    '10.0.1.1',
    '10.0.1.2',
    'REFUSED NO_LISTENER at right',
  ],
  ['multicast source', {}, '224.0.0.5', '10.0.1.2', 'DROPPED MARTIAN_SOURCE'],
  ['source 0.0.0.0', {}, '0.0.0.0', '10.0.1.2', 'DROPPED MARTIAN_SOURCE'],
  ['source of 0/8 is ordinary since Linux 5.3', {}, '0.1.2.3', '10.0.1.2', 'REFUSED NO_LISTENER at right'],
  ['loopback from a wire', {}, '10.0.0.2', '127.0.0.1', 'DROPPED MARTIAN_DESTINATION'],
  [
    'loopback from a wire, route_localnet',
    { 'net.ipv4.conf.eth0.route_localnet': 1 },
    '10.0.0.2',
    '127.0.0.1',
    'DELIVERED LISTENER_ASSUMED',
  ],
  [
    'strict rp_filter: the source is elsewhere',
    { 'net.ipv4.conf.eth0.rp_filter': 1 },
    '10.0.1.9',
    '10.0.1.2',
    'DROPPED RP_FILTER',
  ],
  [
    'the larger of all and link',
    { 'net.ipv4.conf.all.rp_filter': 2, 'net.ipv4.conf.eth0.rp_filter': 1 },
    '10.0.1.9',
    '10.0.1.2',
    'REFUSED NO_LISTENER at right',
  ],
  [
    'loose rp_filter: the source is nowhere',
    { 'net.ipv4.conf.all.rp_filter': 2 },
    '198.51.100.1',
    '10.0.1.2',
    'DROPPED RP_FILTER',
  ],
  ['IPv6 no route', {}, 'fd00::2', '2001:db8::1', 'UNREACHABLE NO_ROUTE 1/0'],
  [
    'IPv6 no route, forwarding off',
    { 'net.ipv6.conf.all.forwarding': 0 },
    'fd00::2',
    '2001:db8::1',
    'UNREACHABLE NO_ROUTE 1/0',
  ],
  [
    'IPv6 route, forwarding off',
    { 'net.ipv6.conf.all.forwarding': 0 },
    'fd00::2',
    'fd00:1::2',
    'DROPPED FORWARDING_OFF',
  ],
  [
    'IPv6 unreachable route',
    {},
    'fd00::2',
    '2001:db8::1',
    'UNREACHABLE ROUTE_UNREACHABLE 1/0',
    ['unreachable 2001:db8::/32'],
  ],
  ['IPv6 prohibit', {}, 'fd00::2', '2001:db8::1', 'UNREACHABLE ROUTE_PROHIBIT 1/1', ['prohibit 2001:db8::/32']],
  ['IPv6 no neighbour', {}, 'fd00::2', 'fd00:1::77', 'UNREACHABLE NO_NEIGHBOR 1/3'],
  ['IPv6 loopback from a wire', {}, 'fd00::2', '::1', 'DROPPED MARTIAN_DESTINATION'],
  ['IPv6 link-local source stays on its link', {}, 'fe80::9', 'fd00:1::2', 'UNREACHABLE BAD_SCOPE 1/2'],
])('coming in: %s', (_what, sysctls, saddr, daddr, expected, routes = []) => {
  expect(inward(sysctls, {}, saddr, daddr, routes)).toBe(expected);
});

test.each<[what: string, more: Parameters<typeof packet>[2], daddr: string, expected: string]>([
  ['TTL 2 passes', { ttl: 2 }, '10.0.1.2', 'REFUSED NO_LISTENER at right'],
  ['TTL 1 does not', { ttl: 1 }, '10.0.1.2', 'UNREACHABLE TTL_EXCEEDED 11/0'],
  ['hop limit 1', { ttl: 1 }, 'fd00:1::2', 'UNREACHABLE TTL_EXCEEDED 3/0'],
  ['too long, must not be fragmented', { length: 1501 }, '10.0.1.2', 'UNREACHABLE FRAGMENTATION_NEEDED 3/4'],
  ['too long, may be', { length: 1501, dontFragment: false }, '10.0.1.2', 'REFUSED NO_LISTENER at right'],
  [
    'IPv6 routers do not fragment',
    { length: 1501, dontFragment: false },
    'fd00:1::2',
    'UNREACHABLE FRAGMENTATION_NEEDED 2/0',
  ],
])('on the way through: %s', (_what, more, daddr, expected) => {
  expect(inward({}, more, daddr.includes(':') ? 'fd00::2' : '10.0.0.2', daddr)).toBe(expected);
});

test('127.0.0.1 does not leave its host, unless route_localnet lets it', () => {
  const send = (sysctls: Record<string, number>) => {
    const machine = createReference();
    machine.load(network(netns('h', { links, addresses: ['eth0 10.0.0.1/24'], sysctls })));
    return Reason[machine.send('h', packet('127.0.0.1', '10.0.0.2')).end.reason];
  };
  expect(send({})).toBe('BAD_SCOPE');
  expect(send({ 'net.ipv4.conf.eth0.route_localnet': 1 })).toBe('NO_NEIGHBOR');
});
