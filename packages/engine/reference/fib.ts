/**
 * Policy rules and routing tables: fib_rules_lookup (net/core/fib_rules.c), fib_table_lookup (net/ipv4/fib_trie.c),
 * fib6_table_lookup and rt6_score_route (net/ipv6/route.c).
 */
import type { Family, Nexthop, PolicyRule, Route, RouteTable } from '../src/index.ts';
import { confAny, confOf, containsAddress } from '../src/index.ts';
import { addressOf, inPrefix, prefixOf } from './addresses.ts';
import type { Device, Host } from './state.ts';

/** What is asked (`flowi4`, `flowi6`). */
export interface Flow {
  family: Family;
  saddr: string;
  daddr: string;
  iif?: string | undefined;
  oif?: string | undefined;
  mark: number;
  tos: number;
  protocol: number;
  sport: number;
  dport: number;
  /** IPv6: only routes through this device (link-local, multicast). */
  strict?: boolean;
  /** The VRF it belongs to (`flowi_l3mdev`), where neither `iif` nor `oif` says so. */
  vrf?: Device | undefined;
  /** The VRF is that which it leaves through (FLOWI_FLAG_L3MDEV_OIF). */
  leaves?: boolean;
  /** Whose socket it is: root's where absent. */
  uid?: number | 'unsaid';
  /** IPv6: its flow label; 0 where absent. */
  label?: 'unsaid';
  /** Asks for what nobody knows: does the rule mean this packet? */
  asks?: (rule: PolicyRule) => boolean;
}

export interface Leg {
  nexthop: Nexthop;
  device: Device;
}

/** `error` is the kernel's: what a rule or a route of that type returns. */
export type FibError = 'none' | 'unreachable' | 'prohibit' | 'blackhole';

export interface FibResult {
  error?: FibError;
  rule?: PolicyRule;
  table?: number;
  route?: Route;
  /** Usable nexthops. */
  legs: Leg[];
}

/** The bits of a flow's TOS that IPv4 compares (INET_DSCP_LEGACY_TOS_MASK); IPv6 leaves out ECN alone. */
const LEGACY_TOS = 0x1c;
const DSCP = 0xfc;

/** The VRF that a device is, or is a port of. */
export function vrfOf(device: Device | undefined): Device | undefined {
  if (device?.link.kind === 'vrf') return device;
  return device?.master?.link.kind === 'vrf' ? device.master : undefined;
}

/** l3mdev_update_flow */
function vrfOfFlow(host: Host, { iif, oif, vrf }: Flow): Device | undefined {
  const name = oif ?? iif;
  return vrf ?? (name === undefined ? undefined : vrfOf(host.byName.get(name)));
}

/** l3mdev_fib_rule_match */
const vrfTable = (host: Host, flow: Flow): number | undefined => vrfOfFlow(host, flow)?.link.table;

/** Rules that name a VRF mean what comes by any of its ports, or is to leave by them (fib_rule_iif_match, fib_rule_oif_match). */
function deviceHolds(host: Host, flow: Flow, way: 'iif' | 'oif', name: string | undefined): boolean {
  if (name === undefined) return true;
  if (host.byName.get(name)?.link.kind !== 'vrf') return name === (way === 'iif' ? (flow.iif ?? 'lo') : flow.oif);
  const leaves = flow.leaves === true || (!flow.vrf && flow.oif !== undefined);
  return leaves === (way === 'oif') && vrfOfFlow(host, flow)?.name === name;
}

const DSCP_ALL = 0x3f;

const dscpHolds = ({ dscp }: PolicyRule, { tos }: Flow): boolean =>
  !dscp || (((tos >> 2) ^ dscp.value) & (dscp.mask ?? DSCP_ALL)) === 0;

/** Users and flow labels, which are asked for last (fib_rule_match, fib6_rule_match). */
function senderHolds(rule: PolicyRule, { family, uid = 0, label, asks }: Flow): boolean {
  const { uidrange } = rule;
  const flowlabel = family === 6 ? rule.flowlabel : undefined;
  if (uidrange && uid !== 'unsaid' && (uid < uidrange.from || uid > uidrange.to)) return false;
  if (flowlabel && label !== 'unsaid' && (flowlabel.value & flowlabel.mask) !== 0) return false;
  const isUnsaid = (uidrange && uid === 'unsaid') || (flowlabel && label === 'unsaid');
  return !isUnsaid || asks?.(rule) === true;
}

/** Interface names of rules may end in `+` nowhere in the kernel: they are plain names. */
function ruleMatches(host: Host, rule: PolicyRule, flow: Flow): boolean {
  const inRange = (range: PolicyRule['sport'], port: number) => {
    if (!range) return true;
    return range.mask ? ((port ^ range.from) & range.mask) === 0 : port >= range.from && port <= range.to;
  };
  const prefixHolds = (prefix: string | undefined, address: string) =>
    prefix === undefined || prefixOf(prefix).length === 0 || (address !== '' && inPrefix(prefix, address));
  const holds =
    !rule.tunId &&
    deviceHolds(host, flow, 'iif', rule.iif) &&
    deviceHolds(host, flow, 'oif', rule.oif) &&
    (rule.fwmark === undefined || ((flow.mark ^ rule.fwmark.value) & rule.fwmark.mask) === 0) &&
    (!rule.l3mdev || vrfTable(host, flow) !== undefined) &&
    prefixHolds(rule.from, flow.saddr) &&
    prefixHolds(rule.to, flow.daddr) &&
    (!rule.tos || rule.tos === (flow.tos & (flow.family === 4 ? LEGACY_TOS : DSCP))) &&
    dscpHolds(rule, flow) &&
    (rule.ipproto === undefined || rule.ipproto === flow.protocol) &&
    inRange(rule.sport, flow.sport) &&
    inRange(rule.dport, flow.dport) &&
    senderHolds(rule, flow);
  return holds !== (rule.not === true);
}

const ROUTE_ERRORS: Partial<Record<Route['type'], FibError>> = {
  blackhole: 'blackhole',
  unreachable: 'unreachable',
  prohibit: 'prohibit',
};

/** A route wins by prefix length, then TOS given, then metric, then own before base, then order. */
interface Candidate {
  route: Route;
  length: number;
  layer: number;
  order: number;
}

/** Routes of IPv6 have no TOS. */
const tosOf = (route: Route) => (route.family === 4 ? (route.tos ?? 0) : 0);

const metricOf = (route: Route) => route.metric ?? (route.family === 4 ? 0 : 1024);

function candidates(table: RouteTable, flow: Flow): Candidate[] {
  const found: Candidate[] = [];
  const address = addressOf(flow.daddr);
  let layer = 0;
  let order = 0;
  for (let level: RouteTable | undefined = table; level; level = level.base, layer++) {
    for (const route of level.routes) {
      order++;
      if (route.family !== flow.family) continue;
      const prefix = prefixOf(route.destination);
      if (!containsAddress(prefix, address)) continue;
      if (route.family === 4 && route.tos && route.tos !== (flow.tos & LEGACY_TOS)) continue;
      found.push({ route, length: prefix.length, layer, order });
    }
  }
  return found.sort(
    (a, b) =>
      b.length - a.length ||
      tosOf(b.route) - tosOf(a.route) ||
      metricOf(a.route) - metricOf(b.route) ||
      a.layer - b.layer ||
      a.order - b.order,
  );
}

/** Routes of the host's own addresses outlive their link and ask for no carrier. */
const isOwn = ({ type }: Route) => type === 'local' || type === 'anycast';

/** May a nexthop be used? Without a carrier it is passed over only where that was asked for (ip_ignore_linkdown, ip6_ignore_linkdown). */
function isUsable(host: Host, route: Route, device: Device): boolean {
  if (isOwn(route)) return true;
  if (!device.up) return false;
  if (device.carrier) return true;
  const { sysctls } = host.netns;
  const name = 'ignore_routes_with_linkdown';
  return route.family === 4 ? !confAny(sysctls, 4, device.name, name) : confOf(sysctls, 6, device.name, name) === 0;
}

function legsOf(host: Host, route: Route): Leg[] {
  return route.nexthops.flatMap((nexthop) => {
    const device = host.byName.get(nexthop.dev);
    return device && isUsable(host, route, device) ? [{ nexthop, device }] : [];
  });
}

/** IPv6: the route through the wanted device before others of the same prefix and metric. What hides a route of the base hides it here too. */
function preferDevice(sorted: Candidate[], host: Host, flow: Flow): Candidate[] {
  const wanted = flow.oif ?? flow.iif;
  if (flow.family !== 6 || wanted === undefined) return sorted;
  const uses = (candidate: Candidate) => legsOf(host, candidate.route).some((leg) => leg.device.name === wanted);
  // A nexthop object that is a black hole has no device to compare.
  const hole = ({ route }: Candidate) => route.nhid !== undefined && route.type === 'blackhole';
  const passes = flow.strict ? sorted.filter((candidate) => uses(candidate) || hole(candidate)) : sorted;
  return [...passes].sort(
    (a, b) =>
      b.length - a.length ||
      metricOf(a.route) - metricOf(b.route) ||
      a.layer - b.layer ||
      (uses(a) ? 0 : 1) - (uses(b) ? 0 : 1) ||
      a.order - b.order,
  );
}

/** One table. Undefined: nothing fits, or a `throw` route said so. */
export function tableLookup(
  host: Host,
  id: number,
  flow: Flow,
): { route: Route; length: number; legs: Leg[] } | undefined {
  const table = host.tables.get(id);
  if (!table) return undefined;
  for (const { route, length } of preferDevice(candidates(table, flow), host, flow)) {
    if (route.type === 'throw') return undefined;
    if (ROUTE_ERRORS[route.type]) return { route, length, legs: [] };
    let legs = legsOf(host, route);
    const only = flow.family === 4 ? flow.oif : flow.strict ? (flow.oif ?? flow.iif) : undefined;
    if (only !== undefined) legs = legs.filter((leg) => leg.device.name === only);
    if (legs.length > 0) return { route, length, legs };
  }
  return undefined;
}

/** A VRF as the device to leave by leads into its table, and out of any of its ports (l3mdev_update_flow). */
function throughVrf(host: Host, flow: Flow): Flow {
  const out = flow.oif === undefined ? undefined : host.byName.get(flow.oif);
  if (out?.link.kind !== 'vrf') return flow;
  return { ...flow, oif: undefined, strict: false, ...(!flow.vrf && { vrf: out, leaves: true }) };
}

/** The whole of `ip rule`, in order. */
export function fibLookup(host: Host, asked: Flow): FibResult {
  const flow = throughVrf(host, asked);
  const rules = host.rules[flow.family];
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i] as PolicyRule;
    if (!ruleMatches(host, rule, flow)) continue;
    const { action } = rule;
    if (action.kind === 'nop') continue;
    if (action.kind === 'goto') {
      const target = rules.findIndex((r, at) => at > i && r.priority >= action.priority);
      const exact = target >= 0 && rules[target]?.priority === action.priority;
      if (exact) i = target - 1;
      continue;
    }
    if (action.kind !== 'lookup')
      return { rule, legs: [], error: action.kind === 'unreachable' ? 'none' : action.kind };
    const table = rule.l3mdev ? (vrfTable(host, flow) ?? action.table) : action.table;
    const found = tableLookup(host, table, flow);
    if (!found) continue;
    const error = ROUTE_ERRORS[found.route.type];
    const suppress = rule.suppressPrefixLength;
    if (suppress !== undefined && suppress >= 0 && !error && found.length <= suppress) continue;
    const group = found.legs[0]?.device.link.group ?? 0;
    if (rule.suppressGroup !== undefined && !error && group === rule.suppressGroup) continue;
    const result: FibResult = { rule, table, route: found.route, legs: found.legs };
    return error ? { ...result, error } : result;
  }
  return { legs: [], error: 'none' };
}
