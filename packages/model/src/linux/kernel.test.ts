/** The readers and printers against the tools themselves: what they print of a network namespace is read, and printed as they print it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  emptyNetns,
  nexthopRecords,
  printAddresses,
  printBridgeFdb,
  printConntrack,
  printConntrackXml,
  printIpsetSave,
  printNexthops,
  printProcArp,
  printProcConntrack,
  printRoutes,
  printRules,
  printSs,
  printSysctls,
  readArp,
  readBridgeFdb,
  readBridgeLink,
  readBridgeVlan,
  readConntrack,
  readFibTrie,
  readIfconfig,
  readIfInet6,
  readIpAddr,
  readIpNeigh,
  readIpNexthop,
  readIpRoute,
  readIpRule,
  readIpset,
  readNetstat,
  readProcArp,
  readProcDev,
  readProcRoute,
  readProcRoute6,
  readProcSockets,
  readRouteN,
  readSs,
  readSysctls,
} from './index.ts';
import { COMMANDS, OPTIONAL, SETUP, SOCKETS } from './kernel.fixture.ts';

/** Not a package's program, but the system's. */
const IP: string = 'ip';
const NAME = `pw-text-${process.pid}`;

let texts: Partial<Record<string, string | null>> = {};
let why = '';

beforeAll(() => {
  if (process.getuid?.() !== 0) {
    why = 'needs kernel: not root';
    return;
  }
  if (spawnSync(IP, ['netns', 'add', NAME]).status !== 0) {
    why = 'needs kernel: no network namespace can be made';
    return;
  }
  const inside = (script: string, flags: string[]) =>
    spawnSync(IP, ['netns', 'exec', NAME, 'bash', ...flags, '-c', script], { encoding: 'utf8' });
  const made = inside(SETUP, ['-e']);
  if (made.status !== 0) {
    why = `needs kernel: ${made.stderr.split('\n')[0]}`;
    return;
  }
  inside(OPTIONAL, []);
  const input = JSON.stringify(COMMANDS);
  const printed = execFileSync(IP, ['netns', 'exec', NAME, 'python3', '-c', SOCKETS], { input, encoding: 'utf8' });
  texts = JSON.parse(printed) as typeof texts;
});

afterAll(() => {
  spawnSync(IP, ['netns', 'del', NAME]);
});

/** Runs the check on what the command printed; skipped where the machine lacks the tool or has nothing to show. */
function of(command: (typeof COMMANDS)[number], check: (text: string) => void): void {
  test(command, (context) => {
    context.skip(why !== '', why);
    const text = texts[command];
    if (text === undefined || text === null) context.skip(true, `needs kernel: "${command}" does not run here`);
    else check(text);
  });
}

const lines = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .sort();

describe('ip', () => {
  for (const command of [
    'ip addr',
    'ip -d addr',
    'ip -s -s -d addr',
    'ip -o addr',
    'ip -o -d link',
    'ip -j -d addr',
  ] as const) {
    of(command, (text) => {
      const { links, addresses, problems } = readIpAddr(text, { netns: 'here' });
      expect(problems).toEqual([]);
      if (command === 'ip -o addr') expect(addresses.length).toBeGreaterThan(6);
      else expect(links.map((link) => link.name).sort()).toEqual(['br0', 'lo', 'v0', 'v1']);
    });
  }

  of('ip addr', (text) => {
    const { links, addresses } = readIpAddr(text, { netns: 'here' });
    // Flags of addresses that are still being looked for, and how they came, are not kept.
    const plain = (value: string) => value.replaceAll(/ (tentative|nodad|noprefixroute|proto \w+)(?= )/g, '');
    expect(lines(plain(printAddresses({ ...emptyNetns('here'), links, addresses })))).toEqual(lines(plain(text)));
  });

  for (const command of ['ip -4 route', 'ip -6 route'] as const) {
    of(command, (text) => {
      const family = command === 'ip -4 route' ? 4 : 6;
      const { tables, problems } = readIpRoute(text, undefined);
      expect(problems).toEqual([]);
      const { links } = readIpAddr(texts['ip -d addr'] ?? '', { netns: 'here' });
      expect(lines(printRoutes({ ...emptyNetns('here'), links, tables }, { family }))).toEqual(lines(text));
    });
  }

  for (const command of [
    'ip route show table all',
    'ip -d route show table all',
    'ip -j -d route show table all',
    'ip -j -d -6 route show table all',
  ] as const) {
    of(command, (text) => {
      const { tables, problems } = readIpRoute(text, undefined);
      expect(problems).toEqual([]);
      const own = tables.flatMap(({ id, routes }) => routes.map((r) => `${id} ${r.family} ${r.type} ${r.destination}`));
      const of4 = ['100 4 unicast 0.0.0.0/0', '254 4 unicast 3.0.0.0/8', '254 4 blackhole 4.0.0.0/8'];
      const of6 = ['254 6 unicast fd01::/64', '254 6 unreachable fd02::/64', '255 6 local fd00::1/128'];
      expect(own).toEqual(
        expect.arrayContaining(command.includes('-6') ? of6 : command.includes('-j') ? of4 : [...of4, ...of6]),
      );
    });
  }

  for (const command of ['ip rule', 'ip -d rule', 'ip -j -d rule', 'ip -6 rule'] as const) {
    of(command, (text) => {
      const family = command === 'ip -6 rule' ? 6 : 4;
      const { rules, problems } = readIpRule(text, family);
      expect(problems).toEqual([]);
      const printed = printRules({ ...emptyNetns('here'), rules }, family);
      expect(lines(printed)).toEqual(lines(texts[family === 6 ? 'ip -6 rule' : 'ip rule'] ?? ''));
    });
  }

  for (const command of ['ip neigh', 'ip -s neigh', 'ip -j neigh', 'ip neigh show proxy'] as const) {
    of(command, (text) => {
      const { neighbors, problems } = readIpNeigh(text);
      expect(problems).toEqual([]);
      const wanted =
        command === 'ip neigh show proxy'
          ? { link: 'br0', address: '10.0.0.11', proxy: true }
          : { link: 'br0', address: '10.0.0.8', lladdr: '02:00:00:00:00:08', state: 'permanent' };
      expect(neighbors).toContainEqual(wanted);
    });
  }

  of('ip nexthop', (text) => {
    const { nexthops, problems } = readIpNexthop(text);
    expect(problems).toEqual([]);
    expect(lines(printNexthops(nexthops))).toEqual(lines(text));
  });

  of('ip -d nexthop', (text) => {
    expect(readIpNexthop(text).problems).toEqual([]);
  });

  of('ip -j nexthop', (text) => {
    const { nexthops } = readIpNexthop(text);
    expect(nexthopRecords(nexthops)).toEqual(JSON.parse(text));
  });
});

describe('bridge', () => {
  of('bridge fdb', (text) => {
    const { entries, problems } = readBridgeFdb(text);
    expect(problems).toEqual([]);
    expect(lines(printBridgeFdb(entries))).toEqual(lines(text));
  });

  for (const command of ['bridge -d -s fdb', 'bridge -j -d -s fdb'] as const) {
    of(command, (text) => {
      const { entries, problems } = readBridgeFdb(text);
      expect(problems).toEqual([]);
      expect(lines(printBridgeFdb(entries))).toEqual(lines(texts['bridge fdb'] ?? ''));
    });
  }

  for (const command of ['bridge link', 'bridge -d link', 'bridge -j -d link'] as const) {
    of(command, (text) => {
      expect(readBridgeLink(text)).toEqual({
        ports: [{ name: 'v0', master: 'br0', state: expect.any(String) }],
        problems: [],
      });
    });
  }

  for (const command of ['bridge vlan', 'bridge -j vlan'] as const) {
    of(command, (text) => {
      expect(readBridgeVlan(text).problems).toEqual([]);
    });
  }
});

describe('ipset', () => {
  for (const command of ['ipset save', 'ipset list', 'ipset list -o xml'] as const) {
    of(command, (text) => {
      const { sets, problems } = readIpset(text);
      expect(problems).toEqual([]);
      expect(lines(printIpsetSave(sets))).toEqual(lines(texts['ipset save'] ?? ''));
    });
  }
});

describe('conntrack', () => {
  of('conntrack -L', (text) => {
    const { entries, problems } = readConntrack(text);
    expect(problems).toEqual([]);
    expect(lines(printConntrack(entries))).toEqual(lines(text));
  });

  of('conntrack -L -o extended,id', (text) => {
    const { entries, problems } = readConntrack(text);
    expect(problems).toEqual([]);
    expect(lines(printConntrack(entries, { extended: true, id: true }))).toEqual(lines(text));
  });

  of('conntrack -L -o xml', (text) => {
    const { entries, problems } = readConntrack(text);
    expect(problems).toEqual([]);
    expect(lines(printConntrackXml(entries)).length).toBe(lines(text).length);
    expect(entries.length).toBe(lines(text).length - 3);
    const again = readConntrack(printConntrackXml(entries));
    expect(again.entries).toEqual(entries);
  });

  of('cat /proc/net/nf_conntrack', (text) => {
    const { entries, problems } = readConntrack(text);
    expect(problems).toEqual([]);
    expect(lines(printProcConntrack(entries))).toEqual(lines(text));
  });
});

describe('listeners', () => {
  const ends = ({ listeners }: ReturnType<typeof readSs>) =>
    listeners.map((l) => `${l.protocol} ${l.address} ${l.port}${l.v6only ? ' v6only' : ''}`).sort();
  const own = (all: string[]) => all.filter((end) => / (22|53|54|8080|909\d)\b/.test(end));
  const wanted = [
    '17 0.0.0.0 53',
    '17 :: 54',
    '6 0.0.0.0 22',
    '6 127.0.0.1 8080',
    '6 :: 9090',
    '6 :: 9092',
    '6 ::1 9091',
  ];

  for (const command of ['ss -lntup', 'ss -ntuap', 'ss -anp'] as const) {
    of(command, (text) => {
      const read = readSs(text);
      expect(read.problems).toEqual([]);
      expect(own(ends(read))).toEqual([...wanted.slice(0, 5), '6 :: 9092 v6only', '6 ::1 9091']);
      expect(ends(readSs(printSs(read.listeners)))).toEqual(ends(read));
    });
  }

  for (const command of ['netstat -lntup', 'netstat -anp'] as const) {
    of(command, (text) => {
      const read = readNetstat(text);
      expect(read.problems).toEqual([]);
      expect(own(ends(read))).toEqual(wanted);
    });
  }

  for (const [command, protocol, part] of [
    ['cat /proc/net/tcp', 6, wanted.filter((w) => w.startsWith('6') && !w.includes('::'))],
    ['cat /proc/net/tcp6', 6, wanted.filter((w) => w.startsWith('6') && w.includes('::'))],
    ['cat /proc/net/udp', 17, ['17 0.0.0.0 53']],
    ['cat /proc/net/udp6', 17, ['17 :: 54']],
  ] as const) {
    of(command, (text) => {
      const read = readProcSockets(text, protocol);
      expect(read.problems).toEqual([]);
      expect(own(ends(read))).toEqual(part);
    });
  }
});

of('sysctl -a 2>/dev/null', (text) => {
  const { sysctls, problems } = readSysctls(text);
  expect(problems).toEqual([]);
  expect(sysctls['net.ipv4.conf.br0.rp_filter']).toBe(2);
  const known = new Set(lines(printSysctls(sysctls)));
  expect([...known].filter((line) => !lines(text).includes(line))).toEqual([]);
});

describe('/proc/net and net-tools', () => {
  const main4 = () => readIpRoute(texts['ip -4 route'] ?? '', 4).tables[0]?.routes ?? [];
  // The file shows the first nexthop of several alone, and rejecting routes but blackholes.
  const single = () => main4().filter((r) => r.nexthops.length === 1);
  const key = (r: { destination: string; nexthops: { dev: string; via?: string }[] }) =>
    `${r.destination} ${r.nexthops[0]?.via ?? ''} ${r.nexthops[0]?.dev}`;

  for (const command of ['cat /proc/net/route', 'route -n', 'netstat -rn'] as const) {
    of(command, (text) => {
      const { routes, problems } = command.startsWith('cat') ? readProcRoute(text) : readRouteN(text);
      expect(problems).toEqual([]);
      expect(routes.map(key)).toEqual(expect.arrayContaining(single().map(key)));
    });
  }

  of('cat /proc/net/ipv6_route', (text) => {
    const { routes, local, problems } = readProcRoute6(text);
    expect(problems).toEqual([]);
    expect(routes.map((r) => r.destination)).toEqual(expect.arrayContaining(['fd00::/64', 'fd01::/64', 'fd02::/64']));
    expect(local.map((r) => r.destination)).toContain('fd00::1/128');
  });

  of('route -6 -n', (text) => {
    const { routes, problems } = readRouteN(text);
    expect(problems).toEqual([]);
    expect(routes.map((r) => r.destination)).toEqual(expect.arrayContaining(['fd00::/64', 'fd01::/64']));
  });

  of('cat /proc/net/arp', (text) => {
    const { neighbors, problems } = readProcArp(text);
    expect(problems).toEqual([]);
    expect(neighbors).toContainEqual({
      link: 'br0',
      address: '10.0.0.8',
      lladdr: '02:00:00:00:00:08',
      state: 'permanent',
    });
    expect(lines(text)).toEqual(expect.arrayContaining(lines(printProcArp(neighbors))));
  });

  for (const command of ['arp -n', 'arp -an'] as const) {
    of(command, (text) => {
      const { neighbors, problems } = readArp(text);
      expect(problems).toEqual([]);
      expect(neighbors.map((n) => n.lladdr)).toContain('02:00:00:00:00:08');
    });
  }

  of('cat /proc/net/if_inet6', (text) => {
    const { addresses, problems } = readIfInet6(text);
    expect(problems).toEqual([]);
    expect(addresses).toContainEqual({ link: 'br0', address: 'fd00::1/64', scope: 'global' });
  });

  of('cat /proc/net/dev', (text) => {
    const { names, problems } = readProcDev(text);
    expect(problems).toEqual([]);
    expect(names.sort()).toEqual(['br0', 'lo', 'v0', 'v1']);
  });

  of('cat /proc/net/fib_trie', (text) => {
    const { tables, problems } = readFibTrie(text);
    expect(problems).toEqual([]);
    expect(Object.values(tables).flat()).toContainEqual({ prefix: '10.0.0.1/32', scope: 'host', type: 'LOCAL' });
  });

  of('ifconfig -a', (text) => {
    const { links, addresses, problems } = readIfconfig(text);
    expect(problems).toEqual([]);
    expect(links.map((l) => l.name).sort()).toEqual(['br0', 'lo', 'v0', 'v1']);
    expect(addresses.map((a) => `${a.link} ${a.address}`)).toEqual(
      expect.arrayContaining(['br0 10.0.0.1/24', 'br0 fd00::1/64', 'lo 127.0.0.1/8']),
    );
  });
});
