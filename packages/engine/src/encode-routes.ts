/** Routing tables and policy rules. A table is encoded once, however many namespaces share it. */

import { maskOf, networkOf } from './address.ts';
import { RuleAction, RuleFlag, ScopeId } from './codes.ts';
import { addressOf, type Encoding, prefixOf } from './encoding.ts';
import { EngineError } from './errors.ts';
import type { Netns, PolicyPorts, PolicyRule, Route, RouteTable, Scope } from './network.ts';
import { unsaidText } from './plain.ts';
import { RouteType } from './terms.ts';

const SCOPES: Readonly<Record<Scope, ScopeId>> = {
  global: ScopeId.UNIVERSE,
  site: ScopeId.SITE,
  link: ScopeId.LINK,
  host: ScopeId.HOST,
  nowhere: ScopeId.NOWHERE,
};

export const scopeId = (scope: Scope): ScopeId => SCOPES[scope];

const TYPES: Readonly<Record<Route['type'], RouteType>> = {
  unicast: RouteType.UNICAST,
  local: RouteType.LOCAL,
  broadcast: RouteType.BROADCAST,
  anycast: RouteType.ANYCAST,
  multicast: RouteType.MULTICAST,
  blackhole: RouteType.BLACKHOLE,
  unreachable: RouteType.UNREACHABLE,
  prohibit: RouteType.PROHIBIT,
  throw: RouteType.THROW,
};

/** Scope of a route that does not name one, as iproute2 gives it. */
function scopeOf(route: Route): ScopeId {
  if (route.scope !== undefined) return SCOPES[route.scope];
  if (route.type === 'local') return ScopeId.HOST;
  if (route.type !== 'unicast') return route.nexthops.length > 0 ? ScopeId.LINK : ScopeId.UNIVERSE;
  return route.nexthops.some((nexthop) => nexthop.via !== undefined) ? ScopeId.UNIVERSE : ScopeId.LINK;
}

function encodeEndpoint(encoding: Encoding, text: string, where: string): number {
  const { abi, arena } = encoding;
  const address = addressOf(text, where);
  const at = arena.alloc(abi.ENDPOINT_SIZE);
  arena.putWords(at + abi.ENDPOINT_ADDRESS, address.words);
  arena.u8[at + abi.ENDPOINT_FAMILY] = address.family;
  return at;
}

/**
 * What each nexthop gets: its weight, or in a resilient group the buckets that it has once all have settled
 * (nexthop.c:nh_res_group_rebalance()).
 */
function weightsOf({ nexthops, buckets }: Route): number[] {
  const weights = nexthops.map(({ weight = 1 }) => weight);
  if (buckets === undefined) return weights;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  let before = 0;
  return weights.map((weight) => {
    sum += weight;
    const bound = Math.floor((buckets * sum + Math.floor(total / 2)) / total);
    const share = bound - before;
    before = bound;
    return share;
  });
}

function encodeRoute(encoding: Encoding, at: number, route: Route, where: string): void {
  const { abi, arena, interfaces, objects } = encoding;
  const prefix = networkOf(prefixOf(route.destination, where));
  if (prefix.family !== route.family)
    throw new EngineError('BAD_ADDRESS', `${where}: route to ${route.destination} is of the other family`);
  const { nexthops } = route;
  const hops = nexthops.length === 0 ? 0 : arena.alloc(nexthops.length * abi.NEXTHOP_SIZE);
  const weights = weightsOf(route);
  for (let i = 0; i < nexthops.length; i++) {
    const nexthop = nexthops[i] as Route['nexthops'][number];
    const hop = hops + i * abi.NEXTHOP_SIZE;
    const via = nexthop.via === undefined ? 0 : encodeEndpoint(encoding, nexthop.via, where);
    arena.u32[(hop + abi.NEXTHOP_DEV) >>> 2] = interfaces.of(nexthop.dev);
    arena.u32[(hop + abi.NEXTHOP_VIA) >>> 2] = via;
    arena.u32[(hop + abi.NEXTHOP_WEIGHT) >>> 2] = weights[i] as number;
    arena.u32[(hop + abi.NEXTHOP_ENCAP) >>> 2] = nexthop.encap === undefined ? 0 : 1;
  }
  const prefsrc = route.prefsrc === undefined ? 0 : encodeEndpoint(encoding, route.prefsrc, where);
  const { u8, u32 } = arena;
  arena.putWords(at + abi.ROUTE_PREFIX, prefix.words);
  u32[(at + abi.ROUTE_ID) >>> 2] = objects.routes.length;
  u32[(at + abi.ROUTE_METRIC) >>> 2] = route.metric ?? (route.family === 4 ? 0 : 1024);
  u32[(at + abi.ROUTE_PREFSRC) >>> 2] = prefsrc;
  u32[(at + abi.ROUTE_MTU) >>> 2] = route.mtu ?? 0;
  u32[(at + abi.ROUTE_NEXTHOPS) >>> 2] = hops;
  arena.u16[(at + abi.ROUTE_NEXTHOP_COUNT) >>> 1] = nexthops.length;
  u8[at + abi.ROUTE_LENGTH] = prefix.length;
  u8[at + abi.ROUTE_FAMILY] = route.family;
  u8[at + abi.ROUTE_TYPE] = TYPES[route.type];
  u8[at + abi.ROUTE_SCOPE] = scopeOf(route);
  u8[at + abi.ROUTE_OBJECT] = route.nhid === undefined ? 0 : 1;
  u8[at + abi.ROUTE_LOCKED] = route.mtuLocked ? 1 : 0;
  // IPv6 routes have no TOS.
  u8[at + abi.ROUTE_TOS] = route.family === 4 ? (route.tos ?? 0) : 0;
  objects.routes.push(route);
}

function encodeLayer(encoding: Encoding, routes: readonly Route[], base: number, where: string): number {
  const { abi, arena } = encoding;
  const at = arena.alloc(abi.LAYER_SIZE);
  const first = arena.alloc(routes.length * abi.ROUTE_SIZE);
  arena.u32[(at + abi.LAYER_BASE) >>> 2] = base;
  arena.u32[(at + abi.LAYER_ROUTES) >>> 2] = first;
  arena.u32[(at + abi.LAYER_ROUTE_COUNT) >>> 2] = routes.length;
  for (let i = 0; i < routes.length; i++) encodeRoute(encoding, first + i * abi.ROUTE_SIZE, routes[i] as Route, where);
  return at;
}

/** Returns the table's layer. */
function encodeTable(encoding: Encoding, table: RouteTable, where: string): number {
  const known = encoding.layers.get(table);
  if (known !== undefined) return known;
  const base = table.base ? encodeTable(encoding, table.base, where) : 0;
  const at = encodeLayer(encoding, table.routes, base, where);
  encoding.layers.set(table, at);
  return at;
}

export const LOCAL_TABLE = 255;

/** Tables of one number: their own routes together, over the first base that is there. */
function merged(tables: readonly RouteTable[]): RouteTable {
  const [first] = tables;
  if (tables.length === 1 && first) return first;
  const base = tables.find((table) => table.base)?.base;
  const routes = tables.flatMap((table) => table.routes);
  return { id: first?.id ?? 0, routes, ...(base ? { base } : {}) };
}

/**
 * Writes the namespace's tables; `own`: those that the kernel fills, whole, or the layer of the local one, which is the only one then.
 * Returns where their slots are.
 */
export function encodeTables(
  encoding: Encoding,
  netns: Netns,
  own: readonly RouteTable[] | number,
): { at: number; count: number } {
  const where = `network namespace ${netns.name}`;
  const [only] = netns.tables;
  if (typeof own === 'number' && only && netns.tables.length === 1)
    return encodeSlots(encoding, [LOCAL_TABLE, own, only.id, encodeTable(encoding, only, where)]);
  const slots =
    typeof own === 'number'
      ? [LOCAL_TABLE, own]
      : own.flatMap((table) => [table.id, encodeTable(encoding, table, where)]);
  const isWritten = new Set(typeof own === 'number' ? [LOCAL_TABLE] : own.map(({ id }) => id));
  const byId = new Map<number, RouteTable[]>();
  for (const table of netns.tables) {
    if (isWritten.has(table.id)) continue;
    const same = byId.get(table.id);
    if (same) same.push(table);
    else byId.set(table.id, [table]);
  }
  for (const [id, tables] of byId) slots.push(id, encodeTable(encoding, merged(tables), where));
  return encodeSlots(encoding, slots);
}

/** `slots`: number and layer of one table after the other. */
function encodeSlots({ abi, arena }: Encoding, slots: readonly number[]): { at: number; count: number } {
  const count = slots.length / 2;
  const at = arena.alloc(count * abi.TABLE_SLOT_SIZE);
  for (let i = 0; i < count; i++) {
    const slot = at + i * abi.TABLE_SLOT_SIZE;
    arena.u32[(slot + abi.TABLE_SLOT_ID) >>> 2] = slots[i * 2] as number;
    arena.u32[(slot + abi.TABLE_SLOT_LAYER) >>> 2] = slots[i * 2 + 1] as number;
  }
  return { at, count };
}

const lookup = (family: 4 | 6, priority: number, table: number): PolicyRule => ({
  family,
  priority,
  action: { kind: 'lookup', table },
});

/** The kernel's own rules, in the order of the engine's `DefaultRule`. */
export const DEFAULT_RULES: readonly PolicyRule[] = [
  lookup(4, 0, 255),
  lookup(4, 32766, 254),
  lookup(4, 32767, 253),
  lookup(6, 0, 255),
  lookup(6, 32766, 254),
];

/** Rules that the kernel adds with the first VRF (vrf_add_fib_rules()). */
const VRF_RULES: readonly PolicyRule[] = [
  { ...lookup(4, 1000, 0), l3mdev: true },
  { ...lookup(6, 1000, 0), l3mdev: true },
];

export const hasVrf = ({ links }: Netns): boolean => links.some(({ kind }) => kind === 'vrf');

/** All bits of a code point. */
const DSCP_ALL = 0x3f;

const ACTIONS: Readonly<Record<PolicyRule['action']['kind'], RuleAction>> = {
  lookup: RuleAction.LOOKUP,
  blackhole: RuleAction.BLACKHOLE,
  unreachable: RuleAction.UNREACHABLE,
  prohibit: RuleAction.PROHIBIT,
  goto: RuleAction.GOTO,
  nop: RuleAction.NOP,
};

function encodeRule(encoding: Encoding, at: number, rule: PolicyRule, where: string): void {
  const { abi, arena, interfaces, objects } = encoding;
  let flags = (rule.not ? RuleFlag.NOT : 0) | (rule.l3mdev ? RuleFlag.L3MDEV : 0);
  const prefix = (text: string | undefined, flag: RuleFlag, value: number, mask: number) => {
    if (text === undefined) return;
    const parsed = prefixOf(text, where);
    if (parsed.length === 0) return;
    flags |= flag;
    arena.putWords(at + value, parsed.words);
    arena.putWords(at + mask, maskOf(parsed.family, parsed.length));
  };
  prefix(rule.from, RuleFlag.FROM, abi.POLICY_FROM, abi.POLICY_FROM_MASK);
  prefix(rule.to, RuleFlag.TO, abi.POLICY_TO, abi.POLICY_TO_MASK);
  const { u8, u16, u32 } = arena;
  const put = (offset: number, value: number) => {
    u32[(at + offset) >>> 2] = value;
  };
  put(abi.POLICY_ID, objects.policies.length);
  objects.policies.push(rule);
  put(abi.POLICY_PRIORITY, rule.priority);
  put(abi.POLICY_IIF, rule.iif === undefined ? 0 : interfaces.of(rule.iif));
  put(abi.POLICY_OIF, rule.oif === undefined ? 0 : interfaces.of(rule.oif));
  put(abi.POLICY_SUPPRESS, -1);
  put(abi.POLICY_SUPPRESS_GROUP, rule.suppressGroup ?? -1);
  if (rule.fwmark) {
    flags |= RuleFlag.MARK;
    put(abi.POLICY_MARK, rule.fwmark.value);
    put(abi.POLICY_MARK_MASK, rule.fwmark.mask);
  }
  if (rule.suppressPrefixLength !== undefined) put(abi.POLICY_SUPPRESS, rule.suppressPrefixLength);
  if (rule.tos) flags |= RuleFlag.TOS;
  u8[at + abi.POLICY_TOS] = rule.tos ?? 0;
  u8[at + abi.POLICY_PROTOCOL] = rule.ipproto ?? 0;
  if (rule.dscp) {
    flags |= RuleFlag.DSCP;
    u8[at + abi.POLICY_DSCP] = rule.dscp.value << 2;
    u8[at + abi.POLICY_DSCP_MASK] = (rule.dscp.mask ?? DSCP_ALL) << 2;
  }
  if (rule.flowlabel && rule.family === 6) {
    flags |= RuleFlag.LABEL;
    put(abi.POLICY_LABEL, rule.flowlabel.value);
    put(abi.POLICY_LABEL_MASK, rule.flowlabel.mask);
  }
  if (rule.uidrange) {
    flags |= RuleFlag.UID;
    put(abi.POLICY_UID_FROM, rule.uidrange.from);
    put(abi.POLICY_UID_TO, rule.uidrange.to);
  }
  if (rule.tunId) flags |= RuleFlag.TUNNEL;
  const text = unsaidText(rule);
  if (text !== undefined) objects.statements.set(at, { kind: 'unmodelled', text });
  const ports = (
    range: PolicyPorts | undefined,
    flag: RuleFlag,
    [from, to, mask]: readonly [number, number, number],
  ) => {
    if (!range) return;
    flags |= flag;
    u16[(at + from) >>> 1] = range.from;
    u16[(at + to) >>> 1] = range.to;
    u16[(at + mask) >>> 1] = range.mask ?? 0;
  };
  ports(rule.sport, RuleFlag.SPORT, [abi.POLICY_SPORT_FROM, abi.POLICY_SPORT_TO, abi.POLICY_SPORT_MASK]);
  ports(rule.dport, RuleFlag.DPORT, [abi.POLICY_DPORT_FROM, abi.POLICY_DPORT_TO, abi.POLICY_DPORT_MASK]);
  const { action } = rule;
  u8[at + abi.POLICY_ACTION] = ACTIONS[action.kind];
  put(abi.POLICY_TARGET, action.kind === 'lookup' ? action.table : action.kind === 'goto' ? action.priority : 0);
  u8[at + abi.POLICY_FAMILY] = rule.family;
  u16[(at + abi.POLICY_FLAGS) >>> 1] = flags;
}

/** Writes the rules that somebody gave; at 0: nobody did, and the kernel has its own. */
export function encodeRules(encoding: Encoding, netns: Netns): { at: number; count: number } {
  const { abi, arena } = encoding;
  if (!netns.rules && !hasVrf(netns)) return { at: 0, count: 0 };
  const rules = [...(netns.rules ?? [...DEFAULT_RULES, ...VRF_RULES])].sort((a, b) => a.priority - b.priority);
  // An empty list stands for a namespace without rules, which routes nothing: it needs an address all the same.
  const at = arena.alloc(Math.max(1, rules.length) * abi.POLICY_SIZE);
  for (const [i, rule] of rules.entries())
    encodeRule(encoding, at + i * abi.POLICY_SIZE, rule, `network namespace ${netns.name}`);
  return { at, count: rules.length };
}
