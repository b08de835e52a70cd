import { FragmentFlag, PacketL4 } from '../../src/ct-codes';
import { BaseChain } from '../layout/chain';
import { Flow } from '../layout/flow';
import { Link } from '../layout/link';
import { Netns } from '../layout/netns';
import { Packet } from '../layout/packet';
import { Nexthop, Route } from '../layout/route';
import { PACKET_BASE, SKB_BASE } from './memory';

/** What the kernel keeps beside a packet (`struct sk_buff`, its `dst_entry`, its `nf_bridge_info`). One packet is in flight at a time. */
@unmanaged
export class Skb {
  /** Gateway or destination that the route leads to. */
  gatewayHi: u64;
  gatewayLo: u64;
  /** Source address of the frame it came in; 0: none. */
  sourceMac: u64;
  frameMac: u64;
  frameHi: u64;
  frameLo: u64;
  netns: Netns;
  /** Interfaces as rules see them. */
  iif: Link;
  oif: Link;
  /** Bridge ports, where the packet passes a bridge. */
  physIn: Link;
  physOut: Link;

  flow: Flow;
  /** `CtInfo`. */
  ctInfo: u32;
  /** Set by CT targets for the connection to be made: number and directions (bits 1 original, 2 reply). */
  zone: u16;
  zoneDirections: u8;

  /** Set by CT targets for the connection to be made: `HelperStatement`. */
  helper: u32;

  /** What routing decided (`RouteKind`). */
  kind: u8;
  route: Route;
  nexthop: Nexthop;
  /** Interface the route leads to. */
  dev: Link;
  mtu: u32;
  gatewayFamily: u8;
  /** The next hop of the frame on the wire, as its sender resolved it. */
  frameFamily: u8;
  /** 1: the frame has a destination address, `frameMac`; 0: it is for whoever gets it. */
  framed: u8;
  /** PREROUTING ran on the bridge port already. */
  prerouted: u8;

  /** The socket that it was found to be for before routing, whatever rules write into it at INPUT (`skb->sk`); 0: none. */
  demuxed: u32;
  /** Who has `frameMac` in the layer-2 domain; 0: nobody. */
  target: Link;
  /** The walk has ended. */
  ended: u8;
  /** Made by `send` or `answer`, not received. */
  made: u8;
  /** Conntrack has looked at it in this namespace. */
  judged: u8;
  /** `SocketOf`: who made it here. */
  socket: u8;
  /** Packets that go there may be cut on their way. */
  locked: u8;
  /** The stack decides whether it asks to stay whole, once it knows the way (IP_PMTUDISC_WANT). */
  discovers: u8;
  /** Put together here: the length of its longest piece (`frag_max_size`); 0: it came whole. */
  widest: u32;
  /** Made here, and longer than this, the MTU of the way it set out for: its data lies in parts of that size (ip_append_data()); 0: it fitted. */
  appended: u32;
  /** Which packet it is a piece of; 0: none that was cut in this walk. */
  datagram: u32;

  /** An answer to a link-local address leaves by this link alone. */
  bound: Link;
  /** The outer packet of a tunnel leaves by this link alone. */
  through: Link;
  /** The tunnel that it is the outer packet of. */
  outerOf: Link;
  /** Position in the rules: the base chain under evaluation, and the rule. */
  base: BaseChain;
  table: u32;
  chain: u32;
  rule: u32;
  hook: u32;
  /** The frame arrives on this link next. */
  arrival: Link;
  /** VLAN tag of the frame; 0: none. */
  tag: u16;
  /** VLAN of the frame in the bridge that it is in. */
  vlan: u16;
  /** The VRF's port that it came in by. */
  vrfPort: Link;
  /** The packet asks for a neighbour, or answers (`path/question.ts`). */
  asks: u8;
  /** A rule gave the frame another link-layer address. */
  rewritten: u8;
  /** How many devices are sending it, each for the one before (`dev_recursion_level()`). */
  nested: u8;
  /** 4 or 6, with the two below. */
  lostFamily: u8;
  /** The link-layer address that it bears, where it is for many; 0: it is for one. */
  group: u64;
  /** The stack that a question or an answer is for. */
  towards: Link;
  /** It comes there from the link below, and not over a wire: what chains of that link attached goes along. */
  climbs: u8;
  /** Bits of `Relayed`. */
  relayed: u8;
  /** IPVS has had it (`ipvs_property`): within this host it looks at it no more. */
  ipvs: u8;
  /** The next hop is what routing said, wherever the packet is for. */
  direct: u8;
  /** IPVS sent it on: what does not fit is cut, whether or not it asks to stay whole (`ignore_df`). */
  ignoresDf: u8;
  /** A hook sent it on by another way, and OUTPUT has seen it. */
  sentOn: u8;
  pad3: u8;
  pad4: u16;
  /** Nobody answered for this next hop here: what the packet is about, and not asked for again on its behalf. */
  lost: Link;
  lostHi: u64;
  lostLo: u64;
}

/** Who looks for the way: not whoever made the packet, but a device on its behalf. */
export enum Relayed {
  /** It is a tunnel's outer packet. */
  OUTER = 1,
  /** A VRF or an ipvlan routes it once more. */
  AGAIN = 2,
}

/** Where a route leads: nowhere yet, out, up, or to many. */
export enum RouteKind {
  NONE = 0,
  UNICAST = 1,
  LOCAL = 2,
  MULTI = 3,
}

/**
 * `enum ip_conntrack_info`; INVALID is a packet without flow that is not UNTRACKED. RELATED without flow: an error or reset about a packet that
 * was not tracked (nf_conntrack_attach()).
 */
export enum CtInfo {
  ESTABLISHED = 0,
  RELATED = 1,
  NEW = 2,
  ESTABLISHED_REPLY = 3,
  RELATED_REPLY = 4,
  UNTRACKED = 7,
}

@inline
export function skb(): Skb {
  return changetype<Skb>(SKB_BASE);
}

@inline
export function packet(): Packet {
  return changetype<Packet>(PACKET_BASE);
}

/** The packet an ICMP error is about. */
@inline
export function innerPacket(): Packet {
  return changetype<Packet>(PACKET_BASE + offsetof<Packet>());
}

/** Copies the packet, and the one inside it if there is one: there is room for both. */
@inline
export function copyPacket(to: usize): void {
  const p = packet();
  memory.copy(to, PACKET_BASE, offsetof<Packet>());
  if (p.hasInner) memory.copy(to + offsetof<Packet>(), PACKET_BASE + offsetof<Packet>(), offsetof<Packet>());
}

/** A piece of a packet behind the first, which holds the protocol's header. */
@inline
export function isLater(p: Packet): bool {
  return (p.fragment & <u8>FragmentFlag.LATER) != 0;
}

/** True for a reference that points to something. */
@inline
export function some<T>(reference: T): bool {
  return changetype<usize>(reference) != 0;
}

@inline
export function none<T>(): T {
  return changetype<T>(0);
}

/** Where the packet is from now on; the links that it came by are none of this host's. */
export function changeHost(netns: Netns): void {
  const s = skb();
  s.netns = netns;
  s.iif = none<Link>();
  s.oif = none<Link>();
  s.physIn = none<Link>();
  s.physOut = none<Link>();
  s.vrfPort = none<Link>();
}

/** Forgets all but the packet: what is known of it belongs to one host. */
export function enterHost(netns: Netns): void {
  const s = skb();
  changeHost(netns);
  s.flow = none<Flow>();
  s.ctInfo = 0;
  s.zone = 0;
  s.zoneDirections = 0;
  s.helper = 0;
  s.judged = 0;
  s.discovers = 0;
  s.widest = 0;
  s.appended = 0;
  s.kind = <u8>RouteKind.NONE;
  s.made = 0;
  s.socket = 0;
  s.bound = none<Link>();
  s.through = none<Link>();
  s.relayed = 0;
  s.direct = 0;
  s.ignoresDf = 0;
  s.sentOn = 0;
  s.outerOf = none<Link>();
  s.lost = none<Link>();
}

/** A packet on a wire has no owner any more. */
export function leaveOwner(): void {
  packet().l4 &= ~<u8>(PacketL4.OWNER_UID | PacketL4.OWNER_GID);
}

/** CTINFO2DIR: 0 original, 1 reply. */
@inline
export function directionOf(ctInfo: u32): u32 {
  return ctInfo >= <u32>CtInfo.ESTABLISHED_REPLY && ctInfo <= <u32>CtInfo.RELATED_REPLY ? 1 : 0;
}
