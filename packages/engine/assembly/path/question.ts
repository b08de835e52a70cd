/**
 * A neighbour question and its answer as packets of their own, where chains may have a say (arp.c:arp_send_dst(), arp_rcv();
 * ndisc.c:ndisc_send_ns(), ndisc_send_na(), ndisc_rcv()). Both walk the way to whoever can answer; what others hear is left out.
 */
import { Asked, LinkFlag } from '../../src/codes';
import { FamilyCode } from '../../src/nft-codes';
import { Disposition, Hook, Protocol, Reason } from '../../src/terms';
import { endRecord, finish } from '../core/end';
import { failed } from '../core/failure';
import { PACKETS, PACKET_BASE, SKB_BASE } from '../core/memory';
import { changeHost, enterHost, none, packet, Skb, skb, some } from '../core/skb';
import { mute, traceEnter, traceUnanswered, unmute } from '../core/trace';
import { addressAt, selectSource6 } from '../fib/source';
import { arp } from '../hook/arp';
import { input } from '../hook/input';
import { output } from '../hook/output';
import { postrouting } from '../hook/postrouting';
import { prerouting } from '../hook/prerouting';
import { Link } from '../layout/link';
import { Netns } from '../layout/netns';
import { Packet } from '../layout/packet';
import { learn } from '../wire/learnt';
import { answersAsker, asker, ownerOf, wantedFamily, wantedHi, wantedLo } from '../wire/resolve';
import { receive } from './receive';
import { overWire } from './transmit';

const EVERYBODY: u64 = 0xffffffffffff;
const REQUEST: u8 = 1;
const REPLY: u8 = 2;
const ARP_LENGTH: u32 = 28;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
/** With the option that tells the sender's link-layer address. */
const DISCOVERY_LENGTH: u32 = 72;
/** What did not come from this very link has less (ndisc_rcv()). */
const HOP_LIMIT: u8 = 255;
const MOST_ENTERS: u32 = 1024;

/** Questions meet chains somewhere in the network, in IPv4 and in IPv6. */
let meets4: bool = false;
let meets6: bool = false;

export function questionsBuild(netnses: usize, count: u32): void {
  meets4 = false;
  meets6 = false;
  for (let i: u32 = 0; i < count; i++) {
    const netns = changetype<Netns>(netnses + <usize>i * offsetof<Netns>());
    if (netns.bridgeChainsCount + netns.deviceChainsCount + netns.arpChainsCount != 0) meets4 = true;
    if (netns.chains6Count != 0) meets6 = true;
  }
  meets6 = meets6 || meets4;
}

@inline
export function isWalked(family: u32): bool {
  return family == 4 ? meets4 : meets6;
}

/** The packet that waits for the answer, and what was known of it. */
const KEPT_PACKET: usize = memory.data(PACKETS, 16);
const KEPT_SKB: usize = memory.data(offsetof<Skb>(), 16);
/** The question or answer as it was made. */
const MADE: usize = memory.data(PACKETS, 16);

/** It reached the stack that it was for. */
let heard: bool = false;

/** It reached a stack: the hooks there (arp_rcv(); ip6_rcv_finish(), ip6_input()). */
export function hear(link: Link): void {
  const s = skb();
  if (packet().family == <u8>FamilyCode.ARP) {
    if (!arp(Hook.INPUT, link, none<Link>())) return;
  } else {
    if (!s.prerouted && !prerouting()) return;
    if (!input()) return;
  }
  heard = link == s.towards;
  finish(Disposition.DELIVERED, Reason.NONE);
}

/** A packet made here, with nothing in it yet. */
function blank(from: Link): Packet {
  const p = packet();
  memory.fill(PACKET_BASE, 0, offsetof<Packet>());
  const s = skb();
  memory.fill(SKB_BASE, 0, offsetof<Skb>());
  enterHost(from.netns);
  s.asks = 1;
  s.made = 1;
  s.dev = from;
  s.oif = from;
  return p;
}

function arpPacket(operation: u8, sender: u64, target: u64, from: u64, to: u64): void {
  const p = packet();
  p.family = <u8>FamilyCode.ARP;
  p.length = ARP_LENGTH;
  p.icmpType = operation;
  p.chunks = sender;
  p.chunks2 = target;
  p.saddrLo = from;
  p.daddrLo = to;
}

function discovery(type: u8): Packet {
  const p = packet();
  p.family = 6;
  p.protocol = <u8>Protocol.ICMPV6;
  p.icmpType = type;
  p.ttl = HOP_LIMIT;
  p.length = DISCOVERY_LENGTH;
  return p;
}

function has6(link: Link, hi: u64, lo: u64): bool {
  for (let i: u32 = 0; i < link.addressCount; i++) {
    const address = addressAt(link.addresses, i);
    if (address.family == 6 && address.hi == hi && address.lo == lo) return true;
  }
  return false;
}

/** ndisc_solicit(): the packet's own source if it stands on the link, else the link's own address, else the one the kernel would make. */
function solicitFrom(link: Link): void {
  const p = packet();
  const asks = changetype<Packet>(KEPT_PACKET);
  if (asks.family == 6 && has6(link, asks.saddrHi, asks.saddrLo)) {
    p.saddrHi = asks.saddrHi;
    p.saddrLo = asks.saddrLo;
    return;
  }
  for (let i: u32 = 0; i < link.addressCount; i++) {
    const address = addressAt(link.addresses, i);
    if (address.family != 6 || address.hi >> 54 != 0x3fa) continue;
    p.saddrHi = address.hi;
    p.saddrLo = address.lo;
    return;
  }
  const mac = link.mac;
  p.saddrHi = 0xfe80000000000000;
  p.saddrLo = (((mac >> 24) ^ 0x020000) << 40) | 0xfffe000000 | (mac & 0xffffff);
}

/** ndisc_send_na(): what was asked for, or an address of whoever answers for it. */
function advertiseFrom(link: Link): void {
  const p = packet();
  p.saddrHi = wantedHi;
  p.saddrLo = wantedLo;
  if (has6(link, wantedHi, wantedLo)) return;
  const best = selectSource6(link.netns, link, p.daddrHi, p.daddrLo);
  if (!some(best)) return;
  p.saddrHi = best.hi;
  p.saddrLo = best.lo;
}

/** Out of a device, and on until something ends it. */
function carry(from: Link, to: Link): void {
  const s = skb();
  s.framed = 1;
  s.frameMac = to.mac;
  s.target = to;
  s.towards = to;
  s.frameFamily = 6;
  const leaves =
    packet().family == <u8>FamilyCode.ARP ? arp(Hook.OUTPUT, none<Link>(), from) : output() && postrouting();
  if (!leaves) return;
  overWire(from, from.mac);
  let enters: u32 = 0;
  while (!s.ended && !failed()) {
    const link = s.arrival;
    if (s.climbs == 0) {
      if ((link.flags & LinkFlag.LOOPBACK) == 0) enterHost(link.netns);
    } else if (link.netns != s.netns) changeHost(link.netns);
    enters++;
    if (enters > MOST_ENTERS) {
      traceEnter(link);
      finish(Disposition.DROPPED, Reason.LOOP);
      break;
    }
    receive(link);
  }
}

/**
 * Sends what stands in `packet()`. False: it was lost by a rule, which a step says, or by what a rule wrote. What is lost for any other
 * reason counts as heard.
 */
function tell(from: Link, to: Link, which: Asked): bool {
  const p = packet();
  const type = p.icmpType;
  const hi = p.daddrHi;
  const lo = p.daddrLo;
  memory.copy(MADE, PACKET_BASE, PACKETS);
  heard = false;
  mute();
  carry(from, to);
  unmute();
  if (failed()) return false;
  const end = endRecord();
  if (end.hasRule) {
    traceUnanswered(end.table, end.chain, end.index, which);
    return false;
  }
  if (!heard) {
    if (skb().rewritten) return false;
    memory.copy(PACKET_BASE, MADE, PACKETS);
    return true;
  }
  if (p.icmpType != type) return false;
  const sameTarget = p.daddrHi == hi && p.daddrLo == lo;
  if (p.family == <u8>FamilyCode.ARP) return sameTarget || which == Asked.ANSWER;
  return sameTarget && p.icmpCode == 0 && p.ttl == HOP_LIMIT;
}

/** Frames for everybody, or for the solicited-node group. */
function askFor(device: Link): void {
  blank(device);
  const s = skb();
  if (wantedFamily() == 4) {
    s.group = EVERYBODY;
    arpPacket(REQUEST, device.mac, 0, asker, wantedLo);
    return;
  }
  const low = wantedLo & 0xffffff;
  s.group = 0x3333ff000000 | low;
  const p = discovery(SOLICITATION);
  p.daddrHi = 0xff02000000000000;
  p.daddrLo = 0x1ff000000 | low;
  solicitFrom(device);
}

let toldMac: u64 = 0;

function askAndAnswer(device: Link, holder: Link): bool {
  const p = packet();
  const v4 = wantedFamily() == 4;
  askFor(device);
  if (!tell(device, holder, Asked.QUESTION)) return false;
  if (v4 && p.saddrLo != asker && !answersAsker(holder, p.saddrLo)) return false;
  // Whoever answers knows by then who asked (neigh_event_ns(), ndisc_recv_ns()).
  const hi = p.saddrHi;
  const lo = p.saddrLo;
  const mac = v4 ? p.chunks : device.mac;
  if (!v4 || lo != 0) learn(holder, wantedFamily(), hi, lo, mac, mac == device.mac ? device : ownerOf(holder, mac));
  blank(holder);
  if (v4) arpPacket(REPLY, holder.mac, mac, wantedLo, lo);
  else {
    discovery(ADVERTISEMENT);
    p.daddrHi = hi;
    p.daddrLo = lo;
    advertiseFrom(holder);
  }
  if (!tell(holder, device, Asked.ANSWER)) return false;
  if (v4 && p.saddrLo != wantedLo) return false;
  toldMac = v4 ? p.chunks : holder.mac;
  return true;
}

/** `holder` can answer what `device` asks for; 0 where a rule is in the way, else the link-layer address that is told. */
export function exchange(device: Link, holder: Link): u64 {
  memory.copy(KEPT_PACKET, PACKET_BASE, PACKETS);
  memory.copy(KEPT_SKB, SKB_BASE, offsetof<Skb>());
  const answered = askAndAnswer(device, holder);
  memory.copy(PACKET_BASE, KEPT_PACKET, PACKETS);
  memory.copy(SKB_BASE, KEPT_SKB, offsetof<Skb>());
  if (!answered) return 0;
  const owner = toldMac == holder.mac ? holder : ownerOf(device, toldMac);
  learn(device, wantedFamily(), wantedHi, wantedLo, toldMac, owner);
  return toldMac;
}
