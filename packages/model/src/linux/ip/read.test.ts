import type { Netns } from '@podwire/engine';
import { describe, expect, it } from 'vitest';
import {
  addressRecords,
  applyIp,
  emptyNetns,
  linkRecords,
  neighborRecords,
  printAddresses,
  printNeighbors,
  printRoutes,
  printRules,
  readIpAddr,
  readIpNeigh,
  readIpNexthop,
  readIpRoute,
  readIpRule,
  routeRecords,
  ruleRecords,
} from './index.ts';

const COMMANDS = `link add br0 address 02:00:00:00:00:09 type bridge
link set v0 master br0
link set br0 up
addr add 10.0.0.1/24 brd + dev br0
addr add 10.0.0.2/24 dev br0
addr add 10.9.0.1 peer 10.9.0.2/32 dev v0
addr add fd00::1/64 dev br0 nodad noprefixroute
route add 10.1.0.0/16 via 10.0.0.9 metric 5 proto bird mtu 1400
route add 10.2.0.0/16 nexthop via 10.0.0.8 weight 2 nexthop via 10.0.0.9 weight 3
route add default via 10.7.7.7 dev br0 onlink table 100
route add 10.3.0.0/16 via inet6 fe80::9 dev br0
route add prohibit 10.4.0.0/16
route add 10.5.0.0/16 dev br0 tos 0x10 src 10.0.0.2
-6 route add 2001:db8::/32 via fe80::5 dev br0
-6 route append 2001:db8::/32 via fe80::6 dev br0
-6 route add blackhole 2001:db9::/32
rule add not from 10.0.0.0/8 to 1.2.3.0/24 tos 0x10 fwmark 1/2 iif br0 ipproto tcp sport 5 dport 6-7 lookup 100
rule add goto 32766 priority 5
rule add uidrange 1000-2000 ipproto tcp sport 0x100/0xff00 tun_id 77 dscp EF/0x3c lookup 101 suppress_prefixlength 3 suppress_ifgroup 7
-6 rule add flowlabel 0x5/0xff dscp 10 lookup 102 suppress_ifgroup default
-6 rule add oif br0 priority 7 unreachable
neigh add 10.0.0.9 lladdr 02:00:00:00:00:99 dev br0 nud permanent
neigh add proxy 10.0.0.11 dev br0`;

function sample(): Netns {
  const netns = emptyNetns('here');
  const world = [netns, emptyNetns('there')];
  const wire = 'link add v0 address 02:00:00:00:00:01 type veth peer name v1 netns there\nlink set v0 up\n';
  expect(applyIp(netns, wire + COMMANDS, world)).toEqual([]);
  return netns;
}

const FAMILIES = [4, 6] as const;

describe('what ip prints', () => {
  it.each(FAMILIES)('gives the same IPv%i routes back, from text and from JSON', (family) => {
    const netns = sample();
    const text = printRoutes(netns, { family, table: 'all' });
    const json = JSON.stringify(routeRecords(netns, { family, table: 'all' }));
    const detailed = JSON.stringify(routeRecords(netns, { family, table: 'all', details: true }));
    expect(text.split('\n').length).toBeGreaterThan(8);
    for (const form of [text, json, detailed]) {
      const { tables, problems } = readIpRoute(form, family);
      expect(problems).toEqual([]);
      expect(printRoutes({ ...netns, tables }, { family, table: 'all' })).toBe(text);
    }
  });

  it('knows from text that an MTU is locked, which the JSON form leaves out', () => {
    const netns = sample();
    expect(applyIp(netns, 'route add 10.6.0.0/16 dev br0 mtu lock 1300')).toEqual([]);
    const text = printRoutes(netns, { family: 4 });
    expect(text).toContain('10.6.0.0/16 dev br0 scope link mtu lock 1300 \n');
    const { tables } = readIpRoute(text, 4);
    expect(printRoutes({ ...netns, tables }, { family: 4 })).toBe(text);
    const told = readIpRoute(JSON.stringify(routeRecords(netns, { family: 4 })), 4).tables;
    expect(printRoutes({ ...netns, tables: told }, { family: 4 })).toContain('scope link mtu 1300 ');
  });

  it.each(FAMILIES)('gives the same IPv%i rules back, from text and from JSON', (family) => {
    const netns = sample();
    const text = printRules(netns, family);
    for (const form of [text, JSON.stringify(ruleRecords(netns, family))]) {
      const { rules, problems } = readIpRule(form, family);
      expect(problems).toEqual([]);
      expect(printRules({ ...netns, rules }, family)).toBe(text);
    }
  });

  it('gives the same links and addresses back, from text and from JSON', () => {
    const netns = sample();
    const text = printAddresses(netns);
    for (const form of [text, JSON.stringify(addressRecords(netns, { details: true }))]) {
      const { links, addresses, problems } = readIpAddr(form);
      expect(problems).toEqual([]);
      // The other end is not said where it is in another namespace.
      const peer = netns.links.find(({ name }) => name === 'v0')?.peer;
      const joined = links.map((link) => (link.name === 'v0' && peer ? { ...link, peer } : link));
      expect(printAddresses({ ...netns, links: joined, addresses })).toBe(text);
    }
    const { links } = readIpAddr(JSON.stringify(linkRecords(netns, { details: true })));
    expect(links.map(({ name, kind, master }) => [name, kind, master])).toEqual([
      ['lo', 'loopback', undefined],
      ['v0', 'veth', 'br0'],
      ['br0', 'bridge', undefined],
    ]);
  });

  it('gives the same neighbours back, from text and from JSON', () => {
    const netns = sample();
    for (const proxy of [false, true]) {
      const text = printNeighbors(netns, proxy);
      for (const form of [text, JSON.stringify(neighborRecords(netns, proxy))]) {
        const { neighbors, problems } = readIpNeigh(form);
        expect(problems).toEqual([]);
        expect(printNeighbors({ ...netns, neighbors }, proxy)).toBe(text);
      }
    }
  });
});

describe('ip -br', () => {
  it('gives links and addresses, scopes by what the addresses are', () => {
    const text =
      'lo               UNKNOWN        127.0.0.1/8 ::1/128 \neth0             UP             10.0.0.1/24 fe80::1/64 \nv0@if3           DOWN           \n';
    const { links, addresses, problems } = readIpAddr(text);
    expect(problems).toEqual([]);
    expect(links.map(({ name, kind, up }) => [name, kind, up])).toEqual([
      ['lo', 'loopback', true],
      ['eth0', 'device', true],
      ['v0', 'veth', false],
    ]);
    expect(addresses.map((a) => `${a.link} ${a.address} ${a.scope}`)).toEqual([
      'lo 127.0.0.1/8 host',
      'lo ::1/128 host',
      'eth0 10.0.0.1/24 global',
      'eth0 fe80::1/64 link',
    ]);
    const link = readIpAddr('eth0             UP             02:00:00:00:00:01 <BROADCAST,MULTICAST,UP,LOWER_UP> \n');
    expect(link.links).toMatchObject([{ name: 'eth0', mac: '02:00:00:00:00:01', up: true, carrier: true }]);
  });
});

describe('what is not understood', () => {
  it('is named with its line', () => {
    const routes = readIpRoute('default via 10.0.0.1 dev a\n10.0.0.0/8 via 10.0.0.1 dev a strange 100\n', 4, {
      file: 'r',
    });
    expect(routes.tables[0]?.routes).toHaveLength(1);
    expect(routes.problems).toMatchObject([{ file: 'r', line: 2, code: 'ip-route' }]);
    expect(readIpRule('0:\tfrom all lookup local\nwhat\n9:\tfrom all colour 0-5 lookup 7\n', 4).problems).toMatchObject(
      [{ line: 2 }, { line: 3 }],
    );
    expect(readIpNeigh('10.0.0.1 dev a lladdr 02:00:00:00:00:01 REACHABLE\n10.0.0.2 STALE\n').problems).toMatchObject([
      { line: 2 },
    ]);
    expect(readIpAddr('nonsense\n').problems).toMatchObject([{ line: 1 }]);
    expect(readIpRoute('[{"dst":', 4).problems).toMatchObject([{ code: 'ip-route' }]);
  });

  // As iproute2 prints them (ip/iproute_lwtunnel.c).
  it.each([
    '10.1.0.0/16 encap mpls 100/200 ttl 5 via 10.0.0.1 dev a ',
    '10.1.0.0/16 encap ip id 5 src 0.0.0.0 dst 192.0.2.2 ttl 0 tos 0 key dev a ',
    '10.1.0.0/16 encap bpf out obj.o section out headroom 20 dev a ',
    'fd00:1::/32 encap seg6 mode encap segs 2 [ fd00::1 fd00::2 ] dev a metric 1024 pref medium',
    'fd00:2::/32 encap seg6local action End.DT4 vrftable 10 dev a metric 1024 pref medium',
    '10.1.0.0/16 \n\tnexthop encap mpls 100 via 10.0.0.1 dev a weight 1 \n\tnexthop via 10.0.0.2 dev a weight 1 ',
  ])('%j is read and printed as it is', (line) => {
    const { tables, problems } = readIpRoute(`${line}\n`, undefined);
    expect(problems).toEqual([]);
    const [route] = tables[0]?.routes ?? [];
    expect(route?.nexthops[0]?.encap).toMatch(/^(mpls|ip|bpf|seg6)/);
    const host: Netns = { ...emptyNetns('h'), links: [{ name: 'a', kind: 'device' }], tables };
    const text = printRoutes(host, { family: route?.family ?? 4 });
    expect(text).toBe(`${line}\n`);
    const records = JSON.stringify(routeRecords(host, { family: route?.family ?? 4 }));
    expect(readIpRoute(records, undefined).tables[0]?.routes).toEqual(tables[0]?.routes);
  });

  it('a route whose JSON says two destinations by one name is left out', () => {
    const { tables, problems } = readIpRoute('[{"dst":"192.0.2.2","encap":"ip","id":5,"dev":"a","flags":[]}]', 4);
    expect(tables).toEqual([]);
    expect(problems[0]?.message).toContain('encap ip');
  });

  it('counts lines past folded ones', () => {
    const text =
      'default \n\tnexthop via 10.0.0.1 dev a weight 1 \n\tnexthop via 10.0.0.2 dev a weight 1 \nstrange\n?! x\n';
    expect(readIpRoute(text, 4).problems.map(({ line }) => line)).toEqual([4, 5]);
  });
});

it('records of other types are named and left out', () => {
  const records = [
    { dst: '10.0.0.7', dev: 'eth0', lladdr: '02:00:00:00:00:07', state: ['REACHABLE'] },
    { dst: { toString: 1 }, dev: 'eth0', state: ['REACHABLE'] },
    { dst: '10.0.0.8', dev: 'eth0', state: 'STALE' },
    { dst: 7, dev: 'eth0' },
  ];
  const { neighbors, problems } = readIpNeigh(JSON.stringify(records));
  expect(neighbors.map(({ address }) => address)).toEqual(['10.0.0.7']);
  expect(problems.map(({ message }) => message.split(' ')[0])).toEqual(['"dst"', '"state"', '"dst"']);
});

it('the family of a nexthop object without a gateway shows by its scope', () => {
  const { nexthops } = readIpNexthop(
    'id 1 dev eth0 scope host\nid 2 dev eth0 scope link\nid 3 via 10.0.0.1 dev eth0 scope link\n',
  );
  expect(nexthops.map(({ id, family }) => [id, family])).toEqual([
    [1, 4],
    [2, 6],
    [3, 4],
  ]);
});

describe('what people write beside', () => {
  it('remarks behind a line are none of it', () => {
    const { tables, problems } = readIpRoute(
      'default via 10.0.0.1 dev eth0   # the gateway\n10.1.0.0/24 dev eth0  <-- gone?\n',
      4,
    );
    expect(problems).toEqual([]);
    expect(tables[0]?.routes.map((route) => route.destination)).toEqual(['0.0.0.0/0', '10.1.0.0/24']);
  });

  it('an interface without its number, and bits without a name', () => {
    const { links, addresses, problems } = readIpAddr(
      'eth0@if3: <BROADCAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UP\n    inet6 2001:db8::2/64 scope global flags 02\n    inet6 2001:db8::3/64 scope global tentative flags 28\n',
    );
    expect(problems).toEqual([]);
    expect(links.map(({ name, mtu }) => [name, mtu])).toEqual([['eth0', 1450]]);
    expect(addresses.map(({ address, deprecated }) => [address, deprecated])).toEqual([
      ['2001:db8::2/64', undefined],
      ['2001:db8::3/64', true],
    ]);
  });
});
