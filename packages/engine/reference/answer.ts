/**
 * What goes back: replies, resets and ICMP errors as the stack builds them. icmp_send (net/ipv4/icmp.c), icmp6_send (net/ipv6/icmp.c),
 * tcp_v4_send_reset (net/ipv4/tcp_ipv4.c), nf_send_reset (net/ipv4/netfilter/nf_reject_ipv4.c).
 */
import {
  CtDirection,
  CtState,
  Disposition,
  Hook,
  networkOf,
  type Packet,
  Protocol,
  Reason,
  RouteType,
  sysctl,
  TcpFlag,
  type TcpNumbers,
} from '../src/index.ts';
import { addressOf, isLinkLocal6, isMulticast, isUnspecified, prefixOf } from './addresses.ts';
import { OF_UNTRACKED } from './conntrack.ts';
import { type Flow, fibLookup, vrfOf } from './fib.ts';
import { isLater } from './fragment.ts';
import { addressType4 } from './match-addrtype.ts';
import { isAnycast, isAnycastOf } from './neighbor.ts';
import { reflectedMark } from './reflect.ts';
import { kindOf } from './route.ts';
import { selectAddress6 } from './source-address.ts';
import type { CtInfo, Device, Host, IcmpError, Routed, Skb, Stop } from './state.ts';
import { segmentEnd } from './tcp-window.ts';
import { isIcmp, isIcmpError } from './tuple.ts';

type WayKind = Routed['kind'];

/**
 * Where the packet's route leads. One that a rule refuses before it was routed gets the way to its sender for its own (nf_reject_fill_skb_dst,
 * nf_reject6_fill_skb_dst); undefined: there is none.
 */
function wayOf({ host, skb, reason, hook, rule }: Stop): WayKind | undefined {
  const { packet, route } = skb;
  const family = rule?.table.family;
  const isEarly = reason === Reason.REJECT_RULE && (hook === Hook.PREROUTING || hook === Hook.INGRESS);
  if (route || !isEarly || family === 'bridge' || family === 'netdev') return route?.kind ?? 'unicast';
  const daddr = packet.saddr;
  const flow = { family: packet.family, saddr: '', daddr, mark: 0, tos: 0, protocol: 0, sport: 0, dport: 0 };
  const result = fibLookup(host, flow);
  return result.error ? undefined : kindOf({ family: packet.family, daddr }, result);
}

/** No error about an error, about what was sent to many, or to nobody in particular. */
function allowsError(stop: Stop, way: WayKind): boolean {
  const { packet, locked, indev } = stop.skb;
  if (locked === packet.family && !indev && stop.reason === Reason.REJECT_RULE) return false;
  if (isIcmpError(packet) || way === 'multi') return false;
  // Of pieces IPv4 speaks of the first alone (icmp_send).
  if (packet.family === 4 && isLater(packet)) return false;
  if (isMulticast(packet.family, packet.daddr) || packet.daddr === '255.255.255.255') return false;
  if (isUnspecified(packet.saddr) || isMulticast(packet.family, packet.saddr) || packet.saddr === '') return false;
  if (packet.family === 6) return !isForSubnet(stop);
  return way !== 'local' || isOwn(stop.host, stop.skb);
}

/** True where the end of the walk has something to send back. */
export function answers(stop: Stop): boolean {
  if (!stop.reply) return false;
  const way = wayOf(stop);
  if (!way) return false;
  if (stop.reply.kind === 'icmp') return allowsError(stop, way);
  // A rule's reset may come from anywhere (ip_route_me_harder: FLOWI_FLAG_ANYSRC).
  return way !== 'multi' && (stop.reply.kind === 'reject-reset' || !isForeignLocal(stop));
}

/** Local only by a route outside table 255: IPv4 finds no route for an answer from there (ip_route_output_key_hash_rcu). */
const isForeignLocal = ({ host, skb }: Stop): boolean =>
  skb.packet.family === 4 && skb.route?.kind === 'local' && skb.indev !== undefined && !isOwn(host, skb);

const ttlOf = (host: Host, family: 4 | 6): number =>
  sysctl(host.netns.sysctls, family === 4 ? 'net.ipv4.ip_default_ttl' : 'net.ipv6.conf.all.hop_limit');

const swapped = (packet: Packet, host: Host): Packet => {
  const back: Packet = {
    ...packet,
    saddr: packet.daddr,
    daddr: packet.saddr,
    sport: packet.dport,
    dport: packet.sport,
    ttl: ttlOf(host, packet.family),
    mark: 0,
    tos: 0,
    dontFragment: true,
  };
  delete back.inner;
  // What a process would answer in sequence numbers or chunks nobody knows.
  delete back.tcp;
  delete back.sctp;
  delete back.owner;
  delete back.mtu;
  delete back.fragment;
  return back;
};

const tcpLength = (packet: Packet) => (packet.family === 4 ? 40 : 60);

function reply(host: Host, skb: Skb): Packet {
  const { packet } = skb;
  const back = swapped(packet, host);
  if (packet.protocol === Protocol.TCP) {
    const accepts = sysctl(host.netns.sysctls, 'net.ipv4.tcp_fwmark_accept') !== 0;
    const mark = accepts ? packet.mark : 0;
    return { ...back, tcpFlags: TcpFlag.SYN | TcpFlag.ACK, length: tcpLength(packet), mark };
  }
  if (packet.protocol !== Protocol.ICMP && packet.protocol !== Protocol.ICMPV6) return back;
  return {
    ...back,
    // Nobody sends an echo from an address of many (icmpv6_echo_reply).
    saddr: isAnycast(skb) ? '' : back.saddr,
    icmpType: packet.protocol === Protocol.ICMP ? 0 : 129,
    tos: packet.tos,
    mark: reflectedMark(host, packet),
    dontFragment: false,
  };
}

/** They follow from the segment that the reset is about (tcp_v4_send_reset, nf_reject_ip_tcphdr_put). */
function resetNumbers(packet: Packet, acknowledges: boolean): { tcp?: TcpNumbers } {
  const { tcp } = packet;
  if (!tcp) return {};
  if (acknowledges) return { tcp: { seq: tcp.ack, ack: 0, window: 0 } };
  return { tcp: { seq: 0, ack: segmentEnd(packet, tcp), window: 0 } };
}

function reset(host: Host, packet: Packet, tos: number): Packet {
  const acknowledges = (packet.tcpFlags & TcpFlag.ACK) !== 0;
  return {
    ...swapped(packet, host),
    ...resetNumbers(packet, acknowledges),
    tcpFlags: acknowledges ? TcpFlag.RST : TcpFlag.RST | TcpFlag.ACK,
    length: tcpLength(packet),
    tos,
    mark: reflectedMark(host, packet),
  };
}

/** Is this an address of the host, anycast ones among them, so that an error may come from it? IPv6 link-local ones must be the link's. */
function isOwn(host: Host, skb: Skb): boolean {
  const { family, daddr } = skb.packet;
  const isHeld = (device: Device) => device.addresses.some((a) => a.text === daddr);
  // Those of VRFs are in no table that is asked here, but known all the same (__ip_dev_find).
  if (family === 4) return addressType4(host, daddr) === RouteType.LOCAL || host.devices.some(isHeld);
  return host.devices.some((device) => isHeld(device) || isAnycastOf(device, daddr));
}

/** An IPv6 error to the sender of a packet, as it asks for its way. */
const errorFlow = (skb: Skb): Flow => ({
  family: 6,
  saddr: '',
  daddr: skb.packet.saddr,
  mark: 0,
  tos: 0,
  protocol: Protocol.ICMPV6,
  sport: 0,
  dport: 0,
  vrf: vrfOf(cameBy(skb)),
});

/**
 * Whom an error comes from. IPv4: from where the packet was for, if its route ends here (icmp_send: RTCF_LOCAL). IPv6: from an own address that it
 * was for; for a packet that came in and was for somebody else, from one that suits the link it came in by, unless the route back names a
 * source (icmp6_send). Empty: routing chooses.
 */
function errorSource(stop: Stop): string {
  const { host, skb } = stop;
  const { family, saddr, daddr } = skb.packet;
  if (family === 4) return wayOf(stop) === 'local' ? daddr : '';
  if (isOwn(host, skb)) return daddr;
  if (!skb.indev) return '';
  if (fibLookup(host, errorFlow(skb)).route?.prefsrc !== undefined) return '';
  return selectAddress6(host, skb.indev, saddr) ?? '';
}

/** The way back to the sender is that of an anycast address, or of a whole subnet by its first one (ipv6_anycast_destination). */
function isForSubnet(stop: Stop): boolean {
  const { host, skb } = stop;
  const { packet } = skb;
  const source = errorSource(stop);
  const flow = { ...errorFlow(skb), saddr: source, mark: reflectedMark(host, packet), ...boundFlow(skb) };
  const { route } = fibLookup(host, flow);
  if (!route) return false;
  if (route.type === 'anycast') return true;
  const { length, words } = networkOf(prefixOf(route.destination));
  const isFirst = addressOf(packet.saddr).words.every((word, i) => word === words[i]);
  return length < 127 && isFirst && route.nexthops.every((hop) => hop.via === undefined);
}

function icmpError(stop: Stop, { type, code, mtu }: IcmpError): Packet {
  const { host, skb } = stop;
  const { packet } = skb;
  const { inner: _nested, ...about } = packet;
  const v4 = packet.family === 4;
  return {
    family: packet.family,
    protocol: v4 ? Protocol.ICMP : Protocol.ICMPV6,
    saddr: errorSource(stop),
    daddr: packet.saddr,
    sport: 0,
    dport: 0,
    tcpFlags: 0,
    icmpType: type,
    icmpCode: code,
    icmpId: 0,
    ttl: ttlOf(host, packet.family),
    tos: v4 ? (packet.tos & 0x1e) | 0xc0 : 0,
    mark: reflectedMark(host, packet),
    length: v4 ? Math.min(576, packet.length + 28) : Math.min(1280, packet.length + 48),
    dontFragment: false,
    ...(mtu !== undefined && { mtu }),
    inner: about,
  };
}

/** The connection of the packet goes along, in the other direction (nf_conntrack_attach). */
function attached(skb: Skb): CtInfo | undefined {
  const { ct } = skb;
  if (!ct?.connection) return ct && OF_UNTRACKED;
  const direction = ct.direction === CtDirection.ORIGINAL ? CtDirection.REPLY : CtDirection.ORIGINAL;
  return { state: CtState.RELATED, direction, connection: ct.connection };
}

/** UDP lets go of the connection before it refuses a datagram (__udp4_lib_rcv: nf_reset_ct). */
const isDetached = ({ disposition, skb }: Stop): boolean =>
  disposition === Disposition.REFUSED && skb.packet.protocol === Protocol.UDP;

/** The device that the packet came in by; back by `lo` or by a VRF, the one that has its address (icmp6_dev). */
function cameBy({ indev, route }: Skb): Device | undefined {
  if (indev?.link.kind !== 'loopback' && indev?.link.kind !== 'vrf') return indev;
  return route?.leg ? indev.host.byName.get(route.leg.dev) : indev;
}

const boundFlow = (skb: Skb) => {
  const device = isLinkLocal6(skb.packet.saddr) ? cameBy(skb) : undefined;
  return device ? { oif: device.name, strict: true } : {};
};

/** The packet to send, with the connection it carries, and the device it is bound to. */
export function answerTo(stop: Stop): Skb | undefined {
  const made = madeFor(stop);
  if (!made) return undefined;
  const { packet } = made;
  const locked = isIcmp(packet.protocol) ? packet.family : undefined;
  // A listener replies; echoes, resets and errors are the stack's.
  const socket = stop.reply?.kind === 'reply' && !locked ? 'process' : 'stack';
  // A rule's reset is bound to no device (nf_send_reset6), but for addresses of one link.
  const isFree = stop.reply?.kind === 'reject-reset' && packet.daddr === '::1';
  return { ...made, bound: isFree ? undefined : cameBy(stop.skb), locked, socket, lost: stop.lost ?? stop.skb.lost };
}

function madeFor(stop: Stop): Skb | undefined {
  if (!answers(stop) || !stop.reply) return undefined;
  const { host, skb } = stop;
  switch (stop.reply.kind) {
    case 'reply':
      return { packet: reply(host, skb), discovers: true };
    case 'stack-reset':
      // The ECN bits stay behind (ip_send_unicast_reply, tcp_v6_send_response).
      return { packet: reset(host, skb.packet, skb.packet.tos & 0xfc) };
    case 'reject-reset':
      return { packet: reset(host, skb.packet, 0), ct: attached(skb) };
    case 'icmp':
      return { packet: icmpError(stop, stop.reply.error), ...(!isDetached(stop) && { ct: attached(skb) }) };
  }
}

export const endsWithRule = (reason: Reason): boolean =>
  reason === Reason.RULE || reason === Reason.POLICY || reason === Reason.REJECT_RULE;
