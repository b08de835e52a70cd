/** Random matches of every kind, drawn from values that the network and its packets have. */
import { CtState, type Family, type Match, type PortRange, TcpFlag } from '../../src/index.ts';
import type { Random } from './random.ts';
import { MARKS, type Plan, PORTS, PROTOCOLS } from './world.ts';

const not = (r: Random) => (r.chance(1, 5) ? { not: true } : {});

const ports = (r: Random): PortRange => {
  const from = r.pick(PORTS);
  return r.chance(2, 3) ? { from, to: from } : { from, to: Math.max(from, r.pick(PORTS)) };
};

const anyAddress = (r: Random, plan: Plan, family: Family) =>
  r.pick([...plan.addresses[family], ...plan.strangers[family]]);

function anyPrefix(r: Random, plan: Plan, family: Family): string {
  if (r.chance(1, 12)) return family === 4 ? '10.0.0.1/255.0.0.255' : 'fd00::1/ffff:ffff::ffff';
  if (r.chance(1, 2)) return r.pick(plan.prefixes[family]);
  return `${anyAddress(r, plan, family)}/${family === 4 ? 32 : 128}`;
}

const STATES = [CtState.INVALID, CtState.NEW, CtState.ESTABLISHED, CtState.RELATED, CtState.UNTRACKED];

const states = (r: Random): number => r.pick(STATES) | r.pick(STATES);

function conntrack(r: Random, plan: Plan, family: Family): Match {
  const prefix = () => ({ prefix: anyPrefix(r, plan, family).replace(/\/.*[.:].*$/, ''), ...not(r) });
  const range = () => ({ ...ports(r), ...not(r) });
  const parts: (() => Partial<Match & { kind: 'conntrack' }>)[] = [
    () => ({ state: { states: states(r) | (r.chance(1, 3) ? r.pick([CtState.SNAT, CtState.DNAT]) : 0), ...not(r) } }),
    () => ({ protocol: { protocol: r.pick(PROTOCOLS), ...not(r) } }),
    () => ({ origSrc: prefix() }),
    () => ({ origDst: prefix() }),
    () => ({ replSrc: prefix() }),
    () => ({ replDst: prefix() }),
    () => ({ origSrcPort: range() }),
    () => ({ origDstPort: range() }),
    () => ({ replSrcPort: range() }),
    () => ({ replDstPort: range() }),
    () => ({ status: { names: r.some(['none', 'expected', 'seen_reply', 'assured', 'confirmed'], 1, 2), ...not(r) } }),
    () => ({ direction: r.pick(['ORIGINAL', 'REPLY'] as const) }),
  ];
  return { kind: 'conntrack', ...r.pick(parts)(), ...(r.chance(1, 3) ? r.pick(parts)() : {}) };
}

function recent(r: Random, family: Family): Match {
  const action = r.pick(['set', 'rcheck', 'update', 'remove'] as const);
  const looks = action === 'rcheck' || action === 'update';
  return {
    kind: 'recent',
    name: r.pick(['DEFAULT', 'seen']),
    action,
    side: r.pick(['source', 'dest']),
    mask: family === 4 ? '255.255.255.255' : 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    ...(looks && r.chance(1, 2) ? { seconds: r.pick([1, 5]), ...(r.chance(1, 3) ? { reap: true } : {}) } : {}),
    ...(looks && r.chance(1, 3) ? { hitcount: 1 + r.below(3) } : {}),
    ...(looks && r.chance(1, 6) ? { rttl: true } : {}),
    ...not(r),
  };
}

const FLAGS = [TcpFlag.SYN, TcpFlag.ACK, TcpFlag.RST, TcpFlag.FIN];

function tcp(r: Random): Match {
  const mask = r.pick(FLAGS) | r.pick(FLAGS);
  return {
    kind: 'tcp',
    ...(r.chance(1, 3) ? { sport: { ...ports(r), ...not(r) } } : {}),
    ...(r.chance(1, 2) ? { dport: { ...ports(r), ...not(r) } } : {}),
    ...(r.chance(1, 4) ? { flags: { mask, set: mask & r.pick(FLAGS), ...not(r) } } : {}),
    ...(r.chance(1, 12) ? { option: { number: 5, ...not(r) } } : {}),
  };
}

const SET_FLAGS: Record<string, ('src' | 'dst')[]> = {
  one: ['src'],
  two: ['src', 'dst'],
  three: ['src', 'dst', 'dst'],
};

/** Names and types of the sets that `makeSets` makes. */
export const SETS: readonly (readonly [name: string, type: string, dimensions: number])[] = [
  ['ips', 'hash:ip', 1],
  ['nets', 'hash:net', 1],
  ['ip-ports', 'hash:ip,port', 2],
  ['net-ports', 'hash:net,port', 2],
  ['ip-port-ips', 'hash:ip,port,ip', 3],
  ['ip-port-nets', 'hash:ip,port,net', 3],
  ['ports', 'bitmap:port', 1],
  ['net-ifaces', 'hash:net,iface', 2],
  ['ip-marks', 'hash:ip,mark', 2],
  ['all', 'list:set', 3],
];

export function setFlags(r: Random, dimensions: number): ('src' | 'dst')[] {
  const flags = SET_FLAGS[['one', 'two', 'three'][dimensions - 1] ?? 'three'] as ('src' | 'dst')[];
  return flags.map((flag) => (r.chance(1, 2) ? flag : flag === 'src' ? 'dst' : 'src'));
}

function addrtype(r: Random): Match {
  const types = ['LOCAL', 'UNICAST', 'BROADCAST', 'MULTICAST', 'ANYCAST', 'UNREACHABLE'];
  const side = () => ({ types: r.chance(3, 4) ? [r.pick(types)] : [r.pick(types), 'LOCAL'], ...not(r) });
  return {
    kind: 'addrtype',
    ...(r.chance(1, 3) ? { srcType: side() } : {}),
    dstType: side(),
    ...(r.chance(1, 8) ? r.pick([{ limitIfaceIn: true }, { limitIfaceOut: true }]) : {}),
  };
}

function physdev(r: Random, plan: Plan): Match {
  const name = () => ({ name: r.pick(plan.links), ...not(r) });
  return {
    kind: 'physdev',
    ...r.pick([
      () => ({ in: name() }),
      () => ({ out: name() }),
      () => ({ isIn: not(r) }),
      () => ({ isOut: not(r) }),
      () => ({ isBridged: not(r) }),
      () => ({ isBridged: not(r), in: name(), out: name() }),
    ])(),
  };
}

function statistic(r: Random): Match {
  if (r.chance(1, 2))
    return {
      kind: 'statistic',
      mode: 'random',
      probability: r.pick([0, 1, 0x20000000, 0x40000000, 0x2aaaaaab, 0x7fffffff, 0x80000000]),
      ...not(r),
    };
  const every = 1 + r.below(4);
  return { kind: 'statistic', mode: 'nth', every, packet: r.below(every), ...not(r) };
}

function owner(r: Random): Match {
  const ids = () => ({ from: r.pick([0, 101]), to: r.pick([101, 1000]), ...not(r) });
  return {
    kind: 'owner',
    ...(r.chance(2, 3) ? { uid: ids() } : {}),
    ...(r.chance(1, 3) ? { gid: ids() } : {}),
    ...(r.chance(1, 3) ? { suppl: true } : {}),
    ...(r.chance(1, 4) ? { socket: not(r) } : {}),
    text: '-m owner',
  };
}

const rpfilter = (r: Random): Match => ({
  kind: 'rpfilter',
  ...(r.chance(1, 3) ? { loose: true } : {}),
  ...(r.chance(1, 3) ? { validMark: true } : {}),
  ...(r.chance(1, 3) ? { acceptLocal: true } : {}),
  ...not(r),
});

/** Extensions in the words of nftables, as the reader of iptables writes them. */
function extension(r: Random, family: Family): Match {
  const op = () => r.pick(['eq', 'ne'] as const);
  const tos = family === 4 ? ('ip tos' as const) : ('ip6 tclass' as const);
  const whole = family === 4 ? '255.255.255.255' : 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff';
  const unknown: Match = { kind: 'unmodelled', text: '-m deep' };
  const connected: Match = { kind: 'compare', key: [{ field: 'ct direction', mask: 0 }], op: 'eq', values: [0] };
  const tests = r.pick<() => Match[]>([
    () => [{ kind: 'compare', key: [{ field: tos, mask: 0xfc, shift: 2 }], op: op(), values: [r.pick([0, 4])] }],
    () => [{ kind: 'compare', key: [{ field: 'meta pkttype' }], op: op(), values: [r.below(4)] }],
    () => [connected, unknown],
    () => [{ kind: 'compare', key: [{ field: 'tcp flags', mask: 2 }], op: 'ne', values: [0] }, unknown],
    () => [
      {
        kind: 'lookup',
        key: [{ field: 'jhash', key: [{ field: 'ct original saddr', mask: whole }], mod: 3, offset: 0, seed: 7 }],
        set: { type: ['integer'], elements: [{ key: [0] }, { key: [2] }] },
        ...not(r),
      },
    ],
  ])();
  return { kind: 'extension', text: '-m extension', tests };
}

export function randomMatch(r: Random, plan: Plan, family: Family): Match {
  const mark = () => ({ value: r.pick(MARKS), mask: r.pick([0xffffffff, 0x4000, 0xc000, 7]), ...not(r) });
  const kinds: readonly [weight: number, make: () => Match][] = [
    [6, () => ({ kind: r.pick(['saddr', 'daddr'] as const), prefix: anyPrefix(r, plan, family), ...not(r) })],
    [3, () => ({ kind: r.pick(['iif', 'oif'] as const), name: r.pick(plan.links), ...not(r) })],
    [4, () => ({ kind: 'protocol', protocol: r.pick([...PROTOCOLS, 0]), ...not(r) })],
    [1, () => ({ kind: 'fragment', ...not(r) })],
    [5, () => tcp(r)],
    [3, () => ({ kind: r.pick(['udp', 'sctp'] as const), dport: { ...ports(r), ...not(r) } })],
    [
      2,
      () => ({
        kind: family === 4 ? 'icmp' : 'icmp6',
        type: r.pick([0, 3, 8, 1, 128, 129, 255]),
        code: { from: 0, to: r.pick([0, 3, 255]) },
        ...not(r),
      }),
    ],
    [
      2,
      () => ({
        kind: 'multiport',
        which: r.pick(['source', 'destination', 'either'] as const),
        ports: Array.from({ length: 1 + r.below(3) }, () => ports(r)),
        ...not(r),
      }),
    ],
    [4, () => ({ kind: 'mark', ...mark() })],
    [2, () => ({ kind: 'connmark', ...mark() })],
    [2, () => ({ kind: 'state', states: states(r), ...not(r) })],
    [4, () => conntrack(r, plan, family)],
    [3, () => addrtype(r)],
    [2, () => statistic(r)],
    [1, () => ({ kind: 'comment', text: 'random' })],
    [2, () => physdev(r, plan)],
    [2, () => recent(r, family)],
    [
      2,
      () => {
        const [name, , dimensions] = r.pick(SETS);
        return { kind: 'set', set: `${name}-${family}`, flags: setFlags(r, dimensions), ...not(r) };
      },
    ],
    [
      1,
      () => {
        const range = family === 4 ? { from: '10.0.0.2', to: '10.1.1.2' } : { from: 'fd00::2', to: 'fd00:1:1::2' };
        return { kind: 'iprange', [r.pick(['src', 'dst'])]: { ...range, ...not(r) } };
      },
    ],
    [1, () => ({ kind: 'mac', address: r.pick(['EE:EE:EE:EE:EE:EE', '02:ff:00:00:00:01']), ...not(r) })],
    [1, () => ({ kind: 'tos', value: r.pick([0, 0x10]), mask: r.pick([0xff, 0x3f]), ...not(r) })],
    [1, () => ({ kind: 'ttl', op: r.pick(['eq', 'ne', 'lt', 'gt'] as const), value: r.pick([1, 62, 63, 64]) })],
    [1, () => ({ kind: 'length', from: 0, to: r.pick([39, 40, 60, 1500]), ...not(r) })],
    [1, () => ({ kind: 'nfacct', name: 'counter' })],
    [1, () => owner(r)],
    [1, () => rpfilter(r)],
    [2, () => extension(r, family)],
    [1, () => ({ kind: 'limit', text: '-m limit --limit 1/sec' })],
    [1, () => ({ kind: 'unmodelled', text: '-m strange' })],
  ];
  const total = kinds.reduce((sum, [weight]) => sum + weight, 0);
  let at = r.below(total);
  for (const [weight, make] of kinds) {
    if (at < weight) return make();
    at -= weight;
  }
  throw new Error('weights do not add up');
}
