/** IPVS at its hooks (ip_vs_core.c:ip_vs_in_hook(), ip_vs_out_hook(), ip_vs_forward_icmp()). */
import { CtStatus } from '../../src/ct-codes';
import { LinkFlag } from '../../src/codes';
import { IpvsFlag, IpvsHow, IpvsMethod, IpvsServiceFlag } from '../../src/ipvs-codes';
import { ChoiceKind, Disposition, Hook, Protocol, Reason, TcpFlag } from '../../src/terms';
import { chooseAside } from '../core/choice';
import { answerWith, finish, ReplyKind } from '../core/end';
import { gather } from '../core/gather';
import { innerPacket, isLater, none, packet, RouteKind, skb, some } from '../core/skb';
import { traceIpvs } from '../core/trace';
import { reroute } from '../fib/output';
import { IpvsServer, IpvsService } from '../layout/ipvs';
import { Link } from '../layout/link';
import { Packet } from '../layout/packet';
import { Nexthop, Route } from '../layout/route';
import {
  addConnection,
  clientConnection,
  Connection,
  ConnectionFlag,
  endConnection,
  fillClient,
  fillTemplate,
  hide,
  is,
  release,
  serverConnection,
  templateOf,
} from './connections';
import { schedule } from './schedule';
import { FTP, FTP_DATA, has, here, isKnown, isServer, rewritesPorts, serviceFor } from './services';
import { follow, isAbort, isOver, maySchedule, opens } from './state';
import { keep, leadsHere, Passage, rewrite, sendToServer } from './xmit';

/** Errors that IPVS looks into: destination unreachable, source quench, time exceeded; of ICMPv6 all. */
function isError(p: Packet): bool {
  if (p.protocol == <u8>Protocol.ICMP) return p.icmpType == 3 || p.icmpType == 4 || p.icmpType == 11;
  return p.protocol == <u8>Protocol.ICMPV6 && p.icmpType < 128;
}

/** The error's packet has what a connection is found by. */
function hasAbout(p: Packet): bool {
  return p.hasInner != 0 && isKnown(innerPacket().protocol) && !isLater(innerPacket());
}

function note(hook: u32, how: IpvsHow, service: IpvsService, server: IpvsServer): void {
  traceIpvs(hook, how, service.id, some(server) ? server.id + 1 : 0);
}

function refuse(reason: Reason): Passage {
  finish(Disposition.UNREACHABLE, reason);
  if (packet().family == 4) answerWith(ReplyKind.ICMP, 3, 3);
  else answerWith(ReplyKind.ICMP, 1, 4);
  return Passage.ENDED;
}

function end(disposition: Disposition, reason: Reason): Passage {
  finish(disposition, reason);
  return Passage.ENDED;
}

/** What comes from a server, at INPUT, FORWARD and OUTPUT. */
export function ipvsOut(hook: u32): Passage {
  const s = skb();
  if (s.ipvs || s.asks) return Passage.ON;
  const p = packet();
  if (isError(p)) return errorFromServer(hook);
  if (!isKnown(p.protocol)) return Passage.ON;
  if (p.family == 4 && rewritesPorts(p.protocol) && p.fragment != 0 && !gather()) return Passage.ENDED;
  if (isLater(p)) return Passage.ON;
  const one = serverConnection(p, false);
  if (some(one)) return fromServer(hook, one);
  return isStray(p) ? refuse(Reason.NO_IPVS_CONNECTION) : Passage.ON;
}

/** A server's packet that belongs to nothing, where servers are told so (`nat_icmp_send`). */
function isStray(p: Packet): bool {
  if (!has(IpvsFlag.NAT_ICMP_SEND) || !rewritesPorts(p.protocol)) return false;
  if (p.protocol == <u8>Protocol.TCP && (p.tcpFlags & <u8>TcpFlag.RST) != 0) return false;
  if (p.protocol == <u8>Protocol.SCTP && isAbort(p)) return false;
  return isServer(p.protocol, p.saddrHi, p.saddrLo, p.sport);
}

/** The route was that of the server's answer; it is now that of the virtual address (ip_vs_route_me_harder()). False where the walk ended. */
function rerouted(hook: u32): bool {
  const s = skb();
  if (hook == Hook.INPUT || !has(IpvsFlag.SNAT_REROUTE) || leadsHere()) return true;
  if (!some(s.physOut)) return reroute();
  // A frame in a bridge goes where it goes.
  const kind = s.kind;
  const route: Route = s.route;
  const nexthop: Nexthop = s.nexthop;
  const dev: Link = s.dev;
  const mtu = s.mtu;
  const locked = s.locked;
  const hi = s.gatewayHi;
  const lo = s.gatewayLo;
  const family = s.gatewayFamily;
  if (!reroute()) return false;
  s.kind = kind;
  s.route = route;
  s.nexthop = nexthop;
  s.dev = dev;
  s.mtu = mtu;
  s.locked = locked;
  s.gatewayHi = hi;
  s.gatewayLo = lo;
  s.gatewayFamily = family;
  return true;
}

function fromServer(hook: u32, one: Connection): Passage {
  note(hook, IpvsHow.REPLY, one.service, one.server);
  if (one.server.method == <u8>IpvsMethod.MASQUERADE) {
    rewrite(hook, true, one.cDaddrHi, one.cDaddrLo, one.cDport, false);
    if (!rerouted(hook)) {
      release(one);
      return Passage.ENDED;
    }
  }
  follow(one, packet(), true);
  keep(one, false);
  release(one);
  return Passage.ON;
}

function errorFromServer(hook: u32): Passage {
  if (!hasAbout(packet())) return Passage.ON;
  const one = serverConnection(innerPacket(), true);
  if (!some(one)) return Passage.ON;
  note(hook, IpvsHow.REPLY, one.service, one.server);
  if (one.server.method == <u8>IpvsMethod.MASQUERADE) {
    rewrite(hook, true, one.cDaddrHi, one.cDaddrLo, one.cDport, true);
    if (!rerouted(hook)) return Passage.ENDED;
  }
  keep(one, false);
  return Passage.ON;
}

/** An error about what came from a server, on its way back there. */
export function ipvsError(hook: u32): Passage {
  const p = packet();
  if (skb().asks || !isError(p) || !hasAbout(p)) return Passage.ON;
  const about = innerPacket();
  const one = clientConnection(about, true);
  if (!some(one)) {
    if (!has(IpvsFlag.SCHEDULE_ICMP)) return Passage.ON;
    const service = serviceFor(about.family, about.protocol, about.saddrHi, about.saddrLo, about.sport, p.mark);
    return some(service) ? end(Disposition.UNKNOWN, Reason.UNMODELLED_IPVS) : Passage.ON;
  }
  if (p.family == 6 && hook == Hook.OUTPUT && one.server.method != <u8>IpvsMethod.MASQUERADE) return Passage.ON;
  note(hook, IpvsHow.KNOWN, one.service, one.server);
  return sendToServer(hook, one, true);
}

/** What is for a virtual service, at INPUT and OUTPUT. */
export function ipvsIn(hook: u32): Passage {
  const s = skb();
  if (s.ipvs || s.asks) return Passage.ON;
  if (hook != Hook.OUTPUT && s.kind != <u8>RouteKind.LOCAL) return Passage.ON;
  const p = packet();
  if (isError(p)) return ipvsError(hook);
  if (!isKnown(p.protocol) || isLater(p)) return Passage.ON;
  const one = clientConnection(p, false);
  if (!some(one)) return scheduled(hook);
  if (opens(p) && isSuperseded(one)) {
    const old = some(s.flow) && (s.flow.status & CtStatus.CONFIRMED) != 0;
    if (!old) one.flags &= ~<u8>ConnectionFlag.TRACKED;
    endConnection(one);
    return old ? end(Disposition.DROPPED, Reason.PORTS_IN_USE) : scheduled(hook);
  }
  note(hook, IpvsHow.KNOWN, one.service, one.server);
  return through(hook, one);
}

/** A new connection by the ports of an old one that is over, or whose server is to have no more. */
function isSuperseded(one: Connection): bool {
  if (has(IpvsFlag.EXPIRE_NODEST) && one.server.weight == 0) return true;
  const reuse = here().reuse;
  return reuse != 0 && isOver(one, reuse);
}

function through(hook: u32, one: Connection): Passage {
  follow(one, packet(), false);
  const passage = sendToServer(hook, one, false);
  release(one);
  return passage;
}

/** A server for a packet that belongs to nothing yet (ip_vs_try_to_schedule(), ip_vs_schedule()). */
function scheduled(hook: u32): Passage {
  const s = skb();
  const p = packet();
  if (!maySchedule(p)) return Passage.ON;
  const service = serviceFor(p.family, p.protocol, p.daddrHi, p.daddrLo, p.dport, p.mark);
  if (!some(service)) return Passage.ON;
  if (has(IpvsFlag.DROP_PACKET) && chooseAside(ChoiceKind.UNMODELLED, 2, changetype<usize>(here())) != 0) {
    return end(Disposition.DROPPED, Reason.NO_SERVER);
  }
  if (<u32>p.sport == FTP_DATA) return Passage.ON;
  // Answers of a server that is this host are no requests.
  const isOwn = !some(s.iif) || (s.iif.flags & LinkFlag.LOOPBACK) != 0;
  if (isOwn && some(clientConnection(p, true))) return Passage.ON;
  if ((service.flags & <u8>IpvsServiceFlag.ENGINE) != 0) return end(Disposition.UNKNOWN, Reason.UNMODELLED_IPVS);
  if ((service.flags & <u8>IpvsServiceFlag.PERSISTENT) != 0) return persistent(hook, service);
  if (service.mark == 0 && p.dport != service.port) return left(hook, service);
  const server = schedule(service);
  if (!some(server)) return left(hook, service);
  note(hook, IpvsHow.SCHEDULED, service, server);
  return connect(hook, service, server, server.port != 0 ? server.port : p.dport, none<Connection>());
}

/** A connection, and the packet on its way. */
function connect(hook: u32, service: IpvsService, server: IpvsServer, dport: u16, control: Connection): Passage {
  const p = packet();
  const single = (service.flags & <u8>IpvsServiceFlag.ONE_PACKET) != 0 && p.protocol == <u8>Protocol.UDP;
  const tracked = has(IpvsFlag.CONNTRACK) ? <u8>ConnectionFlag.TRACKED : 0;
  fillClient(p);
  const one = addConnection(service, server, dport, (single ? <u8>ConnectionFlag.ONE_PACKET : 0) | tracked, control);
  return some(one) ? through(hook, one) : end(Disposition.UNKNOWN, Reason.UNMODELLED_IPVS);
}

/** As the client's last connection went (ip_vs_sched_persist()). */
function persistent(hook: u32, service: IpvsService): Passage {
  const p = packet();
  const own = p.dport == service.port;
  const ftp = <u32>service.port == FTP;
  const byMark = !own && service.mark != 0;
  fillTemplate(
    p.family,
    byMark ? 0 : p.protocol,
    p.saddrHi & service.maskHi,
    p.saddrLo & service.maskLo,
    byMark ? 0 : p.daddrHi,
    byMark ? <u64>service.mark : p.daddrLo,
    own && !ftp ? p.dport : 0,
  );
  let template = templateOf();
  if (some(template) && template.server.weight == 0 && has(IpvsFlag.EXPIRE_QUIESCENT)) {
    hide(template);
    template = none<Connection>();
  }
  const kept = some(template);
  if (!kept) {
    const server = schedule(service);
    if (!some(server)) return left(hook, service);
    const tracked = has(IpvsFlag.CONNTRACK) ? <u8>ConnectionFlag.TRACKED : 0;
    const dport = own && !ftp ? server.port : 0;
    template = addConnection(service, server, dport, <u8>ConnectionFlag.TEMPLATE | tracked, none<Connection>());
    if (!some(template)) return end(Disposition.UNKNOWN, Reason.UNMODELLED_IPVS);
    template.timeout = service.persistent;
  }
  const server = template.server;
  note(hook, kept ? IpvsHow.PERSISTENT : IpvsHow.SCHEDULED, service, server);
  release(template);
  return connect(hook, service, server, own && server.port != 0 ? server.port : p.dport, template);
}

/** No server may take it (ip_vs_leave()). */
function left(hook: u32, service: IpvsService): Passage {
  if (service.mark != 0 && has(IpvsFlag.CACHE_BYPASS)) return end(Disposition.UNKNOWN, Reason.UNMODELLED_IPVS);
  if (<u32>service.port == FTP && <u32>packet().dport != FTP) return Passage.ON;
  note(hook, IpvsHow.NONE, service, none<IpvsServer>());
  return refuse(Reason.NO_SERVER);
}
