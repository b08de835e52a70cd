/** Random matches of every kind that iptables accepts in a chain, drawn from values that the network and its packets have. */
import { CtState, type Family, Hook, type Match, type PortRange, Protocol, TcpFlag } from '@podwire/engine';
import type { Random } from '../lab/random.ts';
import { randomExtension } from './extensions.ts';
import { familyOf, type Plan } from './topology.ts';
import { MARKS, PORTS } from './values.ts';

export interface Place {
  r: Random;
  plan: Plan;
  family: Family;
  table: string;
  /** Hooks from which the chain is reached; several for a user chain. */
  hooks: readonly Hook[];
  /** A base chain: iptables refuses an interface that cannot be known there. */
  isBase: boolean;
  /** Interfaces of the network namespace. */
  links: readonly string[];
  /**
   * Zones are given here: until conntrack comes by, the packet then has a template for a connection (xt_ct.c), which tests of connections see
   * and the machine does not know.
   */
  zones: boolean;
  sets: readonly { name: string; dimensions: number }[];
}

const not = (r: Random) => (r.chance(0.2) ? { not: true } : {});

function ports(r: Random): PortRange {
  const from = r.pick(PORTS);
  if (r.chance(0.65)) return { from, to: from };
  const other = r.pick(PORTS);
  return { from: Math.min(from, other), to: Math.max(from, other) };
}

/** iptables takes no test that never holds. */
const notUnlessAll = (r: Random, prefix: string) => (prefix.endsWith('/0') ? {} : not(r));

function prefix({ r, plan, family }: Place): string {
  const roll = r.next();
  if (roll < 0.08) return family === 4 ? '10.0.0.1/255.0.0.255' : 'fd00::1/ffff::ffff';
  if (roll < 0.5) return r.pick(plan.prefixes[family]);
  return `${r.pick([...plan.addresses[family], ...plan.strangers[family]])}/${family === 4 ? 32 : 128}`;
}

const contiguous = (place: Place): string => {
  const text = prefix(place);
  return /\/\d+$/.test(text) ? text : `${text.split('/')[0]}/${place.family === 4 ? 32 : 128}`;
};

const STATES = [CtState.INVALID, CtState.NEW, CtState.ESTABLISHED, CtState.RELATED, CtState.UNTRACKED];
const states = (r: Random): number => r.pick(STATES) | r.pick(STATES);

function conntrack(place: Place): Match {
  const { r, family } = place;
  const side = () => {
    const text = contiguous(place);
    return { prefix: text, ...notUnlessAll(r, text) };
  };
  const range = () => ({ ...ports(r), ...not(r) });
  const parts: (() => Partial<Match & { kind: 'conntrack' }>)[] = [
    () => ({ state: { states: states(r) | (r.chance(0.4) ? r.pick([CtState.SNAT, CtState.DNAT]) : 0), ...not(r) } }),
    () => ({ protocol: { protocol: r.pick([6, 17, family === 4 ? 1 : 58]), ...not(r) } }),
    () => ({ origSrc: side() }),
    () => ({ origDst: side() }),
    () => ({ replSrc: side() }),
    () => ({ replDst: side() }),
    () => ({ origSrcPort: range() }),
    () => ({ origDstPort: range() }),
    () => ({ replSrcPort: range() }),
    () => ({ replDstPort: range() }),
    () => ({ status: { names: [r.pick(['none', 'seen_reply', 'assured', 'confirmed'])], ...not(r) } }),
    () => ({ direction: r.pick(['ORIGINAL', 'REPLY'] as const) }),
  ];
  return { kind: 'conntrack', ...r.pick(parts)(), ...(r.chance(0.3) && r.pick(parts)()) };
}

function recent({ r, family }: Place): Match {
  const action = r.pick(['set', 'rcheck', 'update', 'remove'] as const);
  const looks = action === 'rcheck' || action === 'update';
  const seconds = looks && r.chance(0.5);
  return {
    kind: 'recent',
    // A list that both families share has the mask of the rule that was loaded first.
    name: r.pick(family === 4 ? ['DEFAULT', 'seen'] : ['DEFAULT6', 'seen6']),
    action,
    side: r.pick(['source', 'dest']),
    mask: family === 4 ? '255.255.255.255' : 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    ...(seconds && { seconds: 60 }),
    ...(looks && r.chance(0.4) && { hitcount: r.between(1, 3) }),
    ...(looks && r.chance(0.15) && { rttl: true }),
    ...not(r),
  };
}

const FLAGS = [TcpFlag.SYN, TcpFlag.ACK, TcpFlag.RST, TcpFlag.FIN];

function tcp(r: Random): Match {
  const mask = r.pick(FLAGS) | r.pick(FLAGS);
  return {
    kind: 'tcp',
    ...(r.chance(0.3) && { sport: { ...ports(r), ...not(r) } }),
    ...(r.chance(0.5) && { dport: { ...ports(r), ...not(r) } }),
    ...(r.chance(0.3) && { flags: { mask, set: mask & r.pick(FLAGS), ...not(r) } }),
  };
}

/** Header tests of one protocol: they want it said first. */
function transport({ r, family }: Place): Match[] {
  const many = (): Match => ({
    kind: 'multiport',
    which: r.pick(['source', 'destination', 'either'] as const),
    ports: Array.from({ length: r.between(1, 3) }, () => ports(r)),
    ...not(r),
  });
  const isV4 = family === 4;
  const icmp: Match = {
    kind: isV4 ? 'icmp' : 'icmp6',
    type: r.pick(isV4 ? [0, 3, 8, 11] : [1, 3, 128, 129]),
    code: r.pick([
      { from: 0, to: 255 },
      { from: 0, to: 0 },
    ]),
    ...not(r),
  };
  return r.pick<() => Match[]>([
    () => [{ kind: 'protocol', protocol: Protocol.TCP }, tcp(r)],
    () => [{ kind: 'protocol', protocol: Protocol.TCP }, tcp(r)],
    () => [
      { kind: 'protocol', protocol: Protocol.UDP },
      { kind: 'udp', dport: { ...ports(r), ...not(r) }, ...(r.chance(0.3) && { sport: ports(r) }) },
    ],
    () => [
      { kind: 'protocol', protocol: Protocol.SCTP },
      { kind: 'sctp', dport: { ...ports(r), ...not(r) } },
    ],
    () => [{ kind: 'protocol', protocol: r.pick([Protocol.TCP, Protocol.UDP]) }, many()],
    () => [{ kind: 'protocol', protocol: isV4 ? Protocol.ICMP : Protocol.ICMPV6 }, icmp],
    () => [{ kind: 'protocol', protocol: r.pick([Protocol.TCP, Protocol.UDP, isV4 ? 1 : 58, 47]), ...not(r) }],
  ])();
}

const knowsIn = (hooks: readonly Hook[]) =>
  hooks.every((hook) => hook === Hook.PREROUTING || hook === Hook.INPUT || hook === Hook.FORWARD);
const knowsOut = (hooks: readonly Hook[]) =>
  hooks.every((hook) => hook === Hook.OUTPUT || hook === Hook.POSTROUTING || hook === Hook.FORWARD);

function link(place: Place): Match[] {
  const { r, hooks, isBase, links } = place;
  const kinds = (['iif', 'oif'] as const).filter((kind) => !isBase || (kind === 'iif' ? knowsIn : knowsOut)(hooks));
  if (kinds.length === 0) return [];
  return [{ kind: r.pick(kinds), name: r.pick([...links, 'lo', 'eth+', 'br+']), ...not(r) }];
}

function addrtype({ r, family, hooks }: Place): Match {
  const types = ['LOCAL', 'UNICAST', 'MULTICAST', ...(family === 4 ? ['BROADCAST', 'BLACKHOLE'] : ['ANYCAST'])];
  const side = () => ({ types: r.chance(0.75) ? [r.pick(types)] : [r.pick(types), 'LOCAL'], ...not(r) });
  const limits = [
    ...(knowsIn(hooks) && !hooks.includes(Hook.FORWARD) ? [{ limitIfaceIn: true }] : []),
    ...(knowsOut(hooks) && !hooks.includes(Hook.FORWARD) ? [{ limitIfaceOut: true }] : []),
  ];
  return {
    kind: 'addrtype',
    ...(r.chance(0.3) && { srcType: side() }),
    dstType: side(),
    ...(limits.length > 0 && r.chance(0.2) && r.pick(limits)),
  };
}

function physdev({ r, hooks, links }: Place): Match[] {
  const name = () => ({ name: r.pick([...links, 'port+']), ...not(r) });
  const canOut = !hooks.includes(Hook.OUTPUT);
  return [
    {
      kind: 'physdev',
      ...r.pick([
        () => ({ in: name() }),
        () => ({ isIn: not(r) }),
        () => ({ isBridged: not(r) }),
        ...(canOut ? [() => ({ out: name(), isBridged: {} }), () => ({ isOut: not(r), isBridged: {} })] : []),
      ])(),
    },
  ];
}

function ofSet({ r, sets }: Place): Match[] {
  if (sets.length === 0) return [];
  const { name, dimensions } = r.pick(sets);
  return [{ kind: 'set', set: name, flags: setFlags(r, dimensions), ...not(r) }];
}

export const setFlags = (r: Random, dimensions: number): ('src' | 'dst')[] =>
  Array.from({ length: dimensions }, () => r.pick(['src', 'dst'] as const));

function ranges({ r, plan, family }: Place): Match {
  const [a, b] = [r.pick(plan.addresses[family]), r.pick(plan.addresses[family])].sort(byAddress) as [string, string];
  return { kind: 'iprange', [r.pick(['src', 'dst'] as const)]: { from: a, to: b, ...not(r) } };
}

/** Addresses of a plan are written with as many digits in each part as there are. */
function byAddress(a: string, b: string): number {
  const parts = (text: string) =>
    familyOf(text) === 4
      ? text.split('.').map(Number)
      : text.split(/:+/).map((part) => Number.parseInt(part || '0', 16));
  const [x, y] = [parts(a), parts(b)];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function statistic(r: Random): Match {
  if (r.chance(0.3)) return { kind: 'statistic', mode: 'random', probability: 0x40000000, ...not(r) };
  const every = r.between(1, 3);
  return { kind: 'statistic', mode: 'nth', every, packet: r.between(0, every - 1), ...not(r) };
}

function address(place: Place): Match {
  const text = prefix(place);
  return { kind: place.r.pick(['saddr', 'daddr'] as const), prefix: text, ...notUnlessAll(place.r, text) };
}

/** One test, or a protocol and a test of its header. */
export function randomMatch(place: Place): Match[] {
  const { r, family, plan, hooks } = place;
  const mark = () => ({ value: r.pick([0, ...MARKS]), mask: r.pick([0xffffffff, 0x4000, 0xc000, 7]), ...not(r) });
  const kinds: readonly (readonly [weight: number, make: () => Match[]])[] = [
    [7, () => [address(place)]],
    [3, () => link(place)],
    [9, () => transport(place)],
    [1, () => (family === 4 ? [{ kind: 'fragment', ...not(r) }] : [])],
    [4, () => [{ kind: 'mark', ...mark() }]],
    [2, () => (place.zones ? [] : [{ kind: 'connmark', ...mark() }])],
    [2, () => (place.zones ? [] : [{ kind: 'state', states: states(r), ...not(r) }])],
    [5, () => (place.zones ? [] : [conntrack(place)])],
    [3, () => [addrtype(place)]],
    [2, () => [statistic(r)]],
    [2, () => physdev(place)],
    [2, () => [recent(place)]],
    [3, () => ofSet(place)],
    [1, () => [ranges(place)]],
    // Who on a segment sent what the lab puts there is not said.
    [
      1,
      () =>
        knowsIn(hooks) && !plan.netnses.some((netns) => netns.links.some((l) => l.segment !== undefined))
          ? [{ kind: 'mac', address: r.pick(plan.netnses).links[0]?.mac?.toUpperCase() ?? '', ...not(r) }]
          : [],
    ],
    [1, () => [{ kind: 'tos', value: r.pick([0, 0x10]), mask: r.pick([0xff, 0x3f]), ...not(r) }]],
    [1, () => [{ kind: 'ttl', op: r.pick(['eq', 'ne', 'lt', 'gt'] as const), value: r.pick([1, 2, 62, 63, 64]) }]],
    [7, () => randomExtension(place)],
    [1, () => [{ kind: 'length', from: 0, to: r.pick([100, 600, 1300]), ...not(r) }]],
  ];
  const total = kinds.reduce((sum, [weight]) => sum + weight, 0);
  let at = r.between(0, total - 1);
  for (const [weight, make] of kinds) {
    if (at < weight) return make();
    at -= weight;
  }
  throw new Error('weights do not add up');
}
