/** Random tables of nftables: every family, chains with sets, maps, numbers by chance, and what changes them. */
import {
  type BaseHook,
  type Chain,
  type DataSource,
  Hook,
  type Netns,
  type NftElement,
  type NftSet,
  type NftVerdict,
  type Rule,
  type Selector,
  type Statement,
  type Table,
  type TableFamily,
  type ValueRange,
} from '../../src/index.ts';
import { anyArp, anyRange, anySelector, chance, type Drawn } from './nft-keys.ts';
import type { Random } from './random.ts';
import { MARKS, type Plan, PORTS } from './world.ts';

interface Context {
  r: Random;
  plan: Plan;
  netns: Netns;
  family: TableFamily;
  /** Names of the user chains. */
  chains: readonly string[];
  /** Named sets of addresses that rules change, by type; and a named map of verdicts. */
  dynamic: readonly NftSet[];
  nat?: 'src' | 'dst';
  masquerades?: boolean;
  /** At INGRESS: rules may send packets out of other devices. */
  forwards?: boolean;
}

const lengthOf = (r: Random) => r.pick([1, 1, 1, 2, 3]);

function drawKey({ r, plan, family }: Context): Drawn[] {
  if (r.chance(1, 8)) return [chance(r)];
  if (family === 'arp' || (family !== 'ip' && family !== 'ip6' && r.chance(1, 8))) return [anyArp(r, plan)];
  return Array.from({ length: lengthOf(r) }, () => anySelector(r, plan));
}

/** True if two ranges of a component may have a value in common. */
function meets(a: ValueRange, b: ValueRange): boolean {
  const first = (range: ValueRange) => (typeof range === 'object' ? range.from : range);
  const last = (range: ValueRange) => (typeof range === 'object' ? range.to : range);
  const [one, two] = [first(a), first(b)];
  if (typeof one === 'number' && typeof two === 'number') return one <= Number(last(b)) && two <= Number(last(a));
  if (one === two) return true;
  const wild = (value: unknown) => typeof value === 'string' && value.endsWith('*');
  if (wild(a) || wild(b)) return String(one).slice(0, 2) === String(two).slice(0, 2);
  // Ranges of IPv4 addresses are subnets of 256.
  const net = (value: unknown) => String(value).replace(/\.\d+$/, '');
  return (typeof a === 'object' || typeof b === 'object') && net(one) === net(two);
}

/** Elements that do not overlap. */
function keys(r: Random, key: readonly Drawn[], most: number): ValueRange[][] {
  const found: ValueRange[][] = [];
  for (let i = r.below(most + 1); i > 0; i--) {
    const ranges = r.chance(1, 3);
    const next = key.map((drawn) => (ranges ? anyRange(r, drawn) : drawn.value()));
    if (!found.some((other) => other.every((range, j) => meets(range, next[j] as ValueRange)))) found.push(next);
  }
  return found;
}

function set(
  context: Context,
  key: readonly Drawn[],
  data?: NftSet['data'],
  value?: () => Partial<NftElement>,
): NftSet {
  const { r } = context;
  const elements: NftElement[] = keys(r, key, 6).map((one) => ({ key: one, ...value?.() }));
  if (r.chance(1, 8)) elements.push({ key: '*', ...value?.() });
  for (const element of elements) {
    if (r.chance(1, 10)) element.expires = r.pick([1, 5]);
    if (r.chance(1, 25)) element.statements = [{ kind: 'limit', text: 'limit rate 5/second' }];
  }
  return { type: key.map(({ type }) => type), ...(data ? { data } : {}), elements };
}

const selectors = (key: readonly Drawn[]): Selector[] => key.map(({ selector }) => selector);

function verdict({ r, chains }: Context): NftVerdict {
  if (chains.length > 0 && r.chance(1, 2)) return { kind: r.pick(['jump', 'goto']), chain: r.pick(chains) };
  return { kind: r.pick(['accept', 'continue', 'continue', 'return', 'drop'] as const) };
}

function test(context: Context): Statement {
  const { r, dynamic } = context;
  if (dynamic.length > 0 && r.chance(1, 8)) {
    const { name, type } = r.pick(dynamic);
    const key = fields(r, type);
    return { kind: 'lookup', key, set: name as string, ...(r.chance(1, 4) ? { not: true } : {}) };
  }
  const key = drawKey(context);
  if (r.chance(1, 2)) {
    const op =
      key.length > 1 || key[0]?.type === 'ifname'
        ? r.pick(['eq', 'ne'] as const)
        : r.pick(['eq', 'eq', 'ne', 'lt', 'ge', 'gt', 'le'] as const);
    const exact = op !== 'eq' && op !== 'ne';
    const values = key.map((drawn) => (exact ? drawn.value() : anyRange(r, drawn)));
    return { kind: 'compare', key: selectors(key), op, values };
  }
  return { kind: 'lookup', key: selectors(key), set: set(context, key), ...(r.chance(1, 4) ? { not: true } : {}) };
}

/** A key of the types of a named set. */
function fields(r: Random, types: NftSet['type']): Selector[] {
  return types.map((type) => ({
    field:
      type === 'ipv4_addr'
        ? r.pick(['ip saddr', 'ip daddr'] as const)
        : type === 'ipv6_addr'
          ? 'ip6 saddr'
          : 'th dport',
  }));
}

function source(context: Context, value: () => number): DataSource {
  const { r } = context;
  if (r.chance(1, 3)) return { kind: 'value', values: [value()] };
  if (r.chance(1, 2)) {
    const key = drawKey(context);
    return { kind: 'map', key: selectors(key), map: set(context, key, ['integer'], () => ({ data: [value()] })) };
  }
  return {
    kind: 'selectors',
    key: [
      r.pick<Selector>([
        { field: 'meta mark' },
        { field: 'ct mark' },
        { field: 'th dport' },
        { field: 'meta mark', mask: 0xff, xor: 0x4000 },
        chance(r).selector,
      ]),
    ],
  };
}

function write(context: Context): Statement {
  const { r, dynamic, plan } = context;
  if (r.chance(1, 15)) return { kind: 'notrack' };
  if (r.chance(1, 15))
    return { kind: 'ct-helper', helper: r.pick(['ftp', 'sip', 'tftp']), protocol: r.pick([0, 6, 17]) };
  if (dynamic.length > 0 && r.chance(1, 3)) {
    const { name, type, data } = r.pick(dynamic);
    return {
      kind: 'set-update',
      op: r.pick(['add', 'add', 'update', 'delete'] as const),
      set: name as string,
      key: fields(r, type),
      ...(r.chance(1, 3) ? { timeout: r.pick([1, 5]) } : {}),
      ...(data ? { data: { kind: 'selectors', key: [{ field: 'meta mark' }] } } : {}),
    };
  }
  if (context.family === 'bridge' && r.chance(1, 6)) {
    const macs = plan.netnses.flatMap(({ links }) => links.flatMap(({ mac }) => mac ?? []));
    const value: DataSource = r.chance(1, 4)
      ? { kind: 'selectors', key: [{ field: 'meta ibrhwaddr' }] }
      : { kind: 'value', values: [r.pick([...macs, '02:ff:00:00:00:01'])] };
    return { kind: 'set-header', field: r.pick(['ether saddr', 'ether daddr'] as const), value };
  }
  if (context.family === 'arp' && r.chance(1, 3))
    return {
      kind: 'set-header',
      field: r.pick(['arp saddr ip', 'arp saddr ip', 'arp daddr ip'] as const),
      value: { kind: 'value', values: [r.pick(plan.addresses[4])] },
    };
  if (r.chance(1, 4)) {
    const field = r.pick([
      'ip ttl',
      'ip6 hoplimit',
      'ip tos',
      'ip6 tclass',
      'th dport',
      'th sport',
      'ip daddr',
    ] as const);
    if (field === 'ip daddr')
      return { kind: 'set-header', field, value: { kind: 'value', values: [r.pick(plan.addresses[4])] } };
    const port = field.startsWith('th');
    return {
      kind: 'set-header',
      field,
      value: source(context, () => (port ? r.pick(PORTS) : r.pick([1, 2, 60, 64]))),
      ...(r.chance(1, 2) ? { mask: port ? 0xffff : r.pick([0xff, 0x3f]) } : {}),
    };
  }
  const target = r.pick(['mark', 'mark', 'ct mark', 'ct zone', 'ct original zone'] as const);
  return {
    kind: 'set-meta',
    target,
    value: source(context, () => (target.endsWith('mark') ? r.pick(MARKS) : r.below(3))),
  };
}

/** MASQUERADE or REDIRECT to a port. */
function natPort(context: Context, port: 'masquerade' | 'redirect'): Statement {
  const { r } = context;
  return { kind: 'nat-to', nat: port, gives: ['port'], value: source(context, () => r.pick(PORTS)) };
}

function natTo(context: Context): Statement {
  const { r, plan, nat } = context;
  if (nat === 'dst' && r.chance(1, 6)) return natPort(context, 'redirect');
  if (context.masquerades && r.chance(1, 4)) return natPort(context, 'masquerade');
  const family = context.family === 'ip' ? 4 : context.family === 'ip6' ? 6 : r.pick([4, 6] as const);
  const types = [family === 4 ? ('ipv4_addr' as const) : ('ipv6_addr' as const), 'integer' as const];
  const address = () => r.pick([...plan.addresses[family], ...plan.strangers[family]]);
  const ports = r.chance(1, 2);
  const data = () => (ports ? [address(), r.pick(PORTS)] : [address()]);
  const key = drawKey(context);
  const value: DataSource = r.chance(1, 4)
    ? { kind: 'value', values: data() }
    : {
        kind: 'map',
        key: selectors(key),
        map: set(context, key, ports ? types : types.slice(0, 1), () => ({ data: data() })),
      };
  return {
    kind: 'nat-to',
    nat: nat === 'src' ? 'snat' : 'dnat',
    gives: ports ? ['address', 'port'] : ['address'],
    value,
    ...(r.chance(1, 10) ? { persistent: true } : {}),
    ...(r.chance(1, 6) ? { netmap: true } : {}),
  };
}

function ending(context: Context): Statement {
  const { r, chains, family } = context;
  if (context.nat && r.chance(1, 2)) return natTo(context);
  const wires = context.netns.links.filter(({ kind }) => kind === 'veth' || kind === 'device');
  if (context.forwards && wires.length > 0 && r.chance(1, 12))
    return { kind: 'forward-to', device: r.pick(wires).name };
  if (r.chance(1, 3)) {
    const key = drawKey(context);
    return {
      kind: 'verdict-map',
      key: selectors(key),
      map: r.chance(1, 4) ? mapFor(context, key) : set(context, key, 'verdict', () => ({ verdict: verdict(context) })),
    };
  }
  if (chains.length > 0 && r.chance(1, 2)) return { kind: r.pick(['jump', 'goto']), chain: r.pick(chains) };
  const rejects = !context.nat && (family === 'inet' || family === 'ip' || family === 'ip6');
  if (rejects && r.chance(1, 6))
    return {
      kind: 'reject',
      with: r.pick([
        'icmpx-port-unreachable',
        'icmpx-no-route',
        'icmpx-host-unreachable',
        'icmpx-admin-prohibited',
        'tcp-reset',
      ]),
    };
  return { kind: r.pick(['accept', 'accept', 'return', context.nat ? 'accept' : 'drop'] as const) };
}

/** A verdict map in which everybody finds something. */
const mapFor = (context: Context, key: readonly Drawn[]): NftSet => ({
  ...set(context, key, 'verdict', () => ({ verdict: verdict(context) })),
  elements: [{ key: '*', verdict: { kind: 'continue' } }],
});

function rule(context: Context): Rule {
  const { r } = context;
  const body: Statement[] = [];
  for (let i = r.pick([0, 1, 1, 2, 2, 3]); i > 0; i--) body.push(test(context));
  if (r.chance(1, 2)) body.splice(r.below(body.length + 1), 0, write(context));
  if (r.chance(1, 6)) body.push({ kind: 'note', text: 'counter' });
  const last = ending(context);
  const eats = last.kind === 'drop' || last.kind === 'reject';
  if (r.chance(4, 5) && !(eats && body.length === 0)) body.push(last);
  return { body };
}

const rules = (context: Context, most: number): Rule[] =>
  Array.from({ length: context.r.below(most + 1) }, () => rule(context));

const PRIORITIES = [-300, -210, -150, -1, 0, 0, 50, 101];

function base(context: Context, hook: Hook): Chain {
  const { r, netns, family } = context;
  const device = hook === Hook.INGRESS || hook === Hook.EGRESS;
  const isIp = family !== 'bridge' && family !== 'arp';
  const nat = !device && isIp && hook !== Hook.FORWARD && r.chance(1, 3);
  const destination = hook === Hook.PREROUTING || hook === Hook.OUTPUT;
  const hooked: BaseHook = {
    hook,
    priority: nat ? (destination ? -100 : 100) : r.pick(PRIORITIES),
    type: nat ? 'nat' : hook === Hook.OUTPUT && isIp && r.chance(1, 3) ? 'route' : 'filter',
    policy: !nat && r.chance(1, 25) ? 'drop' : 'accept',
    ...(device
      ? {
          devices: r.some(
            netns.links.map(({ name }) => name),
            1,
            2,
          ),
        }
      : {}),
  };
  const side = nat
    ? { nat: destination ? ('dst' as const) : ('src' as const), chains: [], masquerades: hook === Hook.POSTROUTING }
    : {};
  return {
    name: `${Hook[hook]}-${hooked.priority}`,
    hook: hooked,
    rules: rules({ ...context, ...side, forwards: family === 'netdev' && hook === Hook.INGRESS }, 4),
  };
}

const IP_HOOKS = [Hook.PREROUTING, Hook.INPUT, Hook.FORWARD, Hook.OUTPUT, Hook.POSTROUTING];
const HOOKS: Readonly<Record<TableFamily, readonly Hook[]>> = {
  ip: IP_HOOKS,
  ip6: IP_HOOKS,
  inet: IP_HOOKS,
  bridge: IP_HOOKS,
  netdev: [Hook.INGRESS, Hook.EGRESS],
  arp: [Hook.INPUT, Hook.OUTPUT, Hook.FORWARD],
};

/** Sets that rules change. */
function dynamicSets(r: Random, plan: Plan): NftSet[] {
  const one = (name: string, more: Partial<NftSet>): NftSet => ({
    name,
    type: ['ipv4_addr'],
    dynamic: true,
    elements: r.some(plan.addresses[4], 1, 6).map((address) => ({ key: [address] })),
    ...(r.chance(1, 2) ? { timeout: r.pick([2, 6]) } : {}),
    ...(r.chance(1, 2) ? { size: 2 + r.below(4) } : {}),
    ...more,
  });
  return [
    one('seen', {}),
    one('seen6', { type: ['ipv6_addr'], elements: [] }),
    one('pairs', { type: ['ipv4_addr', 'integer'], elements: [] }),
  ];
}

function randomTable(r: Random, plan: Plan, netns: Netns, family: TableFamily, name: string): Table {
  const sets = family === 'netdev' || family === 'arp' ? [] : dynamicSets(r, plan);
  const names = ['low-0', 'low-1'];
  const low: Context = { r, plan, netns, family, chains: [], dynamic: sets };
  const high: Context = { ...low, chains: names };
  const used = new Set<string>();
  const bases = r
    .some(HOOKS[family], 1, 2)
    .map((hook) => base({ ...high, chains: ['high-0', ...names] }, hook))
    .filter((chain) => !used.has(chain.name) && used.add(chain.name));
  return {
    family,
    name,
    syntax: 'nft',
    sets,
    chains: [
      ...bases,
      { name: 'high-0', rules: rules(high, 3) },
      ...names.map((one) => ({ name: one, rules: rules(low, 3) })),
    ],
  };
}

/** Chains and sets move into a base, in part; a set of the same name may hide there. */
function layered(r: Random, table: Table): Table {
  const own = r.some(table.chains, 1, 3);
  const kept = new Set(own);
  const sets = table.sets ?? [];
  const low = { ...table, chains: table.chains.filter((chain) => !kept.has(chain)), sets };
  return { ...table, base: low, chains: own, sets: r.some(sets, 1, 3).map((set) => ({ ...set, elements: [] })) };
}

/** Puts tables of nftables beside what is there. */
export function addNftTables(r: Random, plan: Plan): void {
  const shared: Table[] = [];
  for (const netns of plan.netnses) {
    if (r.chance(1, 3)) continue;
    const families = r.some<TableFamily>(['inet', 'ip', 'ip6', 'bridge', 'netdev', 'arp'], 1, 2);
    for (const family of families) {
      const again = family === 'netdev' ? undefined : shared.find((table) => table.family === family);
      const table = again && r.chance(1, 3) ? again : randomTable(r, plan, netns, family, `nft-${family}`);
      shared.push(table);
      netns.netfilter.push(again !== table && r.chance(1, 4) ? layered(r, table) : table);
    }
  }
}
