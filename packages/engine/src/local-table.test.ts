/** What `ip route show table local` and `ip -6 route show table local` printed on Linux 6.18 after the same commands. */
import { expect, test } from 'vitest';
import { isSecondary, localRoutes, localTable } from './local-table.ts';
import type { Address, Link, Netns, Route } from './network.ts';

const links: Link[] = [
  { name: 'v0', kind: 'veth' },
  { name: 'v1', kind: 'veth' },
];
const on = (text: string): Address => {
  const [link, address, , peer] = text.split(' ') as [string, string, string?, string?];
  return { link, address, ...(peer ? { peer } : {}) };
};
const netns = (addresses: string[], more: Partial<Netns> = {}): Netns => ({
  name: 'n',
  links,
  addresses: addresses.map(on),
  tables: [],
  sysctls: {},
  netfilter: [],
  ...more,
});

const show = ({ type, destination, nexthops, prefsrc }: Route) =>
  `${type} ${destination} ${nexthops[0]?.dev}${prefsrc ? ` src ${prefsrc}` : ''}`;
const shown = (of: Netns, family: 4 | 6) =>
  localRoutes(of)
    .filter((route) => route.family === family)
    .map(show);

const LOOPBACK_4 = [
  'local 127.0.0.1/32 lo src 127.0.0.1',
  'local 127.0.0.0/8 lo src 127.0.0.1',
  'broadcast 127.255.255.255/32 lo src 127.0.0.1',
];

test.each<[what: string, addresses: string[], expected: string[]]>([
  [
    'a subnet: itself and the highest address, not the lowest',
    ['v0 10.1.0.5/24'],
    ['local 10.1.0.5/32 v0 src 10.1.0.5', 'broadcast 10.1.0.255/32 v0 src 10.1.0.5'],
  ],
  [
    'a second address of the subnet speaks as the first',
    ['v0 10.1.0.5/24', 'v0 10.1.0.6/24'],
    [
      'local 10.1.0.5/32 v0 src 10.1.0.5',
      'broadcast 10.1.0.255/32 v0 src 10.1.0.5',
      'local 10.1.0.6/32 v0 src 10.1.0.5',
    ],
  ],
  [
    '/31 and /32 have no broadcast',
    ['v0 10.6.0.1/31', 'v1 10.7.0.1/32'],
    ['local 10.6.0.1/32 v0 src 10.6.0.1', 'local 10.7.0.1/32 v1 src 10.7.0.1'],
  ],
  [
    'the subnet of a point-to-point address is the remote one',
    ['v0 10.5.0.1/32 peer 10.5.0.2/30'],
    ['local 10.5.0.1/32 v0 src 10.5.0.1', 'broadcast 10.5.0.3/32 v0 src 10.5.0.1'],
  ],
  [
    'on lo the whole subnet is local',
    ['lo 192.168.9.1/24'],
    [
      'local 192.168.9.1/32 lo src 192.168.9.1',
      'local 192.168.9.0/24 lo src 192.168.9.1',
      'broadcast 192.168.9.255/32 lo src 192.168.9.1',
    ],
  ],
])('%s', (_what, addresses, expected) => {
  expect(shown(netns(addresses), 4)).toEqual([...LOOPBACK_4, ...expected]);
});

test('on a link that is down the IPv4 address itself stays, its broadcast does not', () => {
  const down = netns(['v0 10.1.0.5/24'], { links: [{ name: 'v0', kind: 'veth', up: false }] });
  expect(shown(down, 4)).toEqual([...LOOPBACK_4, 'local 10.1.0.5/32 v0 src 10.1.0.5']);
});

test.each<[what: string, forwarding: number, expected: string[]]>([
  [
    'a host',
    0,
    [
      'local ::1/128 lo',
      'local fd00:1::5/128 v0',
      'local fd00:1::6/128 v0',
      'multicast ff00::/8 v0',
      'multicast ff00::/8 v1',
    ],
  ],
  [
    'a router joins subnet-router anycast',
    1,
    [
      'local ::1/128 lo',
      'local fd00:1::5/128 v0',
      'anycast fd00:1::/128 v0',
      'local fd00:1::6/128 v0',
      'multicast ff00::/8 v0',
      'multicast ff00::/8 v1',
    ],
  ],
])('IPv6: %s', (_what, forwarding, expected) => {
  const of = netns(['v0 fd00:1::5/64', 'v0 fd00:1::6/128'], {
    sysctls: { 'net.ipv6.conf.all.forwarding': forwarding },
  });
  expect(shown(of, 6)).toEqual(expected);
});

test('routes given for table 255 are kept, and not derived again', () => {
  const given: Route = {
    family: 4,
    type: 'local',
    destination: '10.1.0.5/32',
    protocol: 'kernel',
    nexthops: [{ dev: 'v0' }],
    cause: 'dump',
  };
  const extra: Route = { family: 4, type: 'local', destination: '10.96.0.0/12', nexthops: [{ dev: 'lo' }] };
  const { id, routes } = localTable(netns(['v0 10.1.0.5/24'], { tables: [{ id: 255, routes: [given, extra] }] }));
  expect(id).toBe(255);
  expect(routes.filter((route) => route.destination === '10.1.0.5/32')).toEqual([given]);
  expect(routes).toContain(extra);
  expect(routes.map(show)).toContain('broadcast 10.1.0.255/32 v0 src 10.1.0.5');
});

test('secondary is derived from the order, unless it is given', () => {
  const [first, second, other] = [on('v0 10.1.0.5/24'), on('v0 10.1.0.6/24'), on('v1 10.1.0.7/24')] as const;
  const all = [first, second, other];
  expect(all.map((address) => isSecondary(address, all))).toEqual([false, true, false]);
  expect(isSecondary({ ...second, secondary: false }, all)).toBe(false);
});
