/**
 * Who takes a packet that is local: ip_protocol_deliver_rcu (net/ipv4/ip_input.c), __inet_lookup_skb (TCP), __udp4_lib_rcv (UDP), icmp_rcv.
 */
import { Disposition, type Listener, type Packet, Protocol, Reason, sysctl, TcpFlag } from '../src/index.ts';
import { canonical, isUnspecified } from './addresses.ts';
import { isAnycast } from './neighbor.ts';
import { believed4, learnFromError, tooBigOf } from './path-mtu.ts';
import { reflectedMark } from './reflect.ts';
import type { Host, IcmpError, Reply, Run, Skb, Socket, Stop } from './state.ts';
import { hasTunnel } from './tunnel-ends.ts';
import { isIcmp, isIcmpError } from './tuple.ts';

const ECHO_REQUEST = { [Protocol.ICMP]: 8, [Protocol.ICMPV6]: 128 } as Record<number, number>;
const ECHO_REPLY = { [Protocol.ICMP]: 0, [Protocol.ICMPV6]: 129 } as Record<number, number>;

const isEchoRequest = (packet: Packet): boolean =>
  ECHO_REQUEST[packet.protocol] === packet.icmpType && isIcmp(packet.protocol);
const isEchoReply = (packet: Packet): boolean =>
  ECHO_REPLY[packet.protocol] === packet.icmpType && isIcmp(packet.protocol);

const isSyn = (packet: Packet) => (packet.tcpFlags & (TcpFlag.SYN | TcpFlag.ACK | TcpFlag.RST)) === TcpFlag.SYN;

/** A packet's ends as its sender's socket has them; the identifier stands for the port of an echo. */
export function senderSocket(packet: Packet): Socket {
  const echo = isIcmp(packet.protocol);
  return {
    family: packet.family,
    protocol: packet.protocol,
    address: packet.saddr,
    port: echo ? packet.icmpId : packet.sport,
    remoteAddress: packet.daddr,
    remotePort: echo ? 0 : packet.dport,
    connected: true,
  };
}

/** As its receiver's socket has them. */
function receiverSocket(packet: Packet): Socket {
  const echo = isIcmp(packet.protocol);
  return {
    family: packet.family,
    protocol: packet.protocol,
    address: packet.daddr,
    port: echo ? packet.icmpId : packet.dport,
    remoteAddress: packet.saddr,
    remotePort: echo ? 0 : packet.sport,
    connected: packet.protocol !== Protocol.UDP,
  };
}

const sameSocket = (a: Socket, b: Socket): boolean =>
  a.family === b.family &&
  a.protocol === b.protocol &&
  a.address === b.address &&
  a.port === b.port &&
  a.remoteAddress === b.remoteAddress &&
  a.remotePort === b.remotePort;

const hasSocket = (host: Host, wanted: Socket): boolean => host.sockets.some((socket) => sameSocket(socket, wanted));

export function addSocket(host: Host, socket: Socket): void {
  if (!hasSocket(host, socket)) host.sockets.push(socket);
}

/** Whom a whole packet is for is looked for before it is routed (udp_v4_early_demux, tcp_v4_early_demux, net/ipv4/ip_input.c: ip_rcv_finish_core). */
export function demux(host: Host, { packet }: Skb): Socket | undefined {
  const { protocol, fragment } = packet;
  if (fragment || (protocol !== Protocol.UDP && protocol !== Protocol.TCP)) return undefined;
  const wanted = receiverSocket(packet);
  return host.sockets.find((socket) => socket.connected && sameSocket(socket, wanted));
}

/** tcp_reset (net/ipv4/tcp_input.c) */
function removeSocket(host: Host, gone: Socket): void {
  host.sockets = host.sockets.filter((socket) => !sameSocket(socket, gone));
}

/** A socket that is bound to no device hears nothing from the ports of VRFs, unless a sysctl says so (inet_sk_bound_dev_eq). */
function hearsDevice(host: Host, { device, protocol }: Listener, { indev, vrfPort }: Skb): boolean {
  if (device !== undefined) return device === indev?.name || device === vrfPort?.name;
  if (!vrfPort) return true;
  const name = protocol === Protocol.TCP ? 'net.ipv4.tcp_l3mdev_accept' : 'net.ipv4.udp_l3mdev_accept';
  return sysctl(host.netns.sysctls, name) !== 0;
}

function listens(listener: Listener, packet: Packet): boolean {
  if (listener.protocol !== packet.protocol || listener.port !== packet.dport) return false;
  if (listener.address === '::') return packet.family === 6 || listener.v6only !== true;
  if (isUnspecified(listener.address)) return packet.family === 4;
  return canonical(listener.address) === packet.daddr;
}

type Verdict = Omit<Stop, 'host' | 'skb'>;

const taken = (reason: Reason, reply?: Reply): Verdict => ({ disposition: Disposition.DELIVERED, reason, reply });

/** Is there one, or nothing known? */
function hasListener(host: Host, skb: Skb): boolean {
  const { listeners } = host.netns;
  return !listeners || listeners.some((listener) => listens(listener, skb.packet) && hearsDevice(host, listener, skb));
}

/** A listener for it, given or assumed; it then has a socket that knows both ends. */
function toListener(host: Host, skb: Skb, refusal: Verdict): Verdict {
  const { packet } = skb;
  const { listeners } = host.netns;
  if (!hasListener(host, skb)) return refusal;
  addSocket(host, receiverSocket(packet));
  return taken(listeners ? Reason.LISTENER : Reason.LISTENER_ASSUMED, { kind: 'reply' });
}

/** No connection with one of several, and a reset only from a listener (tcp_v6_conn_request, tcp_v6_send_reset). */
function toTcpOfMany(host: Host, skb: Skb): Verdict {
  const { packet } = skb;
  const answered = !isSyn(packet) && (packet.tcpFlags & TcpFlag.RST) === 0 && hasListener(host, skb);
  return {
    disposition: Disposition.DROPPED,
    reason: Reason.NO_SOCKET,
    ...(answered && { reply: { kind: 'stack-reset' } }),
  };
}

function toTcp(host: Host, skb: Skb): Verdict {
  const { packet } = skb;
  if (isAnycast(skb)) return toTcpOfMany(host, skb);
  const reset: Reply = { kind: 'stack-reset' };
  if (isSyn(packet))
    return toListener(host, skb, { disposition: Disposition.REFUSED, reason: Reason.NO_LISTENER, reply: reset });
  const isReset = (packet.tcpFlags & TcpFlag.RST) !== 0;
  const socket = skb.demuxed ?? receiverSocket(packet);
  if (hasSocket(host, socket)) {
    if (isReset) removeSocket(host, socket);
    return taken(Reason.SOCKET);
  }
  const reply = isReset ? undefined : reset;
  return { disposition: Disposition.DROPPED, reason: Reason.NO_SOCKET, reply };
}

const noPort = ({ family }: Packet): IcmpError => (family === 4 ? { type: 3, code: 3 } : { type: 1, code: 4 });
const noProtocol = ({ family }: Packet): IcmpError => (family === 4 ? { type: 3, code: 2 } : { type: 4, code: 1 });

/** SCTP is a module that the kernel loads for the first socket: without one it does not know the protocol. */
function toDatagram(host: Host, skb: Skb): Verdict {
  const { packet } = skb;
  if (hasSocket(host, skb.demuxed ?? receiverSocket(packet))) return taken(Reason.SOCKET, { kind: 'reply' });
  return toListener(host, skb, {
    disposition: Disposition.REFUSED,
    reason: Reason.NO_LISTENER,
    reply: { kind: 'icmp', error: packet.protocol === Protocol.SCTP ? noProtocol(packet) : noPort(packet) },
  });
}

/**
 * An error goes to the socket that sent what it is about. What says that a packet was too big is remembered where somebody here sends such
 * packets: a socket, a tunnel (vxlan_err_lookup), the stack itself its echo replies (icmp_err, icmpv6_err).
 */
function toWhoSent(run: Run, host: Host, packet: Packet): Verdict {
  const { inner } = packet;
  const missing: Verdict = { disposition: Disposition.DROPPED, reason: Reason.NO_SOCKET };
  if (!inner) return missing;
  const waits = hasSocket(host, senderSocket(inner));
  if (tooBigOf(packet) && inner.family === packet.family) {
    const told = packet.family === 4 ? believed4(host, packet) : (packet.mtu ?? 0);
    if (told === undefined) return missing;
    const isTunnels =
      inner.protocol === Protocol.UDP &&
      [inner.sport, inner.dport].some((p) => hasTunnel(run.world, host, p, inner.daddr));
    const isStacks = inner.protocol === Protocol.ICMPV6 || (inner.protocol === Protocol.ICMP && inner.icmpType === 0);
    if (waits || isTunnels || isStacks) learnFromError(run, host, inner, told, reflectedMark(host, packet));
  }
  return waits ? taken(Reason.SOCKET) : missing;
}

function toIcmp(run: Run, host: Host, packet: Packet): Verdict {
  const missing: Verdict = { disposition: Disposition.DROPPED, reason: Reason.NO_SOCKET };
  if (isIcmpError(packet)) return toWhoSent(run, host, packet);
  if (isEchoReply(packet)) return hasSocket(host, receiverSocket(packet)) ? taken(Reason.SOCKET) : missing;
  if (!isEchoRequest(packet)) return taken(Reason.ICMP_LOCAL);
  const name = packet.family === 4 ? 'net.ipv4.icmp_echo_ignore_all' : 'net.ipv6.icmp.echo_ignore_all';
  const ignores = sysctl(host.netns.sysctls, name) !== 0;
  return taken(Reason.ICMP_LOCAL, ignores ? undefined : { kind: 'reply' });
}

function toOther(host: Host, skb: Skb): Verdict {
  const { packet } = skb;
  const verdict = toListener(host, skb, {
    disposition: Disposition.REFUSED,
    reason: Reason.NO_LISTENER,
    reply: { kind: 'icmp', error: noProtocol(packet) },
  });
  return verdict.disposition === Disposition.DELIVERED ? { ...verdict, reply: undefined } : verdict;
}

export function deliver(run: Run, host: Host, skb: Skb): Stop {
  const { packet } = skb;
  const verdict = (() => {
    if (isIcmp(packet.protocol)) return toIcmp(run, host, packet);
    if (packet.protocol === Protocol.TCP) return toTcp(host, skb);
    if (packet.protocol === Protocol.UDP || packet.protocol === Protocol.SCTP) return toDatagram(host, skb);
    return toOther(host, skb);
  })();
  // Nobody answers what was sent to many.
  return { host, skb, ...verdict, ...(skb.route?.kind === 'multi' ? { reply: undefined } : {}) };
}
