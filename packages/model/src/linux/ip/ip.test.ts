import type { Netns } from '@podwire/engine';
import { describe, expect, it } from 'vitest';
import {
  applyBridge,
  applyIp,
  emptyNetns,
  printAddresses,
  printLinks,
  printNeighbors,
  printNexthops,
  printRoutes,
  printRules,
  readIpRule,
} from './index.ts';

/** Two namespaces with a wire between them, both ends up, as `ip link add v0 type veth peer name v1 netns other` and so on leave them. */
function wired(): { netns: Netns; world: Netns[] } {
  const netns = emptyNetns('here');
  const other = emptyNetns('there');
  const world = [netns, other];
  const made = applyIp(
    netns,
    'link add v0 address 02:00:00:00:00:01 type veth peer name v1 netns there address 02:00:00:00:00:02\nlink set v0 up',
    world,
  );
  expect(made).toEqual([]);
  expect(applyIp(other, 'link set v1 up', world)).toEqual([]);
  return { netns, world };
}

function after(commands: string): { netns: Netns; world: Netns[]; said: string[] } {
  const { netns, world } = wired();
  return { netns, world, said: applyIp(netns, commands, world).map(({ line, message }) => `${line}: ${message}`) };
}

// What stands here as expected was printed by iproute2 6.1 on Linux 6.18 after the same commands.
describe('ip addr', () => {
  it('makes connected routes and knows secondary and remote addresses', () => {
    const { netns, world, said } = after(
      'addr add 10.0.0.1/24 brd + dev v0\naddr add 10.0.0.2/24 dev v0\naddr add 10.9.0.1 peer 10.9.0.2/32 dev v0\naddr add fd00::1/64 dev v0 nodad',
    );
    expect(said).toEqual([]);
    expect(printRoutes(netns, { family: 4, table: 'all' }, world)).toBe(
      '10.0.0.0/24 dev v0 proto kernel scope link src 10.0.0.1 \n' +
        '10.9.0.2 dev v0 proto kernel scope link src 10.9.0.1 \n' +
        'local 10.0.0.1 dev v0 table local proto kernel scope host src 10.0.0.1 \n' +
        'local 10.0.0.2 dev v0 table local proto kernel scope host src 10.0.0.1 \n' +
        'broadcast 10.0.0.255 dev v0 table local proto kernel scope link src 10.0.0.1 \n' +
        'local 10.9.0.1 dev v0 table local proto kernel scope host src 10.9.0.1 \n' +
        'local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1 \n' +
        'local 127.0.0.1 dev lo table local proto kernel scope host src 127.0.0.1 \n' +
        'broadcast 127.255.255.255 dev lo table local proto kernel scope link src 127.0.0.1 \n',
    );
    expect(printAddresses(netns, world).split('\n').slice(6, 18)).toEqual([
      '2: v0@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000',
      '    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff link-netns there',
      '    inet 10.0.0.1/24 brd 10.0.0.255 scope global v0',
      '       valid_lft forever preferred_lft forever',
      '    inet 10.9.0.1 peer 10.9.0.2/32 scope global v0',
      '       valid_lft forever preferred_lft forever',
      '    inet 10.0.0.2/24 scope global secondary v0',
      '       valid_lft forever preferred_lft forever',
      '    inet6 fd00::1/64 scope global ',
      '       valid_lft forever preferred_lft forever',
      '    inet6 fe80::ff:fe00:1/64 scope link ',
      '       valid_lft forever preferred_lft forever',
    ]);
  });

  it('takes secondary addresses and routes away with the first', () => {
    const { netns, world, said } = after(
      'addr add 10.0.0.1/24 dev v0\naddr add 10.0.0.2/24 dev v0\nroute add 1.2.3.0/24 via 10.0.0.9 src 10.0.0.2\naddr del 10.0.0.1/24 dev v0',
    );
    expect(said).toEqual([]);
    expect(netns.addresses.map(({ address }) => address)).toEqual(['fe80::ff:fe00:1/64']);
    expect(printRoutes(netns, { family: 4 }, world)).toBe('');
  });

  it('refuses in the words of the tool', () => {
    const { said } = after(
      'addr add 10.0.0.1/24 dev v0\naddr add 10.0.0.1/24 dev v0\naddr add 10.0.0.1/24 dev v7\naddr del 10.0.0.3/24 dev v0',
    );
    expect(said).toEqual([
      '2: Error: ipv4: Address already assigned.',
      '3: Cannot find device "v7"',
      '4: Error: ipv4: Address not found.',
    ]);
  });
});

describe('ip route', () => {
  const base = 'addr add 10.0.0.1/24 dev v0\naddr add fd00::1/64 dev v0 nodad\n';

  it('orders what shares a prefix', () => {
    const { netns, world, said } = after(
      `${base}route add default via 10.0.0.9\nroute append default via 10.0.0.8\nroute prepend default via 10.0.0.7\nroute add default via 10.0.0.6 metric 5\nroute replace default via 10.0.0.5`,
    );
    expect(said).toEqual([]);
    expect(printRoutes(netns, { family: 4 }, world)).toBe(
      'default via 10.0.0.5 dev v0 \n' +
        'default via 10.0.0.9 dev v0 \n' +
        'default via 10.0.0.8 dev v0 \n' +
        'default via 10.0.0.6 dev v0 metric 5 \n' +
        '10.0.0.0/24 dev v0 proto kernel scope link src 10.0.0.1 \n',
    );
  });

  it('joins IPv6 gateways of one metric', () => {
    const { netns, world, said } = after(
      `${base}-6 route add default via fd00::9\n-6 route append default via fd00::8\n-6 route add unreachable 2001:db8::/32`,
    );
    expect(said).toEqual([]);
    expect(printRoutes(netns, { family: 6 }, world)).toBe(
      'unreachable 2001:db8::/32 dev lo metric 1024 pref medium\n' +
        'fd00::/64 dev v0 proto kernel metric 256 pref medium\n' +
        'fe80::/64 dev v0 proto kernel metric 256 pref medium\n' +
        'default metric 1024 pref medium\n\tnexthop via fd00::9 dev v0 weight 1 \n\tnexthop via fd00::8 dev v0 weight 1 \n',
    );
  });

  it('refuses what the kernel refuses', () => {
    const { said } = after(
      `${base}route add 1.0.0.0/8 via 10.0.0.9\nroute add 1.0.0.0/8 via 10.0.0.8\nroute add 2.0.0.0/8 via 9.9.9.9\nroute add 3.0.0.1/8 dev v0\n-6 route add 2001:db8::/32 via fd00::1\n-6 route add 2001:db8::/32 via fd99::1\nroute add 4.0.0.0/8 dev v0 src 5.5.5.5\nroute del 6.0.0.0/8\nroute add unreachable 7.0.0.0/8 dev v0\nroute add 8.0.0.0/8 nhid 7`,
    );
    expect(said).toEqual([
      '4: RTNETLINK answers: File exists',
      '5: Error: Nexthop has invalid gateway.',
      '6: Error: Invalid prefix for given prefix length.',
      '7: Error: Gateway can not be a local address.',
      '8: RTNETLINK answers: No route to host',
      '9: Error: Invalid prefsrc address.',
      '10: RTNETLINK answers: No such process',
      '11: Error: Gateway, device and multipath can not be specified for this route type.',
      '12: Error: Nexthop id does not exist.',
    ]);
  });

  it('takes routes away when their link goes down', () => {
    const { netns, world, said } = after(
      `${base}route add 1.0.0.0/8 via 10.0.0.9\nroute add blackhole 2.0.0.0/8\nlink set v0 down`,
    );
    expect(said).toEqual([]);
    expect(printRoutes(netns, { family: 4 }, world)).toBe('blackhole 2.0.0.0/8 \n');
    expect(netns.addresses.map(({ address }) => address)).toEqual(['10.0.0.1/24']);
  });

  it('shows a route without a carrier', () => {
    const { netns, world } = after(`${base}route add 1.0.0.0/8 via 10.0.0.9`);
    const [, other] = world;
    if (!other) throw new Error('no other end');
    applyIp(other, 'link set v1 down', world);
    expect(printRoutes(netns, { family: 4 }, world)).toBe(
      '1.0.0.0/8 via 10.0.0.9 dev v0 linkdown \n10.0.0.0/24 dev v0 proto kernel scope link src 10.0.0.1 linkdown \n',
    );
    expect(printLinks(netns, world)).toContain('v0@if2: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500');
  });
});

describe('ip rule', () => {
  it('counts priorities down and prints every selector', () => {
    const { netns, said } = after(
      'rule add not from 10.0.0.0/8 to 1.2.3.0/24 tos 0x10 fwmark 1/2 iif lo oif v0 ipproto tcp sport 5 dport 6-7 lookup 100 suppress_prefixlength 5\nrule add from 1.2.3.4 goto 32766\nrule add nop\nrule add from 1.2.3.4 prohibit\nrule add from 1.2.3.4 prohibit\nrule add priority 32761 from 1.2.3.4 prohibit\nrule add priority 100 goto 50',
    );
    expect(said).toEqual(['6: RTNETLINK answers: File exists', '7: Error: Backward goto not supported.']);
    expect(printRules(netns, 4)).toBe(
      '0:\tfrom all lookup local\n' +
        '32761:\tfrom 1.2.3.4 prohibit\n32762:\tfrom 1.2.3.4 prohibit\n' +
        '32763:\tfrom all nop\n' +
        '32764:\tfrom 1.2.3.4 goto 32766\n' +
        '32765:\tnot from 10.0.0.0/8 to 1.2.3.0/24 tos 0x10 fwmark 0x1/0x2 iif lo oif v0 ipproto tcp sport 5 dport 6-7 lookup 100 suppress_prefixlength 5\n' +
        '32766:\tfrom all lookup main\n' +
        '32767:\tfrom all lookup default\n',
    );
  });
});

// Lines as iproute2 6.1 lists them, from Linux 6.18.
describe('ip rule, read as listed', () => {
  const listed =
    '0:\tfrom all lookup local\n' +
    '100:\tfrom all uidrange 1000-2000 ipproto tcp sport 10-20 lookup 100\n' +
    '101:\tfrom all tun_id 77 lookup 101 suppress_prefixlength 3 suppress_ifgroup 7\n' +
    '102:\tfrom all lookup 102 suppress_ifgroup default\n' +
    '103:\tfrom all tos 0x10 fwmark 0x1/0x3 iif d0 oif d1 uidrange 0-0 dport 5 prohibit\n' +
    '104:\tnot from all uidrange 5-6 lookup 100\n';
  const records =
    '[{"priority":0,"src":"all","table":"local"},{"priority":100,"src":"all","uid_start":1000,"uid_end":2000,"ipproto":"tcp","sport_start":10,"sport_end":20,"table":"100"},{"priority":101,"src":"all","tun_id":77,"table":"101","suppress_prefixlen":3,"suppress_ifgroup":"7"},{"priority":102,"src":"all","table":"102","suppress_ifgroup":"default"},{"priority":103,"src":"all","tos":"0x10","fwmark":"0x1","fwmask":"0x3","iif":"d0","iif_detached":null,"oif":"d1","oif_detached":null,"uid_start":0,"uid_end":0,"dport":5,"action":"prohibit"},{"priority":104,"not":null,"src":"all","uid_start":5,"uid_end":6,"table":"100"}]';

  it.each([listed, records])('users, tunnels, groups', (text) => {
    const { rules, problems } = readIpRule(text, 4);
    expect(problems).toEqual([]);
    expect(printRules({ ...emptyNetns('here'), rules }, 4)).toBe(listed);
    expect(rules[2]).toEqual({
      family: 4,
      priority: 101,
      tunId: 77,
      suppressPrefixLength: 3,
      suppressGroup: 7,
      action: { kind: 'lookup', table: 101 },
    });
  });
});

describe('ip nexthop', () => {
  it('keeps resilient groups, whose routes know how many buckets they have', () => {
    const { netns, said } = after(
      'addr add 10.0.0.1/24 dev v0\nnexthop add id 1 via 10.0.0.9 dev v0\nnexthop add id 2 via 10.0.0.8 dev v0\nnexthop add id 12 group 1,3/2 type resilient buckets 16 idle_timer 60 unbalanced_timer 5\nnexthop add id 13 group 1/2 type resilient\nnexthop add id 14 group 1/2 type mpath\nroute add 10.9.0.0/16 nhid 12\nroute add 10.8.0.0/16 nhid 14',
    );
    expect(said).toEqual(['5: Error: Number of buckets not specified for nexthop group insertion.']);
    expect(printNexthops(netns.nexthops ?? [])).toContain(
      'id 12 group 1,3/2 type resilient buckets 16 idle_timer 60 unbalanced_timer 5 unbalanced_time 0 \n',
    );
    const buckets = netns.tables.flatMap(({ routes }) => routes.flatMap((r) => (r.nhid ? [[r.nhid, r.buckets]] : [])));
    expect(buckets).toEqual([
      [12, 16],
      [14, undefined],
    ]);
  });
});

describe('ip neigh and bridge', () => {
  it('keeps static neighbours and proxy entries', () => {
    const { netns, said } = after(
      'neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0 nud permanent\nneigh add 10.0.0.10 lladdr 02:00:00:00:00:09 dev v0 nud stale\nneigh add proxy 10.0.0.11 dev v0\nneigh add 10.0.0.9 lladdr 02:00:00:00:00:08 dev v0',
    );
    expect(said).toEqual(['4: RTNETLINK answers: File exists']);
    expect(printNeighbors(netns)).toBe(
      '10.0.0.9 dev v0 lladdr 02:00:00:00:00:09 PERMANENT \n10.0.0.10 dev v0 lladdr 02:00:00:00:00:09 STALE \n',
    );
    expect(printNeighbors(netns, true)).toBe('10.0.0.11 dev v0 proxy \n');
  });

  it('makes macvlans on a link, which go with it', () => {
    const { netns, said, world } = after(
      'link add link v0 name mv0 address 02:00:00:00:00:09 type macvlan mode bridge\nlink set mv0 up\nlink add mv1 type macvlan',
    );
    expect(said).toEqual(['3: RTNETLINK answers: Invalid argument']);
    expect(netns.links.find(({ name }) => name === 'mv0')).toMatchObject({
      kind: 'macvlan',
      mode: 'bridge',
      lower: { netns: 'here', link: 'v0' },
    });
    expect(printLinks(netns, world)).toContain(': mv0@v0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 ');
    expect(applyIp(netns, 'link del v0', world)).toEqual([]);
    expect(netns.links.map(({ name }) => name)).not.toContain('mv0');
  });

  it('sets ports and forwarding entries', () => {
    const { netns, world } = after('link add br0 type bridge\nlink set v0 master br0\nlink set br0 up');
    expect(
      applyBridge(netns, 'link set dev v0 hairpin on isolated on\nfdb append 02:00:00:00:00:07 dev v0 master', world),
    ).toEqual([]);
    expect(netns.links.find(({ name }) => name === 'v0')).toMatchObject({
      master: 'br0',
      hairpin: true,
      isolated: true,
    });
    expect(netns.fdb).toEqual([{ mac: '02:00:00:00:00:07', link: 'v0' }]);
    expect(applyBridge(netns, 'link set dev br0 hairpin on', world)).toHaveLength(1);
  });
});
