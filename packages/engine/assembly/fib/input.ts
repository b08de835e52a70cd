/** The routing decision for a packet that comes in (route.c:ip_route_input_slow(), ip6_rcv_core(), ip6_route_input()). */
import { LinkFlag, RoutePurpose, Unsaid } from '../../src/codes';
import { Disposition, Reason, RouteType } from '../../src/terms';
import { answerWith, finish, ReplyKind } from '../core/end';
import { none, packet, RouteKind, skb, some } from '../core/skb';
import { Link } from '../layout/link';
import { Route } from '../layout/route';
import { clearKey, routeKey, routeLookup, routeResult } from './lookup';
import { isLimitedBroadcast, isLinkLocal6, isLoopback4, isLoopback6, isMulticast4, isMulticast6, isZeronet } from './kinds';
import { listWays, multipathSelect, wayDev, wayOfQuestion } from './multipath';
import { measure, wayMtu, wayPathMtu } from './path-mtu';
import { adopt, isForHost, traceResult } from './result';
import { validateSource } from './validate';

function drop(reason: Reason): bool {
  finish(Disposition.DROPPED, reason);
  return false;
}

function fillKey(link: Link): void {
  const p = packet();
  const key = clearKey(link.netns, p.family);
  key.saddrHi = p.saddrHi;
  key.saddrLo = p.saddrLo;
  key.daddrHi = p.daddrHi;
  key.daddrLo = p.daddrLo;
  key.iif = link;
  key.mark = p.mark;
  key.tos = p.tos;
  key.protocol = p.protocol;
  // Of a piece, the first one too, nobody looks for ports (skb_flow_dissect_flow_keys()).
  key.sport = p.fragment != 0 ? 0 : p.sport;
  key.dport = p.fragment != 0 ? 0 : p.dport;
  if (p.family == 6) key.unsaid = <u8>Unsaid.LABEL;
}

/** IPv6 addresses that must not come over a wire; IPv4 is looked at when routing. */
export function martian6(link: Link): bool {
  const p = packet();
  if ((link.flags & LinkFlag.LOOPBACK) == 0) {
    if (isLoopback6(p.saddrHi, p.saddrLo)) return !drop(Reason.MARTIAN_SOURCE);
    if (isLoopback6(p.daddrHi, p.daddrLo)) return !drop(Reason.MARTIAN_DESTINATION);
  }
  if (isMulticast6(p.saddrHi)) return !drop(Reason.MARTIAN_SOURCE);
  return false;
}

function validated(link: Link, out: Link, destination: u64): bool {
  const p = packet();
  const reason = validateSource(
    link,
    p.saddrLo,
    destination,
    p.mark,
    p.tos,
    out,
    p.protocol,
    p.fragment != 0 ? 0 : p.sport,
    p.fragment != 0 ? 0 : p.dport,
  );
  return reason == Reason.NONE || drop(reason);
}

/** Broadcast: up the stack if the source is fine. */
function broadcast4(link: Link): bool {
  if (!isZeronet(packet().saddrLo) && !validated(link, none<Link>(), 0)) return false;
  skb().kind = <u8>RouteKind.MULTI;
  return true;
}

/** What is found before any table is asked (ip_route_input_slow(), ip_mc_validate_source()). */
function martian4(link: Link, source: u64, destination: u64): Reason {
  if (isMulticast4(source) || isLimitedBroadcast(source)) return Reason.MARTIAN_SOURCE;
  if (isLimitedBroadcast(destination) || (source == 0 && destination == 0)) return Reason.NONE;
  if (isZeronet(source)) return Reason.MARTIAN_SOURCE;
  if (isZeronet(destination)) return Reason.MARTIAN_DESTINATION;
  if ((link.flags & LinkFlag.ROUTE_LOCALNET) == 0) {
    if (isLoopback4(destination)) return Reason.MARTIAN_DESTINATION;
    if (isLoopback4(source)) return Reason.MARTIAN_SOURCE;
  }
  return Reason.NONE;
}

/** False where the walk ended; else `skb().local` says whether the packet is for this host. */
function input4(link: Link): bool {
  const p = packet();
  const source = p.saddrLo;
  const destination = p.daddrLo;
  const s = skb();
  const weird = martian4(link, source, destination);
  if (weird != Reason.NONE) return drop(weird);
  if (isLimitedBroadcast(destination) || destination == 0 || isMulticast4(destination)) return broadcast4(link);
  const forwarding = (link.flags & LinkFlag.FORWARDING) != 0;
  fillKey(link);
  const found = routeLookup();
  const result = routeResult();
  if (!found || result.type >= <u32>RouteType.BLACKHOLE) {
    traceResult(RoutePurpose.INPUT, false, false);
    if (!forwarding) return drop(Reason.FORWARDING_OFF);
    return adoptError();
  }
  if (result.type == RouteType.BROADCAST || result.type == RouteType.LOCAL) {
    traceResult(RoutePurpose.INPUT, true, false);
    adopt();
    if (result.type == RouteType.BROADCAST) return broadcast4(link);
    return validated(link, none<Link>(), destination);
  }
  if (!forwarding || result.type != RouteType.UNICAST) {
    traceResult(RoutePurpose.INPUT, false, false);
    return drop(forwarding ? Reason.MARTIAN_DESTINATION : Reason.FORWARDING_OFF);
  }
  multipathSelect();
  measure(true, false, true);
  traceResult(RoutePurpose.INPUT, false, false, wayPathMtu);
  adopt();
  s.mtu = wayMtu;
  return validated(link, s.dev, destination);
}

function input6(link: Link): bool {
  const p = packet();
  const s = skb();
  const multicast = isMulticast6(p.daddrHi);
  fillKey(link);
  routeKey().strict = <u8>(multicast || isLinkLocal6(p.daddrHi) || isLoopback6(p.daddrHi, p.daddrLo));
  const found = routeLookup();
  const result = routeResult();
  if (!found || result.type >= <u32>RouteType.BLACKHOLE) {
    traceResult(RoutePurpose.INPUT, false, false);
    return adoptError();
  }
  const here = isForHost();
  if (here) {
    traceResult(RoutePurpose.INPUT, true, false);
    adopt();
    return true;
  }
  multipathSelect();
  measure(true, false, true);
  traceResult(RoutePurpose.INPUT, false, false, wayPathMtu);
  adopt();
  s.mtu = wayMtu;
  return true;
}

/** What a reject route, or a rule of that action, says; a router answers. */
function adoptError(): bool {
  const result = routeResult();
  const v4 = packet().family == 4;
  if (result.type == RouteType.BLACKHOLE) return drop(Reason.ROUTE_BLACKHOLE);
  let code: u32 = 0;
  if (result.type == RouteType.PROHIBIT) {
    finish(Disposition.UNREACHABLE, Reason.ROUTE_PROHIBIT);
    code = v4 ? 13 : 1;
  } else if (result.type == RouteType.UNREACHABLE && some(result.route)) {
    finish(Disposition.UNREACHABLE, Reason.ROUTE_UNREACHABLE);
    code = v4 ? 1 : 0;
  } else finish(Disposition.UNREACHABLE, Reason.NO_ROUTE);
  answerWith(ReplyKind.ICMP, v4 ? 3 : 1, code);
  return false;
}

/** What a host makes of an ARP question, which it judges as a packet from the asker to the address asked for. */
export enum ArpVerdict {
  SILENT = 0,
  LOCAL = 1,
  /** It would be forwarded, and this host answers for whom it is for. */
  PROXY = 2,
}

/** What would be forwarded by `out`: answered for if it is another link and the host proxies, or by private VLAN (arp_fwd_proxy(), arp_fwd_pvlan()). */
function forwardVerdict(link: Link, source: u64, destination: u64, out: Link, proxies: bool): ArpVerdict {
  if (validateSource(link, source, destination, 0, 0, out, 0, 0, 0) != Reason.NONE) return ArpVerdict.SILENT;
  const answers = out != link ? proxies : (link.flags & LinkFlag.PROXY_ARP_PVLAN) != 0 && source != destination;
  return answers ? ArpVerdict.PROXY : ArpVerdict.SILENT;
}

/** By a route of several nexthops: a choice, where it matters. */
function verdictAmong(link: Link, source: u64, destination: u64, route: Route, proxies: bool): ArpVerdict {
  const count = listWays();
  if (count == 0) return forwardVerdict(link, source, destination, routeResult().dev, proxies);
  const first = forwardVerdict(link, source, destination, wayDev(link.netns, route, 0), proxies);
  let differ = false;
  for (let i: u32 = 1; i < count; i++)
    if (forwardVerdict(link, source, destination, wayDev(link.netns, route, i), proxies) != first) differ = true;
  if (!differ) return first;
  const taken = wayOfQuestion(link.netns, route, count, source);
  return forwardVerdict(link, source, destination, wayDev(link.netns, route, taken), proxies);
}

/** `proxies`: the host answers for others there. */
export function arpVerdict(link: Link, source: u64, destination: u64, proxies: bool): ArpVerdict {
  if (martian4(link, source, destination) != Reason.NONE) return ArpVerdict.SILENT;
  if (isLimitedBroadcast(destination) || isMulticast4(destination) || destination == 0) return ArpVerdict.SILENT;
  const key = clearKey(link.netns, 4);
  key.saddrLo = source;
  key.daddrLo = destination;
  key.iif = link;
  if (!routeLookup()) return ArpVerdict.SILENT;
  const result = routeResult();
  const dev = result.dev;
  if (result.type == RouteType.LOCAL) {
    const reason = validateSource(link, source, destination, 0, 0, none<Link>(), 0, 0, 0);
    return reason == Reason.NONE ? ArpVerdict.LOCAL : ArpVerdict.SILENT;
  }
  if (result.type != RouteType.UNICAST || (link.flags & LinkFlag.FORWARDING) == 0) return ArpVerdict.SILENT;
  const route = result.route;
  return route.nexthopCount > 1
    ? verdictAmong(link, source, destination, route, proxies)
    : forwardVerdict(link, source, destination, dev, proxies);
}

/** Routes the packet that came in on `link`. False where the walk ended. */
export function routeInput(link: Link): bool {
  skb().kind = <u8>RouteKind.NONE;
  return packet().family == 4 ? input4(link) : input6(link);
}
