/** Policy routing: rules in order, each looking into a table (fib_rules.c:fib_rules_lookup(), fib_rule_match()). */
import { NetnsFlag, RuleAction, RuleFlag, Unsaid } from '../../src/codes';
import { ChoiceKind, RouteType } from '../../src/terms';
import { chooseAside } from '../core/choice';
import { linkByName, LOOPBACK_NAME, isVrf, vrfOf } from '../core/links';
import { none, some } from '../core/skb';
import { Link } from '../layout/link';
import { Netns } from '../layout/netns';
import { Nexthop, PolicyRule, Route } from '../layout/route';
import { foundDev, foundNexthop, foundRoute, tableLookup, tableOf } from './table';

/** What is looked up (`struct flowi4`, `flowi6`). */
@unmanaged
export class RouteKey {
  saddrHi: u64;
  saddrLo: u64;
  daddrHi: u64;
  daddrLo: u64;
  netns: Netns;
  iif: Link;
  oif: Link;
  mark: u32;
  sport: u16;
  dport: u16;
  family: u8;
  protocol: u8;
  tos: u8;
  /** IPv6: only routes through the incoming or wanted link (rt6_need_strict()). */
  strict: u8;
  /** The VRF it belongs to (`flowi_l3mdev`), where neither `iif` nor `oif` says so. */
  vrf: Link;
  /** Whose socket it is. */
  uid: u32;
  /** Bits of `Unsaid`. */
  unsaid: u8;
  /** 1: the VRF is that which it leaves through (FLOWI_FLAG_L3MDEV_OIF). */
  leaves: u8;
}

/** What was found (`struct fib_result`). */
@unmanaged
export class RouteResult {
  route: Route;
  nexthop: Nexthop;
  dev: Link;
  /** Number of the rule among the host's, + 1; 0: none. */
  rule: u32;
  table: u32;
  /** `RouteType` of what was found; UNSPEC: nothing. */
  type: u32;
}

const KEY: usize = memory.data(96, 16);
const RESULT: usize = memory.data(32, 16);

/** The rules that are there where nobody wrote any: numbers at the head of the host's list. */
export enum DefaultRule {
  LOCAL_4 = 0,
  MAIN_4 = 1,
  DEFAULT_4 = 2,
  LOCAL_6 = 3,
  MAIN_6 = 4,
}

export const TABLE_DEFAULT: u32 = 253;
export const TABLE_MAIN: u32 = 254;
export const TABLE_LOCAL: u32 = 255;

@inline
export function routeKey(): RouteKey {
  return changetype<RouteKey>(KEY);
}

@inline
export function routeResult(): RouteResult {
  return changetype<RouteResult>(RESULT);
}

export function clearKey(netns: Netns, family: u32): RouteKey {
  memory.fill(KEY, 0, offsetof<RouteKey>());
  const key = routeKey();
  key.netns = netns;
  key.family = <u8>family;
  return key;
}

/** The VRF of a look-up (l3mdev.c:l3mdev_update_flow()). */
function vrfOfKey(key: RouteKey): Link {
  if (some(key.vrf)) return key.vrf;
  return vrfOf(some(key.oif) ? key.oif : key.iif);
}

/** Rules that name a VRF mean what comes by any of its ports, or is to leave by them (fib_rules.c:fib_rule_iif_match(), fib_rule_oif_match()). */
function ofVrf(key: RouteKey, name: u32, leaves: bool): bool {
  const byOif = key.leaves != 0 || (!some(key.vrf) && some(key.oif));
  const vrf = vrfOfKey(key);
  return byOif == leaves && some(vrf) && vrf.name == name;
}

@inline
function namesVrf(netns: Netns, name: u32): bool {
  if ((netns.flags & NetnsFlag.VRF) == 0) return false;
  const link = linkByName(netns, name);
  return some(link) && isVrf(link);
}

/** A packet made here comes in by lo (LOOPBACK_IFINDEX). */
function comesBy(key: RouteKey, name: u32): bool {
  if (namesVrf(key.netns, name)) return ofVrf(key, name, false);
  return (some(key.iif) ? key.iif.name : LOOPBACK_NAME) == name;
}

function leavesBy(key: RouteKey, name: u32): bool {
  if (namesVrf(key.netns, name)) return ofVrf(key, name, true);
  return some(key.oif) && key.oif.name == name;
}

/** What was answered for a rule, for this packet and what becomes of it. */
const ASKED: usize = memory.data(256 * 8, 8);
const MOST_ASKED: u32 = 256;
let asked: u32 = 0;

export function askedClear(): void {
  asked = 0;
}

/** Nobody knows whether the packet is one of those that the rule is for. */
function isMeant(rule: PolicyRule): bool {
  const about = <u32>changetype<usize>(rule);
  for (let i: u32 = 0; i < asked; i++) {
    const at = ASKED + (<usize>i << 3);
    if (load<u32>(at) == about) return load<u32>(at, 4) == 0;
  }
  const taken = chooseAside(ChoiceKind.UNMODELLED, 2, changetype<usize>(rule));
  if (asked < MOST_ASKED) {
    const at = ASKED + (<usize>asked << 3);
    store<u32>(at, about);
    store<u32>(at, taken, 4);
    asked++;
  }
  return taken == 0;
}

/** Users and flow labels (fib_rules.c:fib_rule_match(), fib6_rules.c:fib6_rule_match()): asked for last. */
function isOfSender(rule: PolicyRule, key: RouteKey, flags: u32): bool {
  let unsaid = false;
  if ((flags & RuleFlag.UID) != 0) {
    if ((key.unsaid & <u8>Unsaid.UID) != 0) unsaid = true;
    else if (key.uid < rule.uidFrom || key.uid > rule.uidTo) return false;
  }
  if ((flags & RuleFlag.LABEL) != 0) {
    if ((key.unsaid & <u8>Unsaid.LABEL) != 0) unsaid = true;
    else if ((rule.label & rule.labelMask) != 0) return false;
  }
  return !unsaid || isMeant(rule);
}

@inline
function portFits(port: u16, from: u16, to: u16, mask: u16): bool {
  return mask != 0 ? ((port ^ from) & mask) == 0 : port >= from && port <= to;
}

function matches(rule: PolicyRule, key: RouteKey): bool {
  const flags = <u32>rule.flags;
  if ((flags & RuleFlag.L3MDEV) != 0 && !some(vrfOfKey(key))) return false;
  if ((flags & RuleFlag.TUNNEL) != 0) return false;
  if (rule.iif != 0 && !comesBy(key, rule.iif)) return false;
  if (rule.oif != 0 && !leavesBy(key, rule.oif)) return false;
  if ((flags & RuleFlag.MARK) != 0 && ((key.mark ^ rule.mark) & rule.markMask) != 0) return false;
  if ((flags & RuleFlag.FROM) != 0) {
    if (((key.saddrHi ^ rule.fromHi) & rule.fromMaskHi) != 0) return false;
    if (((key.saddrLo ^ rule.fromLo) & rule.fromMaskLo) != 0) return false;
  }
  if ((flags & RuleFlag.TO) != 0) {
    if (((key.daddrHi ^ rule.toHi) & rule.toMaskHi) != 0) return false;
    if (((key.daddrLo ^ rule.toLo) & rule.toMaskLo) != 0) return false;
  }
  if ((flags & RuleFlag.TOS) != 0 && rule.tos != (key.tos & (key.family == 4 ? 0x1c : 0xfc))) return false;
  if (rule.protocol != 0 && rule.protocol != key.protocol) return false;
  if ((flags & RuleFlag.DSCP) != 0 && ((key.tos ^ rule.dscp) & rule.dscpMask) != 0) return false;
  if ((flags & RuleFlag.SPORT) != 0 && !portFits(key.sport, rule.sportFrom, rule.sportTo, rule.sportMask)) return false;
  if ((flags & RuleFlag.DPORT) != 0 && !portFits(key.dport, rule.dportFrom, rule.dportTo, rule.dportMask)) return false;
  return (flags & (RuleFlag.UID | RuleFlag.LABEL)) == 0 || isOfSender(rule, key, flags);
}

/** Looks into one table; true where that decides (a throw route and no route do not). */
function decide(key: RouteKey, table: u32, rule: u32, suppress: i32, group: i32): bool {
  const layer = tableOf(key.netns, table);
  if (!some(layer)) return false;
  if (!tableLookup(key.netns, layer, key.family, key.daddrHi, key.daddrLo, key.tos, key.oif, key.iif, key.strict != 0)) {
    return false;
  }
  const route = foundRoute;
  if (route.type == RouteType.THROW) return false;
  if (<u32>route.type < <u32>RouteType.BLACKHOLE) {
    if (<i32>route.length <= suppress) return false;
    if (group >= 0 && some(foundDev) && foundDev.group == <u32>group) return false;
  }
  const result = routeResult();
  result.route = route;
  result.nexthop = foundNexthop;
  result.dev = foundDev;
  result.rule = rule + 1;
  result.table = table;
  result.type = route.type;
  return true;
}

function lookupDefault(key: RouteKey): void {
  if (key.family == 4) {
    if (decide(key, TABLE_LOCAL, DefaultRule.LOCAL_4, -1, -1)) return;
    if (decide(key, TABLE_MAIN, DefaultRule.MAIN_4, -1, -1)) return;
    decide(key, TABLE_DEFAULT, DefaultRule.DEFAULT_4, -1, -1);
    return;
  }
  if (decide(key, TABLE_LOCAL, DefaultRule.LOCAL_6, -1, -1)) return;
  decide(key, TABLE_MAIN, DefaultRule.MAIN_6, -1, -1);
}

/** Rules for VRFs look into the table of the one at hand. */
function tableFor(rule: PolicyRule, key: RouteKey): u32 {
  if ((rule.flags & <u16>RuleFlag.L3MDEV) == 0) return rule.target;
  const vrf = vrfOfKey(key);
  return some(vrf) ? vrf.stack.table : rule.target;
}

@inline
function ruleAt(netns: Netns, i: u32): PolicyRule {
  return changetype<PolicyRule>(netns.rules + <usize>i * offsetof<PolicyRule>());
}

function lookupRules(key: RouteKey): void {
  const netns = key.netns;
  const result = routeResult();
  let i: u32 = 0;
  while (i < netns.ruleCount) {
    const rule = ruleAt(netns, i);
    i++;
    if (rule.family != key.family) continue;
    if (matches(rule, key) == ((rule.flags & <u16>RuleFlag.NOT) != 0)) continue;
    switch (<i32>rule.action) {
      case <i32>RuleAction.LOOKUP:
        if (decide(key, tableFor(rule, key), rule.id, rule.suppress, rule.suppressGroup)) return;
        continue;
      case <i32>RuleAction.GOTO: {
        // Targets stand behind; without a rule of that very priority the rule does nothing.
        let to = i;
        while (to < netns.ruleCount) {
          const target = ruleAt(netns, to);
          if (target.family == key.family && target.priority >= rule.target) break;
          to++;
        }
        if (to < netns.ruleCount && ruleAt(netns, to).priority == rule.target) i = to;
        continue;
      }
      case <i32>RuleAction.NOP:
        continue;
      case <i32>RuleAction.BLACKHOLE:
        result.type = RouteType.BLACKHOLE;
        break;
      case <i32>RuleAction.PROHIBIT:
        result.type = RouteType.PROHIBIT;
        break;
      default:
        result.type = RouteType.UNREACHABLE;
        break;
    }
    result.rule = rule.id + 1;
    return;
  }
}

/** Looks up `routeKey()`; the answer is `routeResult()`. True where anything decided. */
export function routeLookup(): bool {
  memory.fill(RESULT, 0, offsetof<RouteResult>());
  const key = routeKey();
  // A VRF leads into its table, out of any of its ports.
  if (some(key.oif) && isVrf(key.oif)) {
    if (!some(key.vrf)) {
      key.vrf = key.oif;
      key.leaves = 1;
    }
    key.oif = none<Link>();
    key.strict = 0;
  }
  if (key.netns.rules == 0) lookupDefault(key);
  else lookupRules(key);
  return routeResult().type != RouteType.UNSPEC;
}

/** The table of own addresses: a VRF has its own (l3mdev.c:l3mdev_fib_table_rcu()). */
function localTableOf(dev: Link): u32 {
  const vrf = vrfOf(dev);
  return some(vrf) ? vrf.stack.table : TABLE_LOCAL;
}

function typeIn(netns: Netns, table: u32, family: u32, hi: u64, lo: u64, dev: Link): u32 {
  const layer = tableOf(netns, table);
  if (!some(layer)) return RouteType.UNICAST;
  if (!tableLookup(netns, layer, family, hi, lo, 0, none<Link>(), none<Link>(), false)) return RouteType.UNICAST;
  if (<u32>foundRoute.type >= <u32>RouteType.BLACKHOLE || (some(dev) && foundDev != dev)) return RouteType.UNICAST;
  return foundRoute.type;
}

/** Type of an IPv4 address as a link's domain knows it (fib_frontend.c:inet_addr_type_dev_table()). */
export function typeFor(netns: Netns, link: Link, lo: u64): u32 {
  return typeIn(netns, localTableOf(link), 4, 0, lo, none<Link>());
}

export function isLocalFor(link: Link, lo: u64): bool {
  return typeFor(link.netns, link, lo) == RouteType.LOCAL;
}

/** Type of an address by the local table alone (fib_frontend.c:__inet_dev_addr_type()). With `dev`, only what that link has. */
export function localType(netns: Netns, family: u32, hi: u64, lo: u64, dev: Link): u32 {
  return typeIn(netns, localTableOf(dev), family, hi, lo, dev);
}

export function isLocal(netns: Netns, family: u32, hi: u64, lo: u64): bool {
  return localType(netns, family, hi, lo, none<Link>()) == RouteType.LOCAL;
}
