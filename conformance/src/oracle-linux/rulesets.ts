/** Random iptables tables with chains in between, and sets, as iptables-restore takes them. */
import {
  type Action,
  type BaseHook,
  type Chain,
  type Family,
  Hook,
  type IpSet,
  type Match,
  type NatRange,
  Protocol,
  type Rule,
  type Table,
} from '@podwire/engine';
import type { Random } from '../lab/random.ts';
import type { Backend } from '../lab/terms.ts';
import { randomNetmap, randomTarget } from './extensions.ts';
import { type Place, randomMatch, setFlags } from './matches.ts';
import { type Draft, ipOf, type Plan } from './topology.ts';
import { DRAWN_RANGES, MARKS, PORTS } from './values.ts';

const REJECTS: Record<Family, readonly string[]> = {
  4: [
    'icmp-port-unreachable',
    'icmp-net-unreachable',
    'icmp-host-unreachable',
    'icmp-proto-unreachable',
    'icmp-net-prohibited',
    'icmp-host-prohibited',
    'icmp-admin-prohibited',
  ],
  6: ['icmp6-port-unreachable', 'icmp6-no-route', 'icmp6-adm-prohibited', 'icmp6-addr-unreachable'],
};

interface Kind {
  name: string;
  hooks: readonly Hook[];
  priority: (hook: Hook, backend: Backend) => number;
  type: (hook: Hook) => BaseHook['type'];
}

const ALL = [Hook.PREROUTING, Hook.INPUT, Hook.FORWARD, Hook.OUTPUT, Hook.POSTROUTING];

const KINDS: readonly Kind[] = [
  { name: 'raw', hooks: [Hook.PREROUTING, Hook.OUTPUT], priority: () => -300, type: () => 'filter' },
  { name: 'mangle', hooks: ALL, priority: () => -150, type: (hook) => (hook === Hook.OUTPUT ? 'route' : 'filter') },
  {
    name: 'nat',
    hooks: [Hook.PREROUTING, Hook.INPUT, Hook.OUTPUT, Hook.POSTROUTING],
    priority: (hook) => (hook === Hook.PREROUTING || hook === Hook.OUTPUT ? -100 : 100),
    type: () => 'nat',
  },
  { name: 'filter', hooks: [Hook.INPUT, Hook.FORWARD, Hook.OUTPUT], priority: () => 0, type: () => 'filter' },
  {
    name: 'security',
    hooks: [Hook.INPUT, Hook.FORWARD, Hook.OUTPUT],
    // iptables/nft.c gives NF_IP_PRI_SECURITY as 150; the kernel's own table has 50.
    priority: (_hook, backend) => (backend === 'nft' ? 150 : 50),
    type: () => 'filter',
  },
];

interface Context extends Place {
  /** Chains deeper down that may be jumped to. */
  below: readonly string[];
  nat?: 'src' | 'dst';
  backend: Backend;
}

const PROTOCOLS_WITH_PORTS: readonly number[] = [Protocol.TCP, Protocol.UDP];

function natRange({ r, plan, family }: Context, hasPorts: boolean): NatRange {
  const address = r.pick([...plan.addresses[family], ...plan.addresses[family], ...plan.strangers[family]]);
  const several = { from: ipOf(family, 1, 1), to: ipOf(family, 1, 3) };
  const port = r.pick(PORTS);
  const range = r.chance(0.6) ? { from: port, to: port } : r.pick(DRAWN_RANGES);
  return {
    addresses: r.chance(0.85) ? { from: address, to: address } : several,
    ...(hasPorts && r.chance(0.6) && { ports: range }),
    ...(r.chance(0.08) && { random: true }),
    ...(r.chance(0.08) && { persistent: true }),
  };
}

function natAction(context: Context, matches: readonly Match[]): Action {
  const { r, nat, hooks } = context;
  const hasPorts = matches.some(
    (match) => match.kind === 'protocol' && !match.not && PROTOCOLS_WITH_PORTS.includes(match.protocol),
  );
  const { addresses: _addresses, persistent: _persistent, ...portsOnly } = natRange(context, hasPorts);
  if (r.chance(0.12)) return randomNetmap(context);
  if (nat === 'dst')
    return r.chance(0.75)
      ? { kind: 'dnat', range: natRange(context, hasPorts) }
      : { kind: 'redirect', range: portsOnly };
  const canMasquerade = hooks.every((hook) => hook === Hook.POSTROUTING);
  return canMasquerade && r.chance(0.5)
    ? { kind: 'masquerade', range: portsOnly }
    : { kind: 'snat', range: natRange(context, hasPorts) };
}

const isTcp = (matches: readonly Match[]) =>
  matches.some((match) => match.kind === 'protocol' && match.protocol === Protocol.TCP && !match.not);

function plainAction({ r, family, table, sets, zones }: Context, matches: readonly Match[]): Action {
  const mark = () => ({ value: r.pick(MARKS), mask: r.pick([0xffffffff, 0x4000, 0xc000]) });
  const masks = () => ({ nfmask: r.pick([0xffffffff, 0x4000]), ctmask: r.pick([0xffffffff, 0x4000]) });
  const any: (() => Action)[] = [
    () => ({ kind: 'accept' }),
    () => ({ kind: 'accept' }),
    () => ({ kind: 'return' }),
    () => ({ kind: 'return' }),
    () => (matches.length === 0 || table === 'nat' ? { kind: 'note', text: '-j NFLOG' } : { kind: 'drop' }),
    () => ({ kind: 'set-mark', ...mark() }),
    () => ({ kind: 'set-mark', ...mark() }),
    () => ({ kind: 'set-mark', ...mark() }),
    () => ({ kind: 'note', text: '-j NFLOG' }),
  ];
  if (!zones)
    any.push(
      () => ({ kind: 'set-connmark', ...mark() }),
      () => ({ kind: r.pick(['save-mark', 'restore-mark'] as const), ...masks() }),
    );
  const changing = sets.filter(({ name }) => !name.startsWith('list'));
  if (changing.length > 0)
    any.push(() => {
      const { name, dimensions } = r.pick(changing);
      return {
        kind: r.pick(['set-add', 'set-add', 'set-del'] as const),
        set: name,
        flags: setFlags(r, dimensions),
      };
    });
  if (table === 'raw') {
    any.push(() => ({ kind: 'notrack', ...(r.chance(0.5) && { alias: true }) }));
    const zone = (): Action => ({
      kind: 'ct-zone',
      zone: r.between(1, 2),
      ...(r.chance(0.3) && { direction: r.pick(['ORIGINAL', 'REPLY'] as const) }),
    });
    if (zones) any.push(zone, zone);
  }
  if (table === 'filter' && matches.length > 0) {
    const reject = (): Action => ({
      kind: 'reject',
      with: isTcp(matches) && r.chance(0.6) ? 'tcp-reset' : r.pick(REJECTS[family]),
    });
    any.push(reject, reject);
  }
  return r.pick(any)();
}

/** iptables takes each match's protocol once: a second one would contradict the first. */
function matchesOf(context: Context): Match[] {
  const found: Match[] = [];
  for (let i = context.r.pick([0, 1, 1, 1, 2, 2, 3]); i > 0; i--) {
    const more = randomMatch(context);
    if (more.some((match) => found.some((other) => other.kind === match.kind))) continue;
    found.push(...more);
  }
  return inOrder(found);
}

/** iptables writes a header's tests first, and its printers expect them there. */
function inOrder<T extends Match | Action>(body: readonly T[]): T[] {
  const order: readonly string[] = ['saddr', 'daddr', 'iif', 'oif', 'protocol', 'fragment'];
  const rank = ({ kind }: T) => order.indexOf(kind) + 1 || 99;
  return body.toSorted((a, b) => rank(a) - rank(b));
}

function randomRule(context: Context): Rule {
  const { r, below, nat } = context;
  const matches = matchesOf(context);
  const action: Action =
    below.length > 0 && r.chance(0.35)
      ? { kind: r.chance(0.7) ? 'jump' : 'goto', chain: r.pick(below) }
      : nat && r.chance(0.6)
        ? natAction(context, matches)
        : plainAction(context, matches);
  if (action.kind === 'accept' && r.chance(0.3)) {
    const target = randomTarget(context);
    const clash = target.some((one) => matches.some(({ kind }) => kind === one.kind));
    if (!clash) return { body: inOrder([...matches, ...target]) };
  }
  return { body: r.chance(0.04) && matches.length > 0 ? matches : [...matches, action] };
}

const rules = (context: Context, most: number): Rule[] =>
  Array.from({ length: context.r.between(0, most) }, () => randomRule(context));

/** User chains by level: a chain jumps to deeper levels only. */
function userChains(context: Context, prefix: string): { chains: Chain[]; names: string[] } {
  const { r } = context;
  const levels = Array.from({ length: r.between(0, 3) }, (_, level) =>
    Array.from({ length: r.between(1, 2) }, (_unused, i) => `${prefix}-${level}-${i}`),
  );
  const chains = levels.flatMap((names, level) =>
    names.map((name) => ({
      name,
      rules: rules({ ...context, isBase: false, below: levels.slice(level + 1).flat() }, 3),
    })),
  );
  return { chains, names: levels.flat() };
}

/** Which hooks share user chains: what may stand in them depends on it. */
const sidesOf = ({ name, hooks }: Kind): readonly (readonly [prefix: string, hooks: readonly Hook[]])[] => {
  const of = (...wanted: Hook[]) => hooks.filter((hook) => wanted.includes(hook));
  if (name === 'nat')
    return [
      ['to', of(Hook.PREROUTING, Hook.OUTPUT)],
      ['from', of(Hook.INPUT, Hook.POSTROUTING)],
    ];
  return [
    ['in', of(Hook.PREROUTING, Hook.INPUT, Hook.FORWARD)],
    ['out', of(Hook.OUTPUT, Hook.POSTROUTING)],
  ];
};

/**
 * Neighbour discovery of IPv6, and groups joined for it, go through the hooks, where the machine does not see them. So that neighbours are
 * found and nothing counts them, all chains but those of nat, which never see them, let them pass first.
 */
export const DISCOVERY: readonly Rule[] = [135, 136, 143].map((type) => ({
  body: [
    { kind: 'protocol', protocol: Protocol.ICMPV6 },
    { kind: 'icmp6', type, code: { from: 0, to: 255 } },
    { kind: 'accept' },
  ],
}));

function makeTable(common: Omit<Context, 'hooks' | 'isBase' | 'below'>, kind: Kind): Table {
  const { r, family } = common;
  const chains: Chain[] = [];
  for (const [prefix, hooks] of sidesOf(kind)) {
    if (hooks.length === 0) continue;
    const nat = kind.name !== 'nat' ? {} : { nat: prefix === 'to' ? ('dst' as const) : ('src' as const) };
    const user = userChains({ ...common, ...nat, hooks, isBase: false, below: [] }, prefix);
    const bases = hooks.map((hook) => ({
      name: Hook[hook] as string,
      hook: {
        hook,
        priority: kind.priority(hook, common.backend),
        type: kind.type(hook),
        policy: kind.name === 'filter' && r.chance(0.06) ? ('drop' as const) : ('accept' as const),
      },
      rules: [
        ...(family === 6 && kind.name !== 'nat' ? DISCOVERY : []),
        ...rules({ ...common, ...nat, hooks: [hook], isBase: true, below: user.names }, 3),
      ],
    }));
    chains.push(...bases, ...user.chains);
  }
  chains.sort((a, b) => Number(b.hook !== undefined) - Number(a.hook !== undefined));
  return { family: family === 4 ? 'ip' : 'ip6', name: kind.name, chains };
}

const SETS: readonly (readonly [name: string, type: string, dimensions: number])[] = [
  ['ips', 'hash:ip', 1],
  ['nets', 'hash:net', 1],
  ['ip-ports', 'hash:ip,port', 2],
  ['net-ports', 'hash:net,port', 2],
  ['ip-port-ips', 'hash:ip,port,ip', 3],
  ['ip-port-nets', 'hash:ip,port,net', 3],
  ['net-ifaces', 'hash:net,iface', 2],
];

function entryOf(r: Random, plan: Plan, family: Family, type: string, links: readonly string[]): string {
  const ip = () => r.pick([...plan.addresses[family], ...plan.strangers[family]]);
  const parts: Record<string, () => string> = {
    ip,
    net: () => (r.chance(0.5) ? ip() : r.pick(plan.prefixes[family].filter((p) => !p.endsWith('/0')))),
    port: () => `${r.pick(['tcp', 'udp', 'sctp'])}:${r.pick(PORTS)}`,
    iface: () => r.pick(links),
  };
  return type
    .slice('hash:'.length)
    .split(',')
    .map((part) => (parts[part] as () => string)())
    .join(',');
}

function makeSets(r: Random, plan: Plan, family: Family, links: readonly string[]): IpSet[] {
  const made = r.some(SETS, r.between(1, 3)).map(([name, type]): IpSet => {
    const values = Array.from({ length: r.between(0, 4) }, () => entryOf(r, plan, family, type, links));
    const entries = [...new Set(values)].map((value) => ({
      value,
      ...(type.includes('net') && r.chance(0.2) && { nomatch: true }),
    }));
    return { name: `${name}-${family}`, type, family: family === 4 ? 'inet' : 'inet6', entries };
  });
  if (!r.chance(0.3)) return made;
  return [...made, { name: `list-${family}`, type: 'list:set', entries: made.map(({ name }) => ({ value: name })) }];
}

const dimensionsOf = (sets: readonly IpSet[]) =>
  sets.map(({ name, type }) => ({
    name,
    dimensions: type === 'list:set' ? Math.max(...sets.map((s) => s.type.split(',').length)) : type.split(',').length,
  }));

function addTo(r: Random, plan: Plan, netns: Draft, backend: Backend): void {
  const links = netns.links.map((link) => link.name);
  for (const family of [4, 6] as const) {
    if (r.chance(family === 4 ? 0.25 : 0.45)) continue;
    const sets = r.chance(0.3) ? makeSets(r, plan, family, links) : [];
    const kinds = KINDS.filter(({ name }) => r.chance(name === 'nat' || name === 'filter' ? 0.7 : 0.25));
    if (sets.length > 0) netns.sets = [...(netns.sets ?? []), ...sets];
    for (const kind of kinds) {
      const zones = kind.name === 'raw' && r.chance(0.5);
      netns.netfilter.push(
        makeTable({ r, plan, family, table: kind.name, links, sets: dimensionsOf(sets), backend, zones }, kind),
      );
    }
  }
}

export function addRulesets(r: Random, plan: Plan, backend: Backend): void {
  for (const netns of plan.netnses) if (r.chance(netns.links.length > 1 ? 0.85 : 0.3)) addTo(r, plan, netns, backend);
}
