/** Random rulesets: the iptables tables with chains in between, further tables of other priorities, sets. */
import {
  type Action,
  type BaseHook,
  type Chain,
  type Family,
  Hook,
  type IpSet,
  type Match,
  type NatRange,
  type Rule,
  type Table,
} from '../../src/index.ts';
import { randomMatch, SETS, setFlags } from './matches.ts';
import type { Random } from './random.ts';
import { MARKS, type Plan, PORTS, routers } from './world.ts';

const REJECTS: Record<Family, string[]> = {
  4: ['icmp-port-unreachable', 'icmp-net-unreachable', 'icmp-host-unreachable', 'icmp-admin-prohibited', 'tcp-reset'],
  6: ['icmp6-port-unreachable', 'icmp6-no-route', 'icmp6-adm-prohibited', 'icmp6-addr-unreachable', 'tcp-reset'],
};

interface Kind {
  name: string;
  hooks: Hook[];
  priority: (hook: Hook) => number;
  type: (hook: Hook) => BaseHook['type'];
}

const ALL = [Hook.PREROUTING, Hook.INPUT, Hook.FORWARD, Hook.OUTPUT, Hook.POSTROUTING];
const filterType = () => 'filter' as const;

const KINDS: readonly Kind[] = [
  { name: 'raw', hooks: [Hook.PREROUTING, Hook.OUTPUT], priority: () => -300, type: filterType },
  { name: 'mangle', hooks: ALL, priority: () => -150, type: (hook) => (hook === Hook.OUTPUT ? 'route' : 'filter') },
  {
    name: 'nat',
    hooks: [Hook.PREROUTING, Hook.INPUT, Hook.OUTPUT, Hook.POSTROUTING],
    priority: (hook) => (hook === Hook.PREROUTING || hook === Hook.OUTPUT ? -100 : 100),
    type: () => 'nat',
  },
  { name: 'filter', hooks: [Hook.INPUT, Hook.FORWARD, Hook.OUTPUT], priority: () => 0, type: filterType },
  { name: 'security', hooks: [Hook.INPUT, Hook.FORWARD, Hook.OUTPUT], priority: () => 50, type: filterType },
];

/** One of each kind: of the same ends, of one end, of anybody. */
const HELPERS = ['ftp', 'pptp', 'snmp', 'sip', 'own'];

function natRange(r: Random, plan: Plan, family: Family): NatRange {
  const address = r.pick([...plan.addresses[family], ...plan.strangers[family]]);
  const wide = family === 4 ? { from: '10.0.0.2', to: '10.0.0.9' } : { from: 'fd00::2', to: 'fd00::9' };
  const from = r.pick(PORTS);
  const to = Math.min(65535, from + r.pick([0, 0, 1, 2]));
  return {
    ...(r.chance(4, 5) ? { addresses: r.chance(4, 5) ? { from: address, to: address } : wide } : {}),
    ...(r.chance(2, 3) ? { ports: { from, to } } : {}),
    ...(r.chance(1, 12) ? { random: true } : {}),
    ...(r.chance(1, 12) ? { persistent: true } : {}),
    ...(r.chance(1, 8) ? { netmap: true } : {}),
  };
}

/** What only the nat table may do, by the side that its hooks rewrite. */
function natAction(r: Random, plan: Plan, family: Family, side: 'src' | 'dst', masquerades: boolean): Action {
  const range = natRange(r, plan, family);
  const { addresses: _addresses, ...portsOnly } = range;
  if (side === 'dst') return r.chance(3, 4) ? { kind: 'dnat', range } : { kind: 'redirect', range: portsOnly };
  return masquerades && r.chance(1, 2) ? { kind: 'masquerade', range: portsOnly } : { kind: 'snat', range };
}

/** Targets that write the header, as the reader of iptables has them. */
function extensionTarget(r: Random, family: Family): Action {
  const [ttl, tos] = family === 4 ? (['ip ttl', 'ip tos'] as const) : (['ip6 hoplimit', 'ip6 tclass'] as const);
  const elements = Array.from({ length: 256 }, (_, value) => ({ key: [value], data: [Math.max(0, value - 2)] }));
  const action = r.pick<() => Action>([
    () => ({ kind: 'set-header', field: ttl, value: { kind: 'value', values: [r.pick([1, 64])] } }),
    () => ({
      kind: 'set-header',
      field: ttl,
      value: { kind: 'map', key: [{ field: ttl }], map: { type: ['integer'], data: ['integer'], elements } },
    }),
    () => ({ kind: 'set-header', field: tos, mask: 0xfc, value: { kind: 'value', values: [r.pick([0, 0x10])] } }),
    () => ({ kind: 'set-header', field: tos, value: { kind: 'selectors', key: [{ field: tos, mask: 3, xor: 0x10 }] } }),
  ])();
  return { kind: 'extension-target', text: '-j EXTENSION', actions: [action] };
}

function plainAction(r: Random, family: Family, table: string): Action {
  const mark = () => ({ value: r.pick(MARKS), mask: r.pick([0xffffffff, 0x4000, 0xc000]) });
  const masks = () => ({ nfmask: r.pick([0xffffffff, 0x4000]), ctmask: r.pick([0xffffffff, 0x4000]) });
  const shift = () => (r.chance(1, 4) ? { shift: r.pick([-16, -1, 1, 14]) } : {});
  const any: (() => Action)[] = [
    () => ({ kind: 'accept' }),
    () => ({ kind: 'accept' }),
    () => ({ kind: 'return' }),
    () => ({ kind: 'return' }),
    () => ({ kind: 'drop' }),
    () => ({ kind: 'set-mark', ...mark() }),
    () => ({ kind: 'set-mark', ...mark() }),
    () => ({ kind: 'set-connmark', ...mark(), ...shift() }),
    () => ({ kind: r.pick(['save-mark', 'restore-mark']), ...masks(), ...shift() }),
    () => ({ kind: 'note', text: '-j LOG' }),
    () => extensionTarget(r, family),
    () => (r.chance(1, 3) ? { kind: 'queue', text: '-j NFQUEUE --queue-num 0' } : { kind: 'accept' }),
    () => (r.chance(1, 3) ? { kind: 'unmodelled-target', text: '-j STRANGE' } : { kind: 'note', text: '-j TRACE' }),
    () => {
      const [name, , dimensions] = r.pick(SETS.slice(0, 6));
      return {
        kind: r.pick(['set-add', 'set-del']),
        set: `${name}-${family}`,
        flags: setFlags(r, dimensions),
        ...(r.chance(1, 3) ? { exist: true } : {}),
        ...(r.chance(1, 4) ? { timeout: 2 } : {}),
      };
    },
  ];
  if (table === 'raw') {
    any.push(() => ({ kind: 'notrack' }));
    any.push(() => ({
      kind: 'ct-zone',
      zone: 1 + r.below(2),
      ...(r.chance(1, 3) ? { direction: r.pick(['ORIGINAL', 'REPLY']) } : {}),
    }));
    any.push(() => ({ kind: 'ct-helper', helper: r.pick(HELPERS), protocol: r.pick([6, 17]), isTemplate: true }));
  }
  if (table === 'filter') any.push(() => ({ kind: 'reject', with: r.pick(REJECTS[family]) }));
  return r.pick(any)();
}

interface Context {
  r: Random;
  plan: Plan;
  family: Family;
  table: string;
  /** Chains deeper down that may be jumped to. */
  below: readonly string[];
  nat?: 'src' | 'dst';
  masquerades: boolean;
}

function randomRule({ r, plan, family, table, below, nat, masquerades }: Context): Rule {
  const matches: Match[] = Array.from({ length: r.pick([0, 1, 1, 1, 2, 2, 3]) }, () => randomMatch(r, plan, family));
  const broad = matches.length === 0;
  let action: Action;
  if (below.length > 0 && r.chance(2, 5)) action = { kind: r.chance(4, 5) ? 'jump' : 'goto', chain: r.pick(below) };
  else if (nat && r.chance(1, 2)) action = natAction(r, plan, family, nat, masquerades);
  else action = plainAction(r, family, table);
  // A rule without a match must not eat everything.
  const eats =
    action.kind === 'drop' ||
    action.kind === 'reject' ||
    action.kind === 'unmodelled-target' ||
    action.kind === 'queue';
  if (broad && eats && r.chance(9, 10)) action = { kind: 'note', text: '-j LOG' };
  if (table === 'nat' && (action.kind === 'drop' || action.kind === 'reject')) action = { kind: 'accept' };
  return { body: r.chance(1, 20) ? matches : [...matches, action] };
}

const rules = (context: Context, most: number): Rule[] =>
  Array.from({ length: context.r.below(most + 1) }, () => randomRule(context));

/** User chains by level: a chain jumps to deeper levels only. */
function userChains(context: Context, prefix: string): { chains: Chain[]; levels: string[][] } {
  const { r } = context;
  const levels = Array.from({ length: r.below(4) }, (_, level) =>
    Array.from({ length: 1 + r.below(2) }, (_unused, i) => `${prefix}-${level}-${i}`),
  );
  const chains = levels.flatMap((names, level) =>
    names.map((name) => ({ name, rules: rules({ ...context, below: levels.slice(level + 1).flat() }, 4) })),
  );
  return { chains, levels };
}

function baseChain(context: Context, kind: Kind, hook: Hook): Chain {
  const { r } = context;
  const policy = kind.name !== 'nat' && r.chance(1, 25) ? 'drop' : 'accept';
  const base: BaseHook = { hook, priority: kind.priority(hook), type: kind.type(hook), policy };
  return { name: Hook[hook] as string, hook: base, rules: rules(context, 4) };
}

const sideOf = (hook: Hook) => (hook === Hook.PREROUTING || hook === Hook.OUTPUT ? 'dst' : 'src');

function makeTable(r: Random, plan: Plan, family: Family, kind: Kind): Table {
  const common = { r, plan, family, table: kind.name, below: [], masquerades: false };
  const name = family === 4 ? 'ip' : 'ip6';
  if (kind.name !== 'nat') {
    const { chains, levels } = userChains(common, 'user');
    const bases = kind.hooks.map((hook) => baseChain({ ...common, below: levels.flat() }, kind, hook));
    return { family: name, name: kind.name, chains: [...bases, ...chains] };
  }
  const sides = {
    dst: userChains({ ...common, nat: 'dst' }, 'to'),
    src: userChains({ ...common, nat: 'src' }, 'from'),
  };
  const bases = kind.hooks.map((hook) => {
    const nat = sideOf(hook);
    const masquerades = hook === Hook.POSTROUTING;
    return baseChain({ ...common, nat, masquerades, below: sides[nat].levels.flat() }, kind, hook);
  });
  return { family: name, name: kind.name, chains: [...bases, ...sides.dst.chains, ...sides.src.chains] };
}

/** Part of the table moves into a base; one chain of the same name may hide there. */
function layered(r: Random, table: Table): Table {
  const own = r.some(table.chains, 1, 3);
  const kept = new Set(own);
  const shared = table.chains.filter((chain) => !kept.has(chain));
  const hidden = own[0] && !own[0].hook ? [{ name: own[0].name, rules: [] }] : [];
  return { ...table, base: { ...table, chains: [...shared, ...hidden] }, chains: own };
}

function entryOf(r: Random, plan: Plan, family: Family, type: string): string {
  const ip = () => r.pick([...plan.addresses[family], ...plan.strangers[family]]);
  const net = () => (r.chance(1, 2) ? ip() : r.pick(plan.prefixes[family].filter((p) => !p.endsWith('/0'))));
  const port = () => `${r.pick(['tcp', 'udp', 'sctp'])}:${r.pick(PORTS)}`;
  const parts: Record<string, () => string> = {
    ip,
    net,
    port,
    iface: () => r.pick(['eth0', 'br0', 'cali0', 'wan']),
    mark: () => `0x${r.pick(MARKS).toString(16).padStart(8, '0')}`,
  };
  if (type === 'bitmap:port') return String(r.pick(PORTS));
  return type
    .slice('hash:'.length)
    .split(',')
    .map((part) => parts[part]?.())
    .join(',');
}

function makeSets(r: Random, plan: Plan, family: Family): IpSet[] {
  return SETS.map(([name, type]) => {
    const members = ['ips', 'nets', 'ip-ports', 'ip-port-ips'].map((member) => `${member}-${family}`);
    const values =
      type === 'list:set'
        ? r.some(members, 1, 2)
        : Array.from({ length: r.below(6) }, () => entryOf(r, plan, family, type));
    const entries = [...new Set(values)].map((value) => ({
      value,
      ...(type.includes('net') && r.chance(1, 5) ? { nomatch: true } : {}),
    }));
    return { name: `${name}-${family}`, type, ...(family === 6 ? { family: 'inet6' as const } : {}), entries };
  });
}

export function addRulesets(r: Random, plan: Plan): void {
  const shared: Table[] = [];
  for (const netns of plan.netnses) {
    const router = routers(plan).includes(netns);
    if (!router && r.chance(4, 5)) continue;
    const sets: IpSet[] = [];
    for (const family of [4, 6] as const) {
      if (r.chance(1, 4)) continue;
      sets.push(...makeSets(r, plan, family));
      const kinds = KINDS.filter((kind) => r.chance(kind.name === 'nat' || kind.name === 'filter' ? 3 : 1, 4));
      for (const kind of kinds) {
        const again = shared.find((table) => table.name === kind.name && (table.family === 'ip') === (family === 4));
        const table = again && r.chance(1, 2) ? again : makeTable(r, plan, family, kind);
        shared.push(table);
        netns.netfilter.push(again === table ? table : r.chance(1, 4) ? layered(r, table) : table);
      }
      if (r.chance(1, 5)) netns.netfilter.push(extraTable(r, plan, family));
    }
    netns.sets = [...new Map([...sets, ...missing(r, plan, sets)].map((set) => [set.name, set])).values()];
  }
}

/** A shared table asks for its sets wherever it stands. */
const missing = (r: Random, plan: Plan, sets: readonly IpSet[]): IpSet[] =>
  sets.length === 0
    ? []
    : [...makeSets(r, plan, 4), ...makeSets(r, plan, 6)].filter((set) => !sets.some((s) => s.name === set.name));

/** As nft makes them: any priority. */
function extraTable(r: Random, plan: Plan, family: Family): Table {
  const hook = r.pick(ALL);
  const priority = r.pick([-310, -190, -99, -1, 0, 1, 99, 110]);
  return makeTable(r, plan, family, { name: 'extra', hooks: [hook], priority: () => priority, type: filterType });
}
