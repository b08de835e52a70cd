/** What rules write: marks and zones (nft_meta.c, nft_ct.c), and headers in place (nft_payload.c:nft_payload_set_eval()). */
import { FamilyCode, Field, MetaTarget } from '../../../src/nft-codes';
import { ChoiceKind, Protocol, Verdict } from '../../../src/terms';
import { choose } from '../../core/choice';
import { CtInfo, isLater, packet, skb, some } from '../../core/skb';
import { isIcmp } from '../../ct/tuple';
import { macOwner } from '../../wire/owners';
import { Value, WriteStatement } from '../../layout/nft';
import { Packet } from '../../layout/packet';
import { Statement } from '../../layout/statement';
import { setZone } from '../zone';
import { startsWithPorts } from './header';
import { Known, unknownSelector } from './key';
import { evaluateSource, sourceFrom } from './source';

const DONT_FRAGMENT: u32 = 0x4000;

/** A rule of the chain under evaluation wrote into the header. */
export let headerWritten: bool = false;

export function headerClear(): void {
  headerWritten = false;
}

/** What comes of a value that nobody knows: the packet goes on as it is, or ends here, as at a target that is not modelled. */
export function undecided(): Verdict {
  return choose(ChoiceKind.UNMODELLED, 2, false, unknownSelector, 0) == 0 ? Verdict.CONTINUE : Verdict.DROP;
}

export function setMeta(at: usize): Verdict {
  const known = evaluateSource(changetype<WriteStatement>(at).source);
  if (known == Known.NONE) return Verdict.BREAK;
  if (known == Known.NO) return undecided();
  const value = <u32>sourceFrom(0).lo;
  const flow = skb().flow;
  switch (<i32>changetype<Statement>(at).argument) {
    case <i32>MetaTarget.MARK:
      packet().mark = value;
      break;
    case <i32>MetaTarget.CT_MARK:
      if (some(flow)) flow.mark = value;
      break;
    case <i32>MetaTarget.CT_ZONE:
      setZone(value, 3);
      break;
    case <i32>MetaTarget.CT_ORIGINAL_ZONE:
      setZone(value, 1);
      break;
    default:
      setZone(value, 2);
      break;
  }
  return Verdict.CONTINUE;
}

/** True if the packet has the field. */
function hasField(field: u32, p: Packet): bool {
  if (field <= <u32>Field.ETHER_TYPE) {
    const s = skb();
    return s.sourceMac != 0 && (field == Field.ETHER_SADDR || s.framed != 0);
  }
  if (field <= <u32>Field.IP_FRAG_OFF) return p.family == 4;
  if (field <= <u32>Field.IP6_VERSION) return p.family == 6;
  if (field >= <u32>Field.ARP_HTYPE) return p.family == <u8>FamilyCode.ARP;
  if (isLater(p)) return false;
  if (field <= <u32>Field.TH_DPORT) return startsWithPorts(p.protocol);
  return field == Field.TCP_FLAGS ? p.protocol == <u8>Protocol.TCP : isIcmp(p.protocol);
}

/** Frames in a bridge: where they are for is looked at after PREROUTING, and again where they come in next. */
function readdress(field: u32, mac: u64): void {
  const s = skb();
  s.rewritten = 1;
  if (field == Field.ETHER_SADDR) {
    s.sourceMac = mac;
    return;
  }
  s.group = 0;
  s.frameMac = mac;
  const owner = macOwner((some(s.iif) ? s.iif : s.oif).domain, mac);
  // Frames for a port's address are for its bridge.
  s.target = some(owner) && some(owner.master) ? owner.master : owner;
}

function put(field: u32, p: Packet, value: Value, mask: u32): void {
  if (field <= <u32>Field.ETHER_DADDR) {
    readdress(field, value.lo);
    return;
  }
  const bits = <u32>value.lo & mask;
  switch (<i32>field) {
    case <i32>Field.IP_SADDR:
      p.saddrLo = (p.saddrLo & ~(<u64>mask)) | bits;
      break;
    case <i32>Field.IP_DADDR:
      p.daddrLo = (p.daddrLo & ~(<u64>mask)) | bits;
      break;
    case <i32>Field.ARP_SADDR_IP:
      p.saddrLo = value.lo;
      break;
    case <i32>Field.ARP_DADDR_IP:
      p.daddrLo = value.lo;
      break;
    case <i32>Field.ARP_SADDR_ETHER:
      p.chunks = value.lo;
      break;
    case <i32>Field.ARP_DADDR_ETHER:
      p.chunks2 = value.lo;
      break;
    case <i32>Field.IP6_SADDR:
      p.saddrHi = value.hi;
      p.saddrLo = value.lo;
      break;
    case <i32>Field.IP6_DADDR:
      p.daddrHi = value.hi;
      p.daddrLo = value.lo;
      break;
    case <i32>Field.IP_TTL:
    case <i32>Field.IP6_HOPLIMIT:
      p.ttl = <u8>((p.ttl & ~mask) | bits);
      break;
    case <i32>Field.IP_TOS:
    case <i32>Field.IP6_TCLASS:
      p.tos = <u8>((p.tos & ~mask) | bits);
      break;
    case <i32>Field.IP_FRAG_OFF:
      if ((mask & DONT_FRAGMENT) != 0) p.dontFragment = (bits & DONT_FRAGMENT) != 0;
      break;
    case <i32>Field.TH_SPORT:
      p.sport = <u16>((p.sport & ~mask) | bits);
      break;
    case <i32>Field.TH_DPORT:
      p.dport = <u16>((p.dport & ~mask) | bits);
      break;
    case <i32>Field.TCP_FLAGS:
      p.tcpFlags = <u8>((p.tcpFlags & ~mask) | bits);
      break;
    case <i32>Field.ICMP_TYPE:
      p.icmpType = <u8>((p.icmpType & ~mask) | bits);
      break;
    case <i32>Field.ICMP_CODE:
      p.icmpCode = <u8>((p.icmpCode & ~mask) | bits);
      break;
    default:
      p.icmpId = <u16>((p.icmpId & ~mask) | bits);
      break;
  }
}

export function setHeader(at: usize): Verdict {
  const p = packet();
  const field = changetype<Statement>(at).argument;
  const statement = changetype<WriteStatement>(at);
  const known = evaluateSource(statement.source);
  if (known == Known.NONE || !hasField(field, p)) return Verdict.BREAK;
  if (known == Known.NO) return undecided();
  put(field, p, sourceFrom(0), statement.mask);
  headerWritten = true;
  return Verdict.CONTINUE;
}
