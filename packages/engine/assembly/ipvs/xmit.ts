/** A packet on its way to the server (ip_vs_xmit.c:ip_vs_nat_xmit(), ip_vs_dr_xmit(), ip_vs_tunnel_xmit(), ip_vs_icmp_xmit(), __ip_vs_get_out_rt()). */
import { CtStatus } from '../../src/ct-codes';
import { LinkFlag } from '../../src/codes';
import { IpvsMethod } from '../../src/ipvs-codes';
import { Disposition, Hook, Reason, RouteType } from '../../src/terms';
import { answerWith, finish, finishTooLong, ReplyKind } from '../core/end';
import { CtInfo, directionOf, innerPacket, none, packet, RouteKind, skb, some } from '../core/skb';
import { traceNat } from '../core/trace';
import { isLoopback4, isLoopback6 } from '../fib/kinds';
import { routeResult } from '../fib/lookup';
import { lookupUnsent, takeUnsent } from '../fib/output';
import { wayMtu } from '../fib/path-mtu';
import { isForHost, isMany } from '../fib/result';
import { Flow } from '../layout/flow';
import { Link } from '../layout/link';
import { Connection, ConnectionFlag, is } from './connections';
import { rewritesPorts } from './services';

/** What became of the packet at a hook. */
export enum Passage {
  /** The hook goes on. */
  ON = 0,
  /** The walk ended. */
  ENDED = 1,
  /** It goes on as a packet made here, by its new route. */
  SENT = 2,
}

enum Way {
  ENDED = 0,
  LOCAL = 1,
  AWAY = 2,
}

/** `binding` of a step: IPVS did it. */
const BY_IPVS: u32 = 2;

@inline
function isLo(link: Link): bool {
  return some(link) && (link.flags & LinkFlag.LOOPBACK) != 0;
}

/** The way it has leads to this host: of IPv6 by its link. */
export function leadsHere(): bool {
  const s = skb();
  if (s.kind == <u8>RouteKind.NONE) return false;
  return s.kind == <u8>RouteKind.LOCAL || (packet().family == 6 && s.kind == <u8>RouteKind.UNICAST && isLo(s.dev));
}

/** So does the one that was looked up last. */
function foundHere(): bool {
  const result = routeResult();
  if (packet().family == 4) return result.type == RouteType.LOCAL;
  return (isForHost() && !isMany()) || isLo(result.dev);
}

/** From a loopback address, which nobody elsewhere can answer to. */
function isFromLoopback(): bool {
  const s = skb();
  const p = packet();
  if (p.family == 4) return isLoopback4(p.saddrLo);
  return isLoopback6(p.saddrHi, p.saddrLo) && (!some(s.iif) || isLo(s.iif));
}

function boundary(): Way {
  finish(Disposition.DROPPED, Reason.SERVER_BOUNDARY);
  return Way.ENDED;
}

/** No way: the sender is told, whatever stands in it (dst_link_failure()). */
function noWay(): Way {
  const type = routeResult().type;
  let reason = Reason.NO_ROUTE;
  if (type == RouteType.BLACKHOLE) reason = Reason.ROUTE_BLACKHOLE;
  else if (type == RouteType.PROHIBIT) reason = Reason.ROUTE_PROHIBIT;
  else if (type == RouteType.UNREACHABLE && some(routeResult().route)) reason = Reason.ROUTE_UNREACHABLE;
  finish(Disposition.UNREACHABLE, reason);
  if (packet().family == 4) answerWith(ReplyKind.ICMP, 3, 1);
  else answerWith(ReplyKind.ICMP, 1, 3);
  return Way.ENDED;
}

/** The way to the server; one to somewhere else costs the packet one of its hops. */
function wayTo(one: Connection, local: bool, redirect: bool, error: bool): Way {
  const s = skb();
  const p = packet();
  const v4 = p.family == 4;
  if (!lookupUnsent(one.daddrHi, one.daddrLo)) return noWay();
  if (foundHere()) return local && (redirect || leadsHere()) ? Way.LOCAL : boundary();
  if (isFromLoopback()) return boundary();
  if (p.ttl <= 1) {
    finish(Disposition.UNREACHABLE, Reason.TTL_EXCEEDED);
    answerWith(ReplyKind.ICMP, v4 ? 11 : 3, 0);
    return Way.ENDED;
  }
  p.ttl -= 1;
  const length = v4 || s.widest == 0 ? p.length : s.widest;
  if (!error && length > wayMtu && (!v4 || p.dontFragment != 0)) {
    finishTooLong(v4, wayMtu);
    return Way.ENDED;
  }
  return Way.AWAY;
}

/** `ip_vs_notrack`: conntrack lets go of it. */
function untrack(): void {
  const s = skb();
  if (!some(s.flow)) return;
  s.flow = none<Flow>();
  s.ctInfo = CtInfo.UNTRACKED;
  s.judged = 1;
}

/**
 * The packet is IPVS's from now on. Conntrack learns who answers, or whom the client sees answer, unless IPVS keeps it out
 * (ip_vs_nfct.c:ip_vs_update_conntrack()).
 */
export function keep(one: Connection, toServer: bool): void {
  const s = skb();
  s.ipvs = 1;
  if (!is(one, ConnectionFlag.TRACKED)) {
    untrack();
    return;
  }
  const flow = s.flow;
  if (!some(flow) || (flow.status & CtStatus.CONFIRMED) != 0 || directionOf(s.ctInfo) != 0) return;
  if (one.server.method != <u8>IpvsMethod.MASQUERADE || is(one, ConnectionFlag.ONE_PACKET)) return;
  const ports = rewritesPorts(flow.oProtocol);
  if (toServer) {
    flow.rSaddrHi = one.daddrHi;
    flow.rSaddrLo = one.daddrLo;
    if (ports) flow.rSport = one.dport;
  } else {
    flow.rDaddrHi = one.cDaddrHi;
    flow.rDaddrLo = one.cDaddrLo;
    if (ports) flow.rDport = one.cDport;
  }
}

/** The source becomes the virtual address, or the destination the server's; of an error the packet in it, the other way round. */
export function rewrite(hook: u32, source: bool, hi: u64, lo: u64, port: u16, error: bool): void {
  const p = packet();
  const fromHi = source ? p.saddrHi : p.daddrHi;
  const fromLo = source ? p.saddrLo : p.daddrLo;
  const ports = rewritesPorts(p.protocol);
  const fromPort = !ports ? 0 : source ? p.sport : p.dport;
  if (source) {
    p.saddrHi = hi;
    p.saddrLo = lo;
    if (ports) p.sport = port;
  } else {
    p.daddrHi = hi;
    p.daddrLo = lo;
    if (ports) p.dport = port;
  }
  if (error) {
    const about = innerPacket();
    const inner = rewritesPorts(about.protocol);
    if (source) {
      about.daddrHi = hi;
      about.daddrLo = lo;
      if (inner) about.dport = port;
    } else {
      about.saddrHi = hi;
      about.saddrLo = lo;
      if (inner) about.sport = port;
    }
  }
  const toPort = ports ? port : 0;
  if (!error && fromHi == hi && fromLo == lo && fromPort == toPort) return;
  traceNat(hook, source, BY_IPVS, p.family, fromHi, fromLo, fromPort, hi, lo, toPort, 0, 0);
}

/** It leaves by another way than it came to this hook for. */
function leave(one: Connection, direct: bool): Passage {
  const s = skb();
  takeUnsent(one.daddrHi, one.daddrLo);
  s.demuxed = 0;
  s.direct = direct ? 1 : 0;
  s.ignoresDf = 1;
  return Passage.SENT;
}

function masquerade(hook: u32, one: Connection, error: bool): Passage {
  const s = skb();
  const cameIn = hook != Hook.OUTPUT && !isLo(s.iif);
  const way = wayTo(one, hook != Hook.FORWARD, true, error);
  if (way == Way.ENDED) return Passage.ENDED;
  const v4 = packet().family == 4;
  if (way == Way.LOCAL && cameIn && (v4 ? isLoopback4(one.daddrLo) : isLoopback6(one.daddrHi, one.daddrLo))) {
    boundary();
    return Passage.ENDED;
  }
  if (way == Way.AWAY) leave(one, false);
  rewrite(hook, false, one.daddrHi, one.daddrLo, one.dport, error);
  keep(one, true);
  // A socket that was found before is another one's now (ip_vs_drop_early_demux_sk()).
  const same = one.cDaddrHi == one.daddrHi && one.cDaddrLo == one.daddrLo && one.cDport == one.dport;
  if (way != Way.LOCAL || !same) s.demuxed = 0;
  return way == Way.LOCAL ? Passage.ON : Passage.SENT;
}

/** As it is, to the link-layer address of the server. */
function directly(one: Connection, error: bool): Passage {
  const way = wayTo(one, true, false, error);
  if (way == Way.ENDED) return Passage.ENDED;
  skb().ipvs = 1;
  if (!is(one, ConnectionFlag.TRACKED)) untrack();
  return way == Way.LOCAL ? Passage.ON : leave(one, true);
}

/** Into an outer packet: not modelled. To a server that is this host it is not wrapped. */
function tunnelled(one: Connection): Passage {
  if (!lookupUnsent(one.daddrHi, one.daddrLo) || !foundHere() || !leadsHere()) {
    finish(Disposition.UNKNOWN, Reason.UNMODELLED_IPVS);
    return Passage.ENDED;
  }
  skb().ipvs = 1;
  if (!is(one, ConnectionFlag.TRACKED)) untrack();
  return Passage.ON;
}

/** `error`: it is no packet of the connection, but an ICMP error about one. */
export function sendToServer(hook: u32, one: Connection, error: bool): Passage {
  switch (<i32>one.server.method) {
    case <i32>IpvsMethod.MASQUERADE:
      return masquerade(hook, one, error);
    case <i32>IpvsMethod.ROUTE:
      return directly(one, error);
    default:
      return tunnelled(one);
  }
}
