/** addrtype_mt_v1, match_type(), match_type6() (xt_addrtype.c). */
import { TypeTest } from '../../src/codes';
import { RouteType } from '../../src/terms';
import { none, packet, skb, some } from '../core/skb';
import { isLimitedBroadcast, isLinkLocal6, isLoopback6, isMulticast4, isMulticast6, isUnspecified, isZeronet } from '../fib/kinds';
import { clearKey, localType, routeLookup, routeResult, typeFor } from '../fib/lookup';
import { addressAt } from '../fib/source';
import { Link } from '../layout/link';
import { PairStatement, Statement } from '../layout/statement';

@inline
function bit(type: u32): u32 {
  return 1 << type;
}

/** What an address is by itself; UNSPEC: the local table has to be asked. */
function plainType4(lo: u64): u32 {
  if (isZeronet(lo) || isLimitedBroadcast(lo)) return RouteType.BROADCAST;
  return isMulticast4(lo) ? RouteType.MULTICAST : RouteType.UNSPEC;
}

/** inet_dev_addr_type(): only the local table is asked; all it does not know is UNICAST. */
export function type4(lo: u64, dev: Link): u32 {
  const plain = plainType4(lo);
  return plain != RouteType.UNSPEC ? plain : localType(skb().netns, 4, 0, lo, dev);
}

/** inet_addr_type_dev_table(): the same wherever in the link's domain the address stands. */
export function typeBy4(lo: u64, dev: Link): u32 {
  const plain = plainType4(lo);
  return plain != RouteType.UNSPEC ? plain : typeFor(skb().netns, dev, lo);
}

export function hasAddress(link: Link, hi: u64, lo: u64): bool {
  for (let i: u32 = 0; i < link.addressCount; i++) {
    const address = addressAt(link.addresses, i);
    if (address.family == 6 && address.hi == hi && address.lo == lo) return true;
  }
  return false;
}

/** match_lookup_rt6(): what routing knows of an address. */
function routedTypes6(hi: u64, lo: u64, dev: Link): u32 {
  const key = clearKey(skb().netns, 6);
  key.daddrHi = hi;
  key.daddrLo = lo;
  key.oif = dev;
  // A link that is named and no source: only routes by that link count (ip6_route_output_flags()).
  key.strict = some(dev);
  const found = routeLookup();
  const type = routeResult().type;
  if (!found || type >= <u32>RouteType.BLACKHOLE) return bit(RouteType.UNREACHABLE);
  const local = some(dev) ? hasAddress(dev, hi, lo) : type == RouteType.LOCAL;
  return (local ? bit(RouteType.LOCAL) : 0) | (type == RouteType.ANYCAST ? bit(RouteType.ANYCAST) : 0);
}

/** The kind is a property of an IPv6 address, but for those that routing knows. */
function isType6(types: u32, hi: u64, lo: u64, dev: Link): bool {
  const multicast = isMulticast6(hi);
  const unspecified = isUnspecified(hi, lo);
  if ((types & bit(RouteType.MULTICAST)) != 0 && !multicast) return false;
  if ((types & bit(RouteType.UNICAST)) != 0 && (multicast || unspecified) && !isLoopback6(hi, lo)) return false;
  if ((types & bit(RouteType.UNSPEC)) != 0 && !unspecified) return false;
  const routed = bit(RouteType.ANYCAST) | bit(RouteType.LOCAL) | bit(RouteType.UNREACHABLE) | bit(RouteType.PROHIBIT);
  if ((types & routed) == 0) return true;
  return (types & routedTypes6(hi, lo, dev)) != 0;
}

function isType(types: u32, hi: u64, lo: u64, dev: Link): bool {
  return packet().family == 4 ? (types & bit(type4(lo, dev))) != 0 : isType6(types, hi, lo, dev);
}

export function matchAddrtype(at: usize): bool {
  const test = changetype<PairStatement>(at);
  const parts = changetype<Statement>(at).argument;
  const s = skb();
  const p = packet();
  let dev = none<Link>();
  if ((parts & TypeTest.LIMIT_IN) != 0) dev = s.iif;
  else if ((parts & TypeTest.LIMIT_OUT) != 0) dev = s.oif;
  if ((parts & TypeTest.SOURCE) != 0) {
    if (isType(test.first, p.saddrHi, p.saddrLo, dev) == ((parts & TypeTest.NOT_SOURCE) != 0)) return false;
  }
  if ((parts & TypeTest.DESTINATION) != 0) {
    if (isType(test.second, p.daddrHi, p.daddrLo, dev) == ((parts & TypeTest.NOT_DESTINATION) != 0)) return false;
  }
  return true;
}
