/** What is printed is read back as it was: for random values of every kind. */
import type { FdbEntry, IpSet, IpSetEntry, Listener, Neighbor, NexthopObject, Route } from '@podwire/engine';
import { describe, expect, test } from 'vitest';
import {
  emptyNetns,
  fdbRecords,
  type IpvsServer,
  type IpvsService,
  type ListedFdbEntry,
  nexthopRecords,
  type PortVlan,
  printBrctl,
  printBridgeFdb,
  printBridgeLink,
  printBridgeVlan,
  printIfconfig,
  printIfInet6,
  printIpsetList,
  printIpsetSave,
  printIpsetXml,
  printIpvsList,
  printIpvsSave,
  printNetstat,
  printNexthops,
  printProcArp,
  printProcRoute,
  printProcRoute6,
  printProcSockets,
  printRouteN,
  printRoutes,
  printSs,
  printSysctls,
  readBrctl,
  readBridgeFdb,
  readBridgeLink,
  readBridgeVlan,
  readIfconfig,
  readIfInet6,
  readIpNexthop,
  readIpRoute,
  readIpset,
  readIpvsList,
  readIpvsSave,
  readNetstat,
  readProcArp,
  readProcRoute,
  readProcRoute6,
  readProcSockets,
  readRouteN,
  readSs,
  readSysctls,
  routeRecords,
} from './index.ts';
import { Chance } from './random.fixture.ts';

const SEED = Number(process.env.PODWIRE_SEED ?? 20251121);

const chance = new Chance(SEED);
const ROUNDS = 60;
const title = (what: string) => `${what} (PODWIRE_SEED=${SEED})`;

function rounds(check: () => void): void {
  for (let i = 0; i < ROUNDS; i++) check();
}

function randomSetEntry(value: string): IpSetEntry {
  return {
    value,
    ...chance.maybe('nomatch', () => true),
    ...chance.maybe('comment', () => chance.of(['a b', '', "it's", 'x<y>&z'])),
    ...chance.maybe('timeout', () => chance.below(1000)),
    ...chance.maybe('counters', () => chance.counters()),
    ...chance.maybe('skbmark', () => '0x1/0xff'),
    ...chance.maybe('skbprio', () => '1:10'),
    ...chance.maybe('skbqueue', () => chance.below(65536)),
  };
}

let sets = 0;
function randomSet(): IpSet {
  const type = chance.of([
    'hash:ip',
    'hash:net',
    'hash:ip,port',
    'hash:net,iface',
    'hash:mac',
    'list:set',
    'bitmap:port',
  ]);
  const family = chance.of(['inet', 'inet6'] as const);
  const isHash = type.startsWith('hash:') && type !== 'hash:mac';
  const address = chance.address(family === 'inet' ? 4 : 6);
  const values: Record<string, string> = {
    'hash:ip,port': `${address},tcp:80`,
    'hash:net': `${address}/24`,
    'hash:net,iface': `${address},eth0`,
    'hash:mac': chance.mac(),
    'bitmap:port': '80',
    'list:set': 'other',
  };
  const options = isHash
    ? `family ${family} hashsize 1024 maxelem 65536${chance.is() ? ' timeout 300' : ''}`
    : 'size 8 counters';
  return {
    name: `set-${sets++}`,
    type,
    ...(isHash && { family }),
    entries: chance.list(4, () => randomSetEntry(values[type] ?? address)),
    options: type === 'bitmap:port' ? 'range 0-1023 comment' : options,
  };
}

test.each([
  ['save', printIpsetSave],
  ['list', printIpsetList],
  ['xml', printIpsetXml],
])(title('ipset %s'), (form, print) => {
  rounds(() => {
    const all = chance.list(4, randomSet);
    // ipset itself writes sets of sets last.
    const wanted = [...all.filter((s) => s.type !== 'list:set'), ...all.filter((s) => s.type === 'list:set')];
    expect(readIpset(print(all))).toEqual({ sets: form === 'save' ? wanted : all, problems: [] });
  });
});

let ports = 1000;
function randomListener(protocols: readonly number[]): Listener {
  const family = chance.of([4, 6] as const);
  const any = family === 4 ? '0.0.0.0' : '::';
  const address = chance.is() ? any : chance.address(family);
  return {
    protocol: chance.of(protocols),
    address,
    port: ports++,
    ...chance.maybe('process', () => chance.of(['sshd', 'kube-proxy', 'nginx'])),
  };
}

describe(title('listeners'), () => {
  test('ss', () => {
    rounds(() => {
      const all = chance.list(5, () => ({
        ...randomListener([6, 17, 132]),
        ...chance.maybe('device', () => 'lo', 0.2),
      }));
      const settled = all.map((l) => (l.address === '::' && chance.is() ? { ...l, v6only: true } : l));
      expect(readSs(printSs(settled))).toEqual({ listeners: settled, passedOver: {}, problems: [] });
    });
  });

  test('netstat', () => {
    rounds(() => {
      const all = chance.list(5, () => randomListener([6, 17]));
      expect(readNetstat(printNetstat(all))).toEqual({ listeners: all, passedOver: {}, problems: [] });
    });
  });

  test.each([6, 17] as const)('/proc/net, protocol %i', (protocol) => {
    rounds(() => {
      const all = chance.list(5, () => {
        const { process: _, ...listener } = randomListener([protocol]);
        return listener;
      });
      for (const family of [4, 6] as const) {
        const own = all.filter(({ address }) => address.includes(':') === (family === 6));
        const text = printProcSockets(all, protocol, family);
        expect(readProcSockets(text, protocol)).toEqual({ listeners: own, passedOver: {}, problems: [] });
      }
    });
  });

  test('an IPv6 socket beside one of IPv4 takes IPv6 alone', () => {
    const { listeners } = readNetstat(
      printNetstat([
        { protocol: 6, address: '0.0.0.0', port: 80 },
        { protocol: 6, address: '::', port: 80 },
        { protocol: 6, address: '::', port: 81 },
      ]),
    );
    expect(listeners.map((l) => l.v6only)).toEqual([undefined, true, undefined]);
  });
});

test(title('sysctl'), () => {
  rounds(() => {
    const names = chance.list(6, () => `net.ipv4.conf.${chance.name().replaceAll('.', '/')}.rp_filter`);
    const all = Object.fromEntries(names.map((name) => [name, chance.of([0, 1, -1, '4096\t87380\t6291456', 'cubic'])]));
    expect(readSysctls(printSysctls(all))).toEqual({ sysctls: all, leftOut: 0, problems: [] });
  });
});

function randomFdb(): ListedFdbEntry {
  const self = chance.is(0.3);
  const entry: FdbEntry = {
    mac: chance.mac(),
    link: chance.name(),
    ...chance.maybe('dst', () => chance.address(chance.of([4, 6] as const))),
    ...chance.maybe('vlan', () => 1 + chance.below(4094)),
  };
  return {
    ...entry,
    ...(self ? { self } : { master: 'br0' }),
    ...chance.maybe('state', () => chance.of(['permanent', 'static'] as const)),
  };
}

describe(title('bridges'), () => {
  test('fdb, text and JSON', () => {
    rounds(() => {
      const all = chance.list(6, randomFdb);
      expect(readBridgeFdb(printBridgeFdb(all))).toEqual({ entries: all, problems: [] });
      expect(readBridgeFdb(JSON.stringify(fdbRecords(all)))).toEqual({ entries: all, problems: [] });
    });
  });

  test('ports, VLANs, members', () => {
    rounds(() => {
      const all = chance.list(4, () => ({
        name: chance.name(),
        master: 'br0',
        state: chance.of(['forwarding', 'blocking']),
        ...chance.maybe('hairpin', () => true),
        ...chance.maybe('isolated', () => true),
      }));
      expect(readBridgeLink(printBridgeLink(all, () => 5))).toEqual({ ports: all, problems: [] });
      const vlans = chance.list(
        6,
        (): PortVlan => ({
          link: chance.of(['eth0', 'eth1']),
          vid: 1 + chance.below(2000),
          ...chance.maybe('end', () => 3000),
          ...chance.maybe('pvid', () => true),
          ...chance.maybe('untagged', () => true),
        }),
      );
      expect(readBridgeVlan(printBridgeVlan(vlans))).toEqual({ vlans, problems: [] });
      const bridges = chance.list(3, () => ({ name: chance.name(), ports: chance.list(3, () => chance.name()) }));
      expect(readBrctl(printBrctl(bridges))).toEqual({
        bridges: bridges.map((b) => b.name),
        ports: bridges.flatMap((b) => b.ports.map((name) => ({ name, master: b.name }))),
        problems: [],
      });
    });
  });
});

function randomService(index: number): IpvsService {
  const family = chance.of([4, 6] as const);
  const isMark = chance.is(0.2);
  const server = (): IpvsServer => ({
    address: chance.address(family),
    port: chance.below(65536),
    method: chance.of(['masquerade', 'tunnel', 'route']),
    weight: chance.below(100),
  });
  return {
    ...(isMark
      ? { fwmark: index + 1, ...(family === 6 && { ipv6: true }) }
      : { protocol: chance.of(['tcp', 'udp', 'sctp'] as const), address: chance.address(family), port: index }),
    scheduler: chance.of(['rr', 'wlc', 'sh', 'mh']),
    ...chance.maybe('flags', () => 'sh-port'),
    ...chance.maybe('persistent', () => 1 + chance.below(9999)),
    ...chance.maybe('netmask', () => '255.255.255.0'),
    ...chance.maybe('pe', () => 'sip'),
    ...chance.maybe('onePacket', () => true),
    servers: chance.list(3, server),
  };
}

test(title('ipvsadm'), () => {
  rounds(() => {
    const plain = Array.from({ length: chance.below(5) }, (_, i) => randomService(i));
    expect(readIpvsList(printIpvsList(plain))).toEqual({ services: plain, problems: [] });
    const all = plain.map((service) => ({
      ...service,
      servers: service.servers.map((s) => ({
        ...s,
        ...chance.maybe('upper', () => 5),
        ...chance.maybe('lower', () => 2),
      })),
    }));
    expect(readIpvsSave(printIpvsSave(all))).toEqual({ services: all, problems: [] });
  });
});

function randomRoute(family: 4 | 6, full: boolean): Route {
  const type = chance.is(0.8) ? 'unicast' : ('unreachable' as const);
  const via = type === 'unicast' && chance.is() ? { via: chance.address(family) } : {};
  const isReject = type === 'unreachable';
  const length = family === 4 ? chance.of([8, 16, 24, 32]) : chance.of([32, 48, 64, 128]);
  const address = family === 4 ? `${1 + chance.below(200)}.0.0.0` : `2001:${(1 + chance.below(60000)).toString(16)}::`;
  return {
    family,
    type,
    destination: `${address}/${length}`,
    ...(family === 6 ? { metric: 1 + chance.below(2000) } : chance.maybe('metric', () => 1 + chance.below(2000))),
    scope: family === 6 || 'via' in via || isReject ? 'global' : 'link',
    ...(full && { protocol: chance.of(['boot', 'static', 'bird', 'kernel']) }),
    ...(full && chance.maybe('mtu', () => 1400)),
    ...(full &&
      chance.maybe('extra', () =>
        chance.of([
          'advmss 1400 initcwnd 10',
          'realm 5 hoplimit 5',
          'rto_min 5ms congctl reno',
          'expires 299sec pref high',
        ]),
      )),
    nexthops: isReject ? [] : [{ dev: 'eth0', ...via }],
  };
}

const distinctRoutes = (routes: Route[]) => [...new Map(routes.map((r) => [r.destination, r])).values()];

describe(title('routes'), () => {
  test.each([4, 6] as const)('ip route with what decides nothing, IPv%i, text and JSON', (family) => {
    rounds(() => {
      const all = distinctRoutes(chance.list(6, () => randomRoute(family, true)));
      const netns = {
        ...emptyNetns('x'),
        links: [{ name: 'eth0', kind: 'device' as const }],
        tables: [{ id: 254, routes: all }],
      };
      const text = printRoutes(netns, { family });
      const json = JSON.stringify(routeRecords(netns, { family, details: true }));
      for (const form of [text, json]) {
        const { tables, problems } = readIpRoute(form, undefined);
        expect(problems).toEqual([]);
        const byDestination = (a: Route, b: Route) => (a.destination < b.destination ? -1 : 1);
        expect((tables[0]?.routes ?? []).toSorted(byDestination)).toEqual(all.toSorted(byDestination));
      }
    });
  });

  test('/proc/net/route and route -n', () => {
    rounds(() => {
      const all = chance.list(5, () => randomRoute(4, false));
      expect(readProcRoute(printProcRoute(all))).toEqual({ routes: all, problems: [] });
      expect(readRouteN(printRouteN(all))).toEqual({ routes: all, problems: [] });
    });
  });

  test('/proc/net/ipv6_route', () => {
    rounds(() => {
      const all = chance.list(5, () => randomRoute(6, false));
      expect(readProcRoute6(printProcRoute6(all))).toEqual({ routes: all, local: [], problems: [] });
    });
  });

  test('nexthop objects, text and JSON', () => {
    rounds(() => {
      const all = Array.from({ length: chance.below(5) }, (_, i): NexthopObject => {
        const id = i + 1;
        const protocol = chance.maybe('protocol', () => 'bgp');
        if (chance.is(0.2)) return { id, family: 4, blackhole: true, ...protocol };
        if (chance.is(0.3)) {
          const extra = chance.maybe('extra', () => 'type resilient buckets 32 idle_timer 60');
          return { id, group: [{ id: 7, weight: 1 + chance.below(4) }], ...protocol, ...extra };
        }
        const family = chance.of([4, 6] as const);
        const nexthop = { dev: 'eth0', via: chance.address(family), ...chance.maybe('onlink', () => true) };
        return { id, family, nexthop, scope: 'link', ...protocol };
      });
      expect(readIpNexthop(printNexthops(all))).toEqual({ nexthops: all, problems: [] });
      expect(readIpNexthop(JSON.stringify(nexthopRecords(all)))).toEqual({ nexthops: all, problems: [] });
    });
  });
});

describe(title('addresses and neighbours'), () => {
  test('/proc/net/arp', () => {
    rounds(() => {
      const all = chance.list(5, (): Neighbor => {
        const entry = { link: chance.name(), address: chance.address(4) };
        if (chance.is(0.2)) return { ...entry, proxy: true };
        return { ...entry, lladdr: chance.mac(), state: chance.of(['permanent', 'reachable'] as const) };
      });
      expect(readProcArp(printProcArp(all))).toEqual({ neighbors: all, problems: [] });
    });
  });

  test('/proc/net/if_inet6', () => {
    rounds(() => {
      const all = chance.list(4, () => ({
        link: chance.of(['eth0', 'eth1']),
        address: `${chance.address(6)}/64`,
        scope: chance.of(['global', 'link', 'site'] as const),
        ...chance.maybe('deprecated', () => true),
      }));
      const read = readIfInet6(printIfInet6(all, (link) => (link === 'eth0' ? 2 : 3)));
      expect(read.addresses).toEqual(all);
      expect(read.problems).toEqual([]);
    });
  });

  test('ifconfig', () => {
    rounds(() => {
      const names = ['lo', ...chance.list(3, () => chance.name())];
      const links = [...new Set(names)].map((name) => {
        if (name === 'lo') return { name, kind: 'loopback' as const, up: true, mtu: 65536 };
        const up = chance.is(0.8);
        return { name, kind: 'device' as const, up, mtu: 1500, ...(up && { carrier: chance.is() }), mac: chance.mac() };
      });
      // `ifconfig` prints no scope for IPv4.
      const scope4 = (address: string) => (address.startsWith('127.') ? ('host' as const) : ('global' as const));
      const addresses = links.slice(1).flatMap(({ name: link }) => {
        const address = chance.address(4);
        const broadcast = chance.maybe('broadcast', () => '10.0.0.255');
        return [
          { link, address: `${address}/24`, scope: scope4(address), ...broadcast },
          { link, address: `${chance.address(6)}/64`, scope: chance.of(['global', 'link'] as const) },
        ];
      });
      expect(readIfconfig(printIfconfig({ links, addresses }))).toEqual({ links, addresses, problems: [] });
    });
  });
});
