/**
 * ipsets: is a packet's address, port ... an element (ip_set_core.c:ip_set_test(), ip_set_hash_gen.h:mtype_test_cidrs())? Elements are
 * hashed by their network parts; a set with several prefix lengths is probed once for each, most specific first. What rules add and
 * remove stands beside, by namespace.
 */
import { LinkFlag, SetDimension, SetFlag } from '../../src/codes';
import { Protocol } from '../../src/terms';
import { now } from '../core/clock';
import { fold, mix, roundUp } from '../core/hash';
import { allocate } from '../core/memory';
import { isLater, none, packet, skb, some } from '../core/skb';
import { maskHi, maskLo } from '../fib/prefixes';
import { Netns } from '../layout/netns';
import { Packet } from '../layout/packet';
import { IpSet, SetElement, SetSlot } from '../layout/set';

/** What a packet would be as an element, addresses in full. */
const KEY = changetype<SetElement>(memory.data(offsetof<SetElement>(), 8));
/** The same, masked. */
const PROBE = changetype<SetElement>(memory.data(offsetof<SetElement>(), 8));

/** An element that a rule added or took away in one namespace. */
@unmanaged
class Change {
  element: usize;
  netns: usize;
  set: usize;
  /** 1: added, 0: removed. */
  present: u32;
  /** Milliseconds; 0: for ever. */
  expires: u64;
  next: usize;
}

/** `physdev:eth0` is another interface than `eth0`. */
const PHYSICAL: u32 = 0x80000000;

const BUCKETS: u32 = 256;
let changes: usize = 0;

export function setsReset(): void {
  changes = 0;
}

@inline
function hashElement(e: SetElement): u32 {
  const a = mix(e.lo ^ e.hi, e.lo2 ^ e.hi2);
  return fold(mix(a, (<u64>e.key << 16) | (<u64>e.length << 8) | e.length2));
}

@inline
function sameElement(a: SetElement, b: SetElement): bool {
  return (
    a.lo == b.lo && a.hi == b.hi && a.lo2 == b.lo2 && a.hi2 == b.hi2 && a.key == b.key && a.length == b.length && a.length2 == b.length2
  );
}

function slotOf(set: IpSet, e: SetElement): usize {
  let at = hashElement(e) & set.mask;
  while (true) {
    const slot = set.slots + (<usize>at << 2);
    const pointer = load<u32>(slot);
    if (pointer == 0 || sameElement(changetype<SetElement>(<usize>pointer), e)) return slot;
    at = (at + 1) & set.mask;
  }
}

/** Hashes the elements that the host wrote. */
export function setBuild(set: IpSet): void {
  if (set.elementCount == 0 || set.slots != 0) return;
  const size = roundUp(set.elementCount * 2);
  set.slots = allocate(<usize>size << 2);
  if (set.slots == 0) return;
  set.mask = size - 1;
  for (let i: u32 = 0; i < set.elementCount; i++) {
    const element = set.elements + <usize>i * offsetof<SetElement>();
    store<u32>(slotOf(set, changetype<SetElement>(element)), <u32>element);
  }
}

export function setByName(netns: Netns, name: u32): IpSet {
  for (let i: u32 = 0; i < netns.setCount; i++) {
    const slot = changetype<SetSlot>(netns.sets + <usize>i * offsetof<SetSlot>());
    if (slot.name == name) return slot.set;
  }
  return none<IpSet>();
}

@inline
function isAddress(dimension: u32): bool {
  return dimension == SetDimension.IP || dimension == SetDimension.NET;
}

function isPortProtocol(protocol: u32): bool {
  return protocol == Protocol.TCP || protocol == Protocol.UDP || protocol == Protocol.SCTP || protocol == 136;
}

/** protocol << 16 | port, as ip_set_get_ip4_port() reads them. */
function portKey(source: bool): u32 {
  const p = packet();
  const protocol = <u32>p.protocol;
  let port: u32 = 0;
  if (isPortProtocol(protocol)) {
    port = source ? p.sport : p.dport;
  } else if (protocol == Protocol.ICMP || protocol == Protocol.ICMPV6) {
    port = ((<u32>p.icmpType) << 8) | p.icmpCode;
  }
  return (protocol << 16) | port;
}

/** A piece behind the first says nothing of ports that its protocol has; over IPv6 it has no protocol (ip_set_get_ip4_port(), ip_set_get_ip6_port()). */
function hidesPort(p: Packet): bool {
  return p.family == 6 || p.protocol == <u8>Protocol.ICMP || isPortProtocol(p.protocol);
}

/** Puts one dimension of the packet into KEY; false where the packet has none such. */
function takeDimension(set: IpSet, dimension: u32, source: bool, second: bool): bool {
  const p = packet();
  const s = skb();
  switch (<i32>dimension) {
    case <i32>SetDimension.IP:
    case <i32>SetDimension.NET: {
      const hi = source ? p.saddrHi : p.daddrHi;
      const lo = source ? p.saddrLo : p.daddrLo;
      if (second) {
        KEY.hi2 = hi;
        KEY.lo2 = lo;
      } else {
        KEY.hi = hi;
        KEY.lo = lo;
      }
      return true;
    }
    case <i32>SetDimension.PORT:
      if (isLater(p) && hidesPort(p)) return false;
      if ((set.flags & <u8>SetFlag.ANY_FAMILY) != 0) {
        // bitmap:port knows no protocols, and looks into TCP and UDP alone.
        if (p.protocol != <u8>Protocol.TCP && p.protocol != <u8>Protocol.UDP) return false;
        KEY.key = source ? p.sport : p.dport;
        return true;
      }
      KEY.key = portKey(source);
      return true;
    case <i32>SetDimension.MARK:
      KEY.key = p.mark;
      return true;
    case <i32>SetDimension.IFACE: {
      const link = source ? s.iif : s.oif;
      KEY.key = some(link) ? link.name : 0;
      return true;
    }
    default:
      if (s.sourceMac == 0 || !some(s.iif) || (s.iif.flags & LinkFlag.ETHERNET) == 0 || !source) return false;
      KEY.hi2 = 0;
      KEY.lo2 = s.sourceMac;
      return true;
  }
}

/** KEY for the packet; false where it cannot be an element of the set at all. */
function takeKey(set: IpSet, dimensions: u32, source: u32): bool {
  const p = packet();
  if ((set.flags & <u8>SetFlag.ANY_FAMILY) == 0 && ((set.flags & <u8>SetFlag.IPV6) != 0) != (p.family == 6)) return false;
  const wanted: u32 = set.third != 0 ? 3 : set.second != 0 ? 2 : 1;
  if (dimensions < wanted) return false;
  memory.fill(changetype<usize>(KEY), 0, offsetof<SetElement>());
  const first = <u32>set.first;
  if (!takeDimension(set, first, (source & 1) != 0, false)) return false;
  if (wanted > 1 && !takeDimension(set, set.second, (source & 2) != 0, isAddress(first) && isAddress(set.second))) return false;
  return wanted < 3 || takeDimension(set, set.third, (source & 4) != 0, true);
}

/** Width of an address dimension of the set in bits. */
@inline
function width(set: IpSet): u32 {
  return (set.flags & <u8>SetFlag.IPV6) != 0 ? 128 : 32;
}

/** The lengths that a single host has in this set: 0 in what is no address. */
function hostShape(set: IpSet): u32 {
  const full = width(set);
  const second = isAddress(set.second) ? isAddress(set.first) : isAddress(set.third);
  return (isAddress(set.first) ? full : 0) | ((second ? full : 0) << 8);
}

/** PROBE from KEY under two prefix lengths. */
function maskKey(set: IpSet, length: u32, length2: u32): void {
  const family: u32 = width(set) == 32 ? 4 : 6;
  PROBE.hi = isAddress(set.first) ? KEY.hi & maskHi(family, length) : 0;
  PROBE.lo = isAddress(set.first) ? KEY.lo & maskLo(family, length) : 0;
  const mac = set.first == <u8>SetDimension.MAC || set.second == <u8>SetDimension.MAC;
  PROBE.hi2 = mac ? KEY.hi2 : KEY.hi2 & maskHi(family, length2);
  PROBE.lo2 = mac ? KEY.lo2 : KEY.lo2 & maskLo(family, length2);
  if (length2 == 0 && !mac) {
    PROBE.hi2 = 0;
    PROBE.lo2 = 0;
  }
  PROBE.key = KEY.key;
  PROBE.length = <u8>length;
  PROBE.length2 = <u8>length2;
}

function bucketOf(set: IpSet): usize {
  const hash = hashElement(PROBE) ^ <u32>changetype<usize>(set);
  return changes + (<usize>(hash & (BUCKETS - 1)) << 2);
}

function changeOf(set: IpSet): Change {
  if (changes == 0) return none<Change>();
  const netns = changetype<usize>(skb().netns);
  let at = changetype<Change>(<usize>load<u32>(bucketOf(set)));
  while (some(at)) {
    if (at.set == changetype<usize>(set) && at.netns == netns && sameElement(changetype<SetElement>(at.element), PROBE)) {
      return at;
    }
    at = changetype<Change>(at.next);
  }
  return at;
}

@inline
function holds(change: Change): bool {
  return change.present == 1 && (change.expires == 0 || now() < change.expires);
}

/** 1 element, 0 excepted (`nomatch`), -1 not there: for PROBE. */
function probe(set: IpSet): i32 {
  const change = changeOf(set);
  if (some(change)) return holds(change) ? 1 : -1;
  if (set.slots == 0) return -1;
  const element = changetype<SetElement>(<usize>load<u32>(slotOf(set, PROBE)));
  if (!some(element)) return -1;
  return element.nomatch ? 0 : 1;
}

/** What is known of a packet and a set. */
export enum SetAnswer {
  OUT = 0,
  IN = 1,
  /** The set is of a type that is not modelled, and nothing else decides. */
  UNKNOWN = 2,
}

/** The set of that very element, then of ever shorter prefixes: 1 element, 0 excepted, -1 not there. */
function search(set: IpSet): i32 {
  const host = hostShape(set);
  maskKey(set, host & 0xff, host >> 8);
  const own = probe(set);
  if (own >= 0) return own;
  for (let i: u32 = 0; i < set.shapeCount; i++) {
    const shape = set.shapes + (<usize>i << 1);
    maskKey(set, load<u8>(shape), load<u8>(shape, 1));
    const found = probe(set);
    if (found >= 0) return found;
  }
  return -1;
}

export function setTest(set: IpSet, dimensions: u32, source: u32): SetAnswer {
  if ((set.flags & <u8>SetFlag.LIST) != 0) {
    let unknown = false;
    for (let i: u32 = 0; i < set.memberCount; i++) {
      const member = changetype<IpSet>(<usize>load<u32>(set.members + (<usize>i << 2)));
      const answer = setTest(member, dimensions, source);
      if (answer == SetAnswer.IN) return answer;
      if (answer == SetAnswer.UNKNOWN) unknown = true;
    }
    return unknown ? SetAnswer.UNKNOWN : SetAnswer.OUT;
  }
  if ((set.flags & <u8>SetFlag.UNMODELLED) != 0) return SetAnswer.UNKNOWN;
  if (!takeKey(set, dimensions, source)) return SetAnswer.OUT;
  let found = search(set);
  if (found < 0 && takePhysical(set, source)) found = search(set);
  return found == 1 ? SetAnswer.IN : SetAnswer.OUT;
}

/** hash:net,iface: the bridge port in the place of the interface; false where there is none. */
function takePhysical(set: IpSet, source: u32): bool {
  if (set.second != <u8>SetDimension.IFACE) return false;
  const s = skb();
  const link = (source & 2) != 0 ? s.physIn : s.physOut;
  if (!some(s.physIn) || !some(link)) return false;
  KEY.key = link.name | PHYSICAL;
  return true;
}

/** Does one of the set's own elements with this length stay? */
function keeps(set: IpSet, length: u32, second: bool): bool {
  if (changes == 0) return true;
  for (let i: u32 = 0; i < set.elementCount; i++) {
    const at = set.elements + <usize>i * offsetof<SetElement>();
    const element = changetype<SetElement>(at);
    if (<u32>(second ? element.length2 : element.length) != length) continue;
    memory.copy(changetype<usize>(PROBE), at, offsetof<SetElement>());
    const change = changeOf(set);
    if (!some(change) || holds(change)) return true;
  }
  return false;
}

/** The longest prefix that the set has in a dimension, by which packets add and remove networks (INIT_CIDR()); `host` where it has none. */
function longest(set: IpSet, second: bool, host: u32): u32 {
  let best: i32 = -1;
  for (let i: u32 = 0; i < set.shapeCount; i++) {
    const length = <i32>load<u8>(set.shapes + (<usize>i << 1) + (second ? 1 : 0));
    if (length > best && keeps(set, length, second)) best = length;
  }
  const netns = changetype<usize>(skb().netns);
  for (let i: u32 = 0; changes != 0 && i < BUCKETS; i++) {
    let at = changetype<Change>(<usize>load<u32>(changes + (<usize>i << 2)));
    for (; some(at); at = changetype<Change>(at.next)) {
      if (at.set != changetype<usize>(set) || at.netns != netns || !holds(at)) continue;
      const element = changetype<SetElement>(at.element);
      best = max(best, <i32>(second ? element.length2 : element.length));
    }
  }
  return best < 0 ? host : <u32>best;
}

/** PROBE becomes what a rule adds or removes for the packet. */
function maskChange(set: IpSet): void {
  const host = hostShape(set);
  const net = <u8>SetDimension.NET;
  const length = set.first == net ? longest(set, false, host & 0xff) : host & 0xff;
  const isSecond = set.third == net || (set.second == net && isAddress(set.first));
  maskKey(set, length, isSecond ? longest(set, true, host >> 8) : host >> 8);
}

/** SET target: adds or removes the packet's own element (ip_set_add(), ip_set_del()). `timeout` in seconds, 0: for ever. */
export function setChange(set: IpSet, dimensions: u32, source: u32, present: bool, exist: bool, timeout: u32): void {
  if ((set.flags & <u8>(SetFlag.LIST | SetFlag.UNMODELLED)) != 0 || !takeKey(set, dimensions, source)) return;
  maskChange(set);
  const expires = timeout == 0 ? 0 : now() + <u64>timeout * 1000;
  let change = changeOf(set);
  if (present && probe(set) >= 0 && !exist) return;
  if (!some(change)) {
    if (changes == 0) {
      changes = allocate(<usize>BUCKETS << 2);
      if (changes == 0) return;
    }
    change = changetype<Change>(allocate(offsetof<Change>()));
    if (!some(change)) return;
    const element = allocate(offsetof<SetElement>());
    if (element == 0) return;
    memory.copy(element, changetype<usize>(PROBE), offsetof<SetElement>());
    change.element = element;
    change.netns = changetype<usize>(skb().netns);
    change.set = changetype<usize>(set);
    const bucket = bucketOf(set);
    change.next = <usize>load<u32>(bucket);
    store<u32>(bucket, <u32>changetype<usize>(change));
  }
  change.present = present;
  change.expires = expires;
}
