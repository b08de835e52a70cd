/** Random selectors of nftables with values that the network and its packets have. */
import { CtState, type Scalar, type Selector, type ValueRange, type ValueType } from '../../src/index.ts';
import type { Random } from './random.ts';
import { MARKS, type Plan, PORTS, PROTOCOLS } from './world.ts';

/** A selector and a value it may have. */
export interface Drawn {
  selector: Selector;
  type: ValueType;
  value: () => Scalar;
}

const number = (selector: Selector, value: () => number): Drawn => ({ selector, type: 'integer', value });

function address(r: Random, plan: Plan): Drawn {
  const family = r.pick([4, 6] as const);
  const side = r.pick(['saddr', 'daddr'] as const);
  const fields = [
    `${family === 4 ? 'ip' : 'ip6'} ${side}`,
    `${family === 4 ? 'ip' : 'ip6'} ${side}`,
    `ct original ${side}`,
    `ct reply ${side}`,
  ] as ('ip saddr' | 'ct original saddr')[];
  const value = () => r.pick([...plan.addresses[family], ...plan.strangers[family]]);
  return { selector: { field: r.pick(fields) }, type: family === 4 ? 'ipv4_addr' : 'ipv6_addr', value };
}

function name(r: Random, plan: Plan): Drawn {
  const value = () => r.pick(['', ...plan.links]);
  return { selector: { field: r.pick(['meta iifname', 'meta oifname']) }, type: 'ifname', value };
}

function plain(r: Random): Drawn {
  const all: (() => Drawn)[] = [
    () => number({ field: r.pick(['th sport', 'th dport']) }, () => r.pick(PORTS)),
    () => number({ field: 'th dport' }, () => r.pick(PORTS)),
    () => number({ field: 'meta mark' }, () => r.pick(MARKS)),
    () =>
      number({ field: 'meta mark', mask: r.pick([0xff, 0x4000, 0xc000]), xor: r.pick([0, 1]) }, () =>
        r.pick([0, 1, 2, 0x4000]),
      ),
    () => number({ field: 'meta mark', shift: r.pick([1, 14, -3, -20]) }, () => r.pick([0, 1, 2, 8])),
    () =>
      number({ field: r.pick(['meta l4proto', 'ip protocol', 'ip6 nexthdr', 'ct protocol']) }, () => r.pick(PROTOCOLS)),
    () => number({ field: r.pick(['ip ttl', 'ip6 hoplimit']) }, () => r.pick([1, 2, 62, 63, 64])),
    () => number({ field: r.pick(['ip tos', 'ip6 tclass']), mask: 0xfc, shift: 2 }, () => r.pick([0, 2, 4, 46])),
    () => number({ field: 'tcp flags', mask: r.pick([2, 18, 4]) }, () => r.pick([0, 2, 16, 18])),
    () => number({ field: 'meta protocol' }, () => r.pick([0x0800, 0x86dd])),
    () => number({ field: 'meta nfproto' }, () => r.pick([2, 10, 7, 5])),
    () => number({ field: r.pick(['meta iif', 'meta oif']) }, () => r.below(5)),
    () => number({ field: r.pick(['icmp type', 'icmp code']) }, () => r.pick([0, 3, 8, 128, 129])),
    () => number({ field: r.pick(['ip length', 'ip6 length']) }, () => r.pick([20, 40, 60, 80, 1500])),
    () =>
      number({ field: 'ct state', mask: r.pick([1, 2, 4, 6, 12, 16]) }, () =>
        r.pick([0, CtState.NEW, CtState.ESTABLISHED, CtState.RELATED]),
      ),
    () => number({ field: 'ct status', mask: r.pick([2, 4, 8, 48]) }, () => r.pick([0, 2, 8, 16, 32])),
    () => number({ field: 'ct direction' }, () => r.below(2)),
    () => number({ field: 'ct mark' }, () => r.pick(MARKS)),
    () => number({ field: r.pick(['ct zone', 'ct original zone', 'ct reply zone']) }, () => r.below(3)),
    () =>
      number({ field: r.pick(['ct original proto-src', 'ct reply proto-dst', 'ct original proto-dst']) }, () =>
        r.pick(PORTS),
      ),
    () => number({ field: r.pick(['meta length', 'udp length']) }, () => r.pick([32, 40, 60, 74, 80, 94])),
    () => number({ field: 'meta pkttype' }, () => r.below(4)),
    () => number({ field: r.pick(['meta skuid', 'meta skgid']) }, () => r.pick([0, 101, 1000])),
    () =>
      number({ field: 'ip frag-off', mask: r.pick([0x4000, 0x1fff, 0x3fff, 0xffff]) }, () =>
        r.pick([0, 0, 0x4000, 0x2000, 185]),
      ),
    () => number({ field: 'ether type' }, () => r.pick([0x0800, 0x86dd])),
    () => number({ field: 'ct l3proto' }, () => r.pick([2, 10])),
    () => number({ field: r.pick(['meta iiftype', 'meta oiftype']) }, () => r.pick([1, 772])),
  ];
  return r.pick(all)();
}

function ether(r: Random, plan: Plan): Drawn {
  const macs = plan.netnses.flatMap(({ links }) => links.flatMap(({ mac }) => mac ?? []));
  const value = () => r.pick([...macs, '02:ff:00:00:00:01']);
  return { selector: { field: r.pick(['ether saddr', 'ether daddr']) }, type: 'ether_addr', value };
}

/** Of neighbour questions and their answers. */
export function anyArp(r: Random, plan: Plan): Drawn {
  const macs = plan.netnses.flatMap(({ links }) => links.flatMap(({ mac }) => mac ?? []));
  return r.pick<() => Drawn>([
    () => number({ field: 'arp operation' }, () => r.pick([1, 2])),
    () => number({ field: 'arp htype' }, () => r.pick([1, 6])),
    () => ({
      selector: { field: r.pick(['arp saddr ip', 'arp daddr ip']) },
      type: 'ipv4_addr',
      value: () => r.pick(plan.addresses[4]),
    }),
    () => ({
      selector: { field: r.pick(['arp saddr ether', 'arp daddr ether']) },
      type: 'ether_addr',
      value: () => r.pick([...macs, '00:00:00:00:00:00']),
    }),
    () => number({ field: 'meta protocol' }, () => 0x0806),
    () => number({ field: 'icmp type' }, () => r.pick([135, 136])),
    () => anySelector(r, plan),
  ])();
}

function linkName(r: Random, plan: Plan): Drawn {
  const field = r.pick(['meta ibrname', 'meta obrname', 'meta iifkind', 'meta oifkind'] as const);
  const value = () => (field.endsWith('kind') ? r.pick(['veth', 'bridge', 'dummy']) : r.pick(['br0', ...plan.links]));
  return { selector: { field }, type: 'ifname', value };
}

function nexthop(r: Random, plan: Plan): Drawn {
  const family = r.pick([4, 6] as const);
  const value = () => r.pick(plan.addresses[family]);
  return { selector: { field: 'rt nexthop', family }, type: family === 4 ? 'ipv4_addr' : 'ipv6_addr', value };
}

function fib(r: Random, plan: Plan): Drawn {
  const side = r.pick(['saddr', 'daddr'] as const);
  const flags = [side, ...r.some(['mark', 'iif'] as const, 1, 3)];
  const result = r.pick(['type', 'type', 'oif', 'oifname'] as const);
  const selector: Selector = { field: 'fib', flags, result };
  if (result === 'oifname') return { selector, type: 'ifname', value: () => r.pick(['', ...plan.links]) };
  return number(selector, () => r.pick(result === 'type' ? [1, 2, 3, 5, 7] : [0, 1, 2, 3]));
}

const HASHED: readonly (readonly Selector[])[] = [
  [{ field: 'ip saddr' }],
  [{ field: 'th dport' }],
  [{ field: 'ip6 daddr' }, { field: 'th dport' }],
  [{ field: 'meta mark' }, { field: 'meta iifname' }],
  [{ field: 'meta l4proto' }, { field: 'ct mark' }, { field: 'meta iif' }],
  [{ field: 'ct original saddr' }, { field: 'ct original proto-dst' }],
  [{ field: 'ip saddr', mask: '255.255.255.0' }, { field: 'tcp flags' }, { field: 'meta length' }],
];

/** A hash whose seed is known. */
const seeded = (r: Random): Selector => ({
  field: 'jhash',
  key: [...r.pick(HASHED)],
  mod: r.pick([2, 3, 10]),
  offset: r.pick([0, 5]),
  seed: r.pick([0, 1, 0xdeadbeef]),
});

/** A number by chance. */
export function chance(r: Random): Drawn {
  const mod = r.pick([1, 2, 3, 4, 8]);
  const offset = r.pick([0, 0, 1, 100]);
  const selector = r.pick<() => Selector>([
    () => ({ field: 'numgen', mode: 'random', mod, offset }),
    () => ({ field: 'numgen', mode: 'inc', mod, offset }),
    () => ({
      field: 'jhash',
      key: [{ field: r.pick(['ip saddr', 'ip6 saddr', 'th dport', 'meta mark']) }],
      mod,
      offset,
    }),
    () => ({ field: 'symhash', mod, offset }),
    () => seeded(r),
  ])();
  return number(selector, () => offset + r.below(mod + 1));
}

export function anySelector(r: Random, plan: Plan): Drawn {
  const kinds = [address, address, name, plain, plain, plain, plain, fib, fib, ether, linkName, nexthop];
  if (r.chance(1, 40))
    return number({ field: 'unmodelled', text: 'socket mark', type: 'integer' }, () => r.pick(MARKS));
  if (r.chance(1, 10)) return chance(r);
  return r.pick(kinds)(r, plan);
}

/** A value, or a range, of numbers and addresses. */
export function anyRange(r: Random, { type, value }: Drawn): ValueRange {
  const from = value();
  if (typeof from === 'number') return r.chance(3, 4) ? from : { from, to: from + r.pick([0, 1, 10, 1000]) };
  if (type === 'ifname') return r.chance(1, 6) && from !== '' ? `${from.slice(0, 2)}*` : from;
  if (type === 'ipv4_addr' && r.chance(1, 4)) {
    const [a, b, c] = from.split('.') as [string, string, string];
    return { from: `${a}.${b}.${c}.0`, to: `${a}.${b}.${c}.255` };
  }
  return from;
}
