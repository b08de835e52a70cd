/** Fields of the packet's headers (nft_payload.c). False: the packet has no such field. */
import { FragmentFlag } from '../../../src/ct-codes';
import { FamilyCode, Field } from '../../../src/nft-codes';
import { Protocol } from '../../../src/terms';
import { isLater, packet, skb } from '../../core/skb';
import { isIcmp } from '../../ct/tuple';
import { Packet } from '../../layout/packet';
import { give, giveNumber } from './value';

const UDPLITE: u32 = 136;
const DCCP: u32 = 33;
/** `IP_DF` */
const DONT_FRAGMENT: u32 = 0x4000;
/** `IP_MF` */
const MORE_FRAGMENTS: u32 = 0x2000;
const NEXTHDR_FRAGMENT: u32 = 44;
const HEADER_6: u32 = 40;
const HEADER_4: u32 = 20;

/** TCP, UDP, UDP-Lite, SCTP, DCCP: ports come first. */
export function startsWithPorts(protocol: u32): bool {
  return (
    protocol == Protocol.TCP ||
    protocol == Protocol.UDP ||
    protocol == Protocol.SCTP ||
    protocol == UDPLITE ||
    protocol == DCCP
  );
}

/** The frame that the packet came in; what was made here has none. */
function etherField(field: u32): bool {
  const s = skb();
  if (s.sourceMac == 0) return false;
  switch (<i32>field) {
    case <i32>Field.ETHER_SADDR:
      return giveNumber(s.sourceMac);
    case <i32>Field.ETHER_DADDR:
      return s.framed != 0 && giveNumber(s.group != 0 ? s.group : s.frameMac);
    default:
      return giveNumber(etherType());
  }
}

export function etherType(): u64 {
  const family = packet().family;
  if (family == <u8>FamilyCode.ARP) return 0x0806;
  return family == 4 ? 0x0800 : 0x86dd;
}

/** nft_payload_eval() of an ARP header, of Ethernet and IPv4. */
export function arpField(field: u32): bool {
  const p = packet();
  if (p.family != <u8>FamilyCode.ARP) return false;
  switch (<i32>field) {
    case <i32>Field.ARP_HTYPE:
      return giveNumber(1);
    case <i32>Field.ARP_PTYPE:
      return giveNumber(0x0800);
    case <i32>Field.ARP_HLEN:
      return giveNumber(6);
    case <i32>Field.ARP_PLEN:
      return giveNumber(4);
    case <i32>Field.ARP_OPERATION:
      return giveNumber(p.icmpType);
    case <i32>Field.ARP_SADDR_ETHER:
      return giveNumber(p.chunks);
    case <i32>Field.ARP_DADDR_ETHER:
      return giveNumber(p.chunks2);
    case <i32>Field.ARP_SADDR_IP:
      return give(0, p.saddrLo);
    default:
      return give(0, p.daddrLo);
  }
}

/** `iph->frag_off`: flags, and the offset in units of eight bytes. */
function fragOff(p: Packet): u32 {
  const more = (p.fragment & <u8>FragmentFlag.MORE) != 0 ? MORE_FRAGMENTS : 0;
  return (p.dontFragment ? DONT_FRAGMENT : 0) | more | (<u32>p.offset >> 3);
}

function ip4Field(field: u32, p: Packet): bool {
  if (p.family != 4) return false;
  switch (<i32>field) {
    case <i32>Field.IP_SADDR:
      return give(0, p.saddrLo);
    case <i32>Field.IP_DADDR:
      return give(0, p.daddrLo);
    case <i32>Field.IP_PROTOCOL:
      return giveNumber(p.protocol);
    case <i32>Field.IP_TTL:
      return giveNumber(p.ttl);
    case <i32>Field.IP_TOS:
      return giveNumber(p.tos);
    case <i32>Field.IP_LENGTH:
      return giveNumber(p.length);
    case <i32>Field.IP_VERSION:
      return giveNumber(4);
    case <i32>Field.IP_HDRLENGTH:
      return giveNumber(HEADER_4 / 4);
    default:
      return giveNumber(fragOff(p));
  }
}

function ip6Field(field: u32, p: Packet): bool {
  if (p.family != 6) return false;
  switch (<i32>field) {
    case <i32>Field.IP6_SADDR:
      return give(p.saddrHi, p.saddrLo);
    case <i32>Field.IP6_DADDR:
      return give(p.daddrHi, p.daddrLo);
    case <i32>Field.IP6_NEXTHDR:
      return giveNumber(p.fragment != 0 ? NEXTHDR_FRAGMENT : <u32>p.protocol);
    case <i32>Field.IP6_HOPLIMIT:
      return giveNumber(p.ttl);
    case <i32>Field.IP6_TCLASS:
      return giveNumber(p.tos);
    case <i32>Field.IP6_LENGTH:
      return giveNumber(max(p.length, HEADER_6) - HEADER_6);
    default:
      return giveNumber(6);
  }
}

function transportField(field: u32, p: Packet): bool {
  const protocol = <u32>p.protocol;
  if (isLater(p)) return false;
  switch (<i32>field) {
    case <i32>Field.TH_SPORT:
      return startsWithPorts(protocol) && giveNumber(p.sport);
    case <i32>Field.TH_DPORT:
      return startsWithPorts(protocol) && giveNumber(p.dport);
    case <i32>Field.TCP_FLAGS:
      return protocol == Protocol.TCP && giveNumber(p.tcpFlags);
    case <i32>Field.UDP_LENGTH: {
      const header = p.family == 4 ? HEADER_4 : HEADER_6;
      // The first piece says how long the whole datagram is.
      const length = p.fragment != 0 ? p.whole : p.length;
      return (protocol == Protocol.UDP || protocol == UDPLITE) && giveNumber(max(length, header) - header);
    }
    case <i32>Field.ICMP_TYPE:
      return isIcmp(protocol) && giveNumber(p.icmpType);
    case <i32>Field.ICMP_CODE:
      return isIcmp(protocol) && giveNumber(p.icmpCode);
    default:
      return isIcmp(protocol) && giveNumber(p.icmpId);
  }
}

export function headerField(field: u32): bool {
  if (field <= <u32>Field.ETHER_TYPE) return etherField(field);
  if (field <= <u32>Field.IP_FRAG_OFF) return ip4Field(field, packet());
  return field <= <u32>Field.IP6_VERSION ? ip6Field(field, packet()) : transportField(field, packet());
}
