/** Look-up in one table of a namespace, all its layers together (fib_trie.c:fib_table_lookup(), ip6_fib.c:fib6_table_lookup()). */
import { LinkFlag } from '../../src/codes';
import { RouteType } from '../../src/terms';
import { linkByName } from '../core/links';
import { none, some } from '../core/skb';
import { Link } from '../layout/link';
import { Netns } from '../layout/netns';
import { Nexthop, Route, RouteLayer, TableSlot } from '../layout/route';
import { precedes, prefixesFind } from './prefixes';

/** The bits of a packet's TOS that routes are compared with (INET_DSCP_LEGACY_TOS_MASK). */
const LEGACY_TOS: u32 = 0x1c;

/** Layers of one table that are looked at; deeper ones do not occur. */
const LAYERS = 8;
const CURSORS: usize = memory.data(32, 4);

/** What a look-up in one table found. */
export let foundRoute: Route = none<Route>();
export let foundNexthop: Nexthop = none<Nexthop>();
export let foundDev: Link = none<Link>();

export function tableOf(netns: Netns, id: u32): RouteLayer {
  for (let i: u32 = 0; i < netns.tableCount; i++) {
    const slot = changetype<TableSlot>(netns.tables + <usize>i * offsetof<TableSlot>());
    if (slot.id == id) return slot.layer;
  }
  return none<RouteLayer>();
}

@inline
export function nexthopAt(route: Route, i: u32): Nexthop {
  return changetype<Nexthop>(route.nexthops + <usize>i * offsetof<Nexthop>());
}

/** True for a nexthop whose link is there and up; a host's own addresses outlive their link (fib_semantics.c:fib_sync_down_dev()). */
export function usable(route: Route, dev: Link): bool {
  if (!some(dev)) return false;
  if (route.type == RouteType.LOCAL || route.type == RouteType.ANYCAST) return true;
  const ignored = route.family == 4 ? LinkFlag.PASSED_OVER_4 : LinkFlag.PASSED_OVER_6;
  return (dev.flags & (LinkFlag.UP | ignored)) == <u32>LinkFlag.UP;
}

/** Routes that end the look-up without leading anywhere. */
@inline
function rejects(type: u32): bool {
  return type >= <u32>RouteType.BLACKHOLE;
}

/** Takes `route` if it can be used: by a nexthop that is up and, with `oif`, leaves there. */
function take(netns: Netns, route: Route, oif: Link): bool {
  if (rejects(route.type)) {
    foundRoute = route;
    foundNexthop = none<Nexthop>();
    foundDev = none<Link>();
    return true;
  }
  for (let i: u32 = 0; i < route.nexthopCount; i++) {
    const nexthop = nexthopAt(route, i);
    const dev = linkByName(netns, nexthop.dev);
    if (!usable(route, dev)) continue;
    if (some(oif) && dev != oif) continue;
    foundRoute = route;
    foundNexthop = nexthop;
    foundDev = dev;
    return true;
  }
  return false;
}

@inline
function after(route: Route): Route {
  return some(route.next) ? route.next : route.shorter;
}

/** The cursors of all layers, each at the longest prefix of its layer; returns the number of layers. */
function start(layer: RouteLayer, family: u32, hi: u64, lo: u64): i32 {
  let layers: i32 = 0;
  for (let at = layer; some(at) && layers < LAYERS; at = at.base) {
    setCursor(layers, prefixesFind(at, family, hi, lo));
    layers++;
  }
  return layers;
}

@inline
function cursor(layer: i32): Route {
  return changetype<Route>(<usize>load<u32>(CURSORS + (<usize>layer << 2)));
}

@inline
function setCursor(layer: i32, route: Route): void {
  store<u32>(CURSORS + (<usize>layer << 2), <u32>changetype<usize>(route));
}

/** The layer whose cursor stands at the best route; -1 where all are at their end. An upper layer wins among equals. */
function best(layers: i32): i32 {
  let found: i32 = -1;
  for (let i: i32 = 0; i < layers; i++) {
    const route = cursor(i);
    if (!some(route)) continue;
    if (found < 0) {
      found = i;
      continue;
    }
    const other = cursor(found);
    if (route.length > other.length || (route.length == other.length && precedes(route, other))) found = i;
  }
  return found;
}

function uses(netns: Netns, route: Route, dev: Link): bool {
  for (let i: u32 = 0; i < route.nexthopCount; i++) {
    if (linkByName(netns, nexthopAt(route, i).dev) == dev && usable(route, dev)) return true;
  }
  return false;
}

/** The routes of one prefix and metric from `from` on: those that leave by `dev`, or the others. */
function takeAmong(netns: Netns, from: Route, dev: Link, through: bool): bool {
  for (let route = from; some(route) && route.length == from.length && route.metric == from.metric; route = after(route)) {
    if (uses(netns, route, dev) == through && take(netns, route, none<Link>())) return true;
  }
  return false;
}

/**
 * IPv6 prefers, among routes of one prefix and metric, those by the link at hand, and with `strict` takes no others
 * (route.c:rt6_score_route(), find_match()).
 */
function lookupThrough(netns: Netns, layers: i32, dev: Link, strict: bool): bool {
  while (true) {
    const at = best(layers);
    if (at < 0) return false;
    const from = cursor(at);
    if (takeAmong(netns, from, dev, true)) {
      if (strict) chooseDev(netns, dev);
      return true;
    }
    if (strict ? takeHole(from) : takeAmong(netns, from, dev, false)) return true;
    let next = from;
    while (some(next) && next.length == from.length && next.metric == from.metric) next = after(next);
    setCursor(at, next);
  }
}

/** A nexthop object that is a black hole has no device to compare. */
function takeHole(from: Route): bool {
  for (let route = from; some(route) && route.length == from.length && route.metric == from.metric; route = after(route)) {
    if (route.type != RouteType.BLACKHOLE || !route.object) continue;
    foundRoute = route;
    foundNexthop = none<Nexthop>();
    foundDev = none<Link>();
    return true;
  }
  return false;
}

/** The nexthop of the found route that leaves by `dev`. */
function chooseDev(netns: Netns, dev: Link): void {
  for (let i: u32 = 0; i < foundRoute.nexthopCount; i++) {
    const nexthop = nexthopAt(foundRoute, i);
    if (linkByName(netns, nexthop.dev) != dev) continue;
    foundNexthop = nexthop;
    foundDev = dev;
    return;
  }
}

/**
 * True if a route fits. It stands in `foundRoute`, with the first usable nexthop. `oif` binds IPv4 look-ups to a link; IPv6 ones prefer it,
 * or else `iif`.
 */
export function tableLookup(
  netns: Netns,
  layer: RouteLayer,
  family: u32,
  hi: u64,
  lo: u64,
  tos: u32,
  oif: Link,
  iif: Link,
  strict: bool,
): bool {
  if (family == 6 && (some(oif) || some(iif))) {
    const layers = start(layer, 6, hi, lo);
    return lookupThrough(netns, layers, some(oif) ? oif : iif, strict);
  }
  const bound = family == 4 ? oif : none<Link>();
  if (!some(layer.base)) {
    for (let route = prefixesFind(layer, family, hi, lo); some(route); route = after(route)) {
      if (route.tos != 0 && route.tos != (tos & LEGACY_TOS)) continue;
      if (take(netns, route, bound)) return true;
    }
    return false;
  }
  const layers = start(layer, family, hi, lo);
  while (true) {
    const at = best(layers);
    if (at < 0) return false;
    const route = cursor(at);
    if ((route.tos == 0 || route.tos == (tos & LEGACY_TOS)) && take(netns, route, bound)) return true;
    setCursor(at, after(route));
  }
}
