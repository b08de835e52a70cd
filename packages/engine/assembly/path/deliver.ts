/** Who takes a packet that is for this host (ip_input.c:ip_protocol_deliver_rcu(), __inet_lookup_skb(), __udp4_lib_rcv(), icmp_rcv()). */
import { ListenerFlag, NetnsFlag } from '../../src/codes';
import { PacketL4 } from '../../src/ct-codes';
import { Disposition, Protocol, Reason, TcpFlag } from '../../src/terms';
import { unbalanceSocket } from '../balance/socket';
import { answerWith, finish, ReplyKind } from '../core/end';
import { innerPacket, packet, skb, some } from '../core/skb';
import { isIcmp, isIcmpError } from '../ct/tuple';
import { Listener } from '../layout/host';
import { ABSENT } from '../layout/netns';
import { Packet } from '../layout/packet';
import { learnFromError } from '../fib/path-mtu';
import { isAnycast } from '../fib/result';
import { hasPort } from '../wire/tunnels';
import { reflectedMark } from './answer';
import { forgetReceiver, receives, rememberReceiver, sent } from './sockets';

function taken(reason: Reason, reply: bool): void {
  if (reason == Reason.SOCKET && some(skb().netns.balancing)) unbalanceSocket();
  finish(Disposition.DELIVERED, reason);
  if (reply) answerWith(ReplyKind.REPLY, 0, 0);
}

function listens(listener: Listener, p: Packet): bool {
  if (listener.protocol != p.protocol || listener.port != p.dport) return false;
  if ((listener.flags & <u8>(p.family == 4 ? ListenerFlag.ANY_4 : ListenerFlag.ANY_6)) != 0) return true;
  if (listener.flags != 0 || listener.family != p.family) return false;
  return listener.lo == p.daddrLo && listener.hi == p.daddrHi;
}

/** Does a socket hear what came in by the link at hand (inet_hashtables.h:inet_sk_bound_dev_eq())? */
function hearsLink(listener: Listener, p: Packet): bool {
  const s = skb();
  if (listener.device != 0) {
    if (some(s.iif) && listener.device == s.iif.name) return true;
    return some(s.vrfPort) && listener.device == s.vrfPort.name;
  }
  if (!some(s.vrfPort)) return true;
  const accept = p.protocol == <u8>Protocol.TCP ? NetnsFlag.TCP_L3MDEV_ACCEPT : NetnsFlag.UDP_L3MDEV_ACCEPT;
  return (s.netns.flags & accept) != 0;
}

/** Is there one, or nothing known? */
function hasListener(): bool {
  const netns = skb().netns;
  if (netns.listenerCount == ABSENT) return true;
  for (let i: u32 = 0; i < netns.listenerCount; i++) {
    const listener = changetype<Listener>(netns.listeners + <usize>i * offsetof<Listener>());
    if (listens(listener, packet()) && hearsLink(listener, packet())) return true;
  }
  return false;
}

/** A listener for it, known or assumed, takes it and has a socket from then on. False where nothing listens. */
function listenerTakes(reply: bool): bool {
  const netns = skb().netns;
  const p = packet();
  const known = netns.listenerCount != ABSENT;
  if (!hasListener()) return false;
  rememberReceiver(p);
  taken(known ? Reason.LISTENER : Reason.LISTENER_ASSUMED, reply);
  return true;
}

function refuse(kind: ReplyKind, type: u32, code: u32): void {
  finish(Disposition.REFUSED, Reason.NO_LISTENER);
  answerWith(kind, type, code);
}

function refuseProtocol(): void {
  if (packet().family == 4) refuse(ReplyKind.ICMP, 3, 2);
  else refuse(ReplyKind.ICMP, 4, 1);
}

function toTcp(): void {
  const p = packet();
  const flags = <u32>p.tcpFlags & (TcpFlag.SYN | TcpFlag.ACK | TcpFlag.RST);
  if (isAnycast()) {
    // No connection with one of several, and a reset only from a listener (tcp_v6_conn_request(), tcp_v6_send_reset()).
    finish(Disposition.DROPPED, Reason.NO_SOCKET);
    if (flags != TcpFlag.SYN && (flags & TcpFlag.RST) == 0 && hasListener()) answerWith(ReplyKind.STACK_RESET, 0, 0);
    return;
  }
  if (flags == TcpFlag.SYN) {
    if (!listenerTakes(true)) refuse(ReplyKind.STACK_RESET, 0, 0);
    return;
  }
  if (receives(p)) {
    // tcp_input.c:tcp_reset()
    if ((flags & TcpFlag.RST) != 0) forgetReceiver(p);
    taken(Reason.SOCKET, false);
    return;
  }
  finish(Disposition.DROPPED, Reason.NO_SOCKET);
  if ((flags & TcpFlag.RST) == 0) answerWith(ReplyKind.STACK_RESET, 0, 0);
}

function toDatagram(): void {
  const p = packet();
  if (receives(p)) {
    taken(Reason.SOCKET, true);
    return;
  }
  if (listenerTakes(true)) return;
  // SCTP is a module that the kernel loads for the first socket: without one it does not know the protocol.
  if (p.protocol == <u8>Protocol.SCTP) refuseProtocol();
  else if (p.family == 4) refuse(ReplyKind.ICMP, 3, 3);
  else refuse(ReplyKind.ICMP, 1, 4);
}

/** The MTU that an IPv4 error is taken to tell; -1: nobody hears of it (icmp.c:icmp_unreach(), `ip_no_pmtu_disc`). */
function believed4(p: Packet): i64 {
  const told: u32 = (p.l4 & PacketL4.HEADER) != 0 ? p.seq : 0;
  const inner = innerPacket().protocol;
  switch (skb().netns.paths.off) {
    case 0:
      return told;
    case 2:
      return -1;
    case 3:
      return inner == <u8>Protocol.TCP || inner == <u8>Protocol.SCTP ? <i64>told : -1;
    default:
      return 0;
  }
}

/**
 * An error goes to the socket that sent what it is about. What says that a packet was too big is remembered where somebody here sends such
 * packets: a socket, a tunnel (vxlan_err_lookup()), the stack itself its echo replies (icmp_err(), icmpv6_err()).
 */
function toWhoSent(): void {
  const p = packet();
  const about = innerPacket();
  const waits = p.hasInner && sent(about);
  const v4 = p.family == 4;
  const tooBig = v4 ? p.icmpType == 3 && p.icmpCode == 4 : p.icmpType == 2;
  if (tooBig && p.hasInner && about.family == p.family) {
    const told: i64 = v4 ? believed4(p) : (p.l4 & PacketL4.HEADER) != 0 ? <i64>p.seq : 0;
    if (told < 0) {
      finish(Disposition.DROPPED, Reason.NO_SOCKET);
      return;
    }
    const tunnels = about.protocol == <u8>Protocol.UDP && (hasPort(skb().netns, about.sport, about.family) || hasPort(skb().netns, about.dport, about.family));
    const stacks =
      about.protocol == <u8>Protocol.ICMPV6 || (about.protocol == <u8>Protocol.ICMP && about.icmpType == 0);
    if (waits || tunnels || stacks) learnFromError(about, <u32>told, reflectedMark(p));
  }
  if (waits) taken(Reason.SOCKET, false);
  else finish(Disposition.DROPPED, Reason.NO_SOCKET);
}

function toIcmp(): void {
  const p = packet();
  const type = <u32>p.icmpType;
  const v4 = p.protocol == <u8>Protocol.ICMP;
  if (isIcmpError(p)) {
    toWhoSent();
    return;
  }
  if (type == <u32>(v4 ? 0 : 129)) {
    if (receives(p)) taken(Reason.SOCKET, false);
    else finish(Disposition.DROPPED, Reason.NO_SOCKET);
    return;
  }
  const echo = type == <u32>(v4 ? 8 : 128);
  const ignored = p.family == 4 ? NetnsFlag.ECHO_IGNORE_4 : NetnsFlag.ECHO_IGNORE_6;
  taken(Reason.ICMP_LOCAL, echo && (skb().netns.flags & ignored) == 0);
}

/** Protocols without ports: who listens does so with port 0, and what it says back is not known. */
function toOther(): void {
  if (!listenerTakes(false)) refuseProtocol();
}

export function deliver(): void {
  const protocol = <u32>packet().protocol;
  if (isIcmp(protocol)) toIcmp();
  else if (protocol == Protocol.TCP) toTcp();
  else if (protocol == Protocol.UDP || protocol == Protocol.SCTP) toDatagram();
  else toOther();
}
