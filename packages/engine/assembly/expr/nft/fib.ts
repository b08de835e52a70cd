/** Questions to the routing tables (nft_fib_ipv4.c, nft_fib_ipv6.c). False only where there is no answer at all: never. */
import { LinkFlag } from '../../../src/codes';
import { FamilyCode, Field, FibFlag } from '../../../src/nft-codes';
import { Hook, Protocol, RouteType } from '../../../src/terms';
import { isVrf, vrfOf } from '../../core/links';
import { none, packet, skb, some } from '../../core/skb';
import { isLimitedBroadcast, isMulticast4, isMulticast6, isOfLink6, isUnspecified, isZeronet } from '../../fib/kinds';
import { clearKey, RouteKey, routeLookup, routeResult } from '../../fib/lookup';
import { usesDev } from '../../fib/validate';
import { Link } from '../../layout/link';
import { hasAddress, type4, typeBy4 } from '../addrtype';
import { giveNumber } from './value';

/** The device that the question names: `iif` before `oif`. */
function devOf(flags: u32): Link {
  const s = skb();
  if ((flags & FibFlag.IIF) != 0) return s.iif;
  return (flags & FibFlag.OIF) != 0 ? s.oif : none<Link>();
}

/** skb->dev: the incoming device, from POSTROUTING on the outgoing one; at OUTPUT none yet but a VRF (vrf_ip_out()). */
function currentDev(): Link {
  const s = skb();
  if (s.hook == Hook.OUTPUT) return vrfOf(s.oif);
  return s.hook == Hook.POSTROUTING || s.hook == Hook.EGRESS ? s.oif : s.iif;
}

/** nft_fib_can_skip(): what came by lo leads back there. */
function isLoopback(): bool {
  const s = skb();
  if (s.hook != Hook.PREROUTING && s.hook != Hook.INPUT && s.hook != Hook.INGRESS) return false;
  return some(s.iif) && (s.iif.flags & LinkFlag.LOOPBACK) != 0;
}

@inline
function give(field: u32, dev: Link): bool {
  return giveNumber(some(dev) ? (field == Field.FIB_OIF ? dev.index : dev.name) : 0);
}

/** get_saddr(): no source for what is no host's address. */
@inline
function asSource(lo: u64): u64 {
  return isMulticast4(lo) || isLimitedBroadcast(lo) || isZeronet(lo) ? 0 : lo;
}

/** What both families put into a key: the address asked about, the other one, and a mark where it is flagged. */
function startKey(flags: u32, dev: Link): RouteKey {
  const s = skb();
  const p = packet();
  const key = clearKey(s.netns, p.family);
  const destination = (flags & FibFlag.DADDR) != 0;
  key.daddrHi = destination ? p.daddrHi : p.saddrHi;
  key.daddrLo = destination ? p.daddrLo : p.saddrLo;
  key.saddrHi = destination ? p.saddrHi : p.daddrHi;
  key.saddrLo = destination ? p.saddrLo : p.daddrLo;
  key.protocol = p.protocol;
  key.tos = p.tos;
  key.vrf = vrfOf(some(dev) ? dev : currentDev());
  if ((flags & FibFlag.MARK) != 0) key.mark = p.mark;
  // Back where it came from: by the device that it is about to leave by.
  if (!destination && s.hook == Hook.FORWARD && (flags & FibFlag.IIF) != 0) key.iif = s.oif;
  return key;
}

/** nft_fib4_eval() */
function device4(field: u32, flags: u32): bool {
  const s = skb();
  const p = packet();
  if (isZeronet(p.saddrLo) && (isLimitedBroadcast(p.daddrLo) || p.daddrLo >> 8 == 0xe00000)) {
    return give(field, currentDev());
  }
  const dev = devOf(flags);
  const key = startKey(flags, dev);
  key.saddrLo = asSource(key.saddrLo);
  const named = (flags & (FibFlag.IIF | FibFlag.OIF)) != 0 && some(dev);
  if (!routeLookup()) return give(field, none<Link>());
  const result = routeResult();
  if (result.type >= <u32>RouteType.BLACKHOLE || result.type == RouteType.LOCAL) return give(field, none<Link>());
  if (!named) return give(field, result.dev);
  return give(field, usesDev(s.netns, result.route, dev) ? dev : none<Link>());
}

/** nft_fib6_flowi_init() */
function startKey6(flags: u32, dev: Link): RouteKey {
  const key = startKey(flags, dev);
  if (isOfLink6(key.daddrHi)) {
    key.oif = some(dev) ? dev : currentDev();
    key.strict = 1;
  }
  return key;
}

/** nft_fib_v6_skip_icmpv6(): a question of a host that has no address yet. */
function isNewcomer6(): bool {
  const p = packet();
  return p.protocol == <u8>Protocol.ICMPV6 && isUnspecified(p.saddrHi, p.saddrLo) && isOfLink6(p.daddrHi);
}

/** nft_fib6_eval() */
function device6(field: u32, flags: u32): bool {
  const s = skb();
  const dev = devOf(flags);
  if (isNewcomer6()) return give(field, s.iif);
  startKey6(flags, dev);
  if (!routeLookup()) return give(field, none<Link>());
  const result = routeResult();
  const leads = result.type == RouteType.UNICAST || result.type == RouteType.MULTICAST;
  if (!leads) return give(field, none<Link>());
  if (!some(dev)) return give(field, result.dev);
  const holds = result.dev == dev || (isVrf(dev) && vrfOf(result.dev) == dev);
  return give(field, holds ? dev : none<Link>());
}

/** __nft_fib6_eval_type() */
function type6(flags: u32): u32 {
  const dev = devOf(flags);
  const key = startKey6(flags, dev);
  const hi = key.daddrHi;
  const lo = key.daddrLo;
  const own = some(dev) && hasAddress(dev, hi, lo);
  if (!routeLookup()) return RouteType.UNREACHABLE;
  const result = routeResult();
  if (result.type >= <u32>RouteType.BLACKHOLE) return result.type;
  if (isAnycast(hi, lo)) return RouteType.ANYCAST;
  if (own || (!some(dev) && result.type == RouteType.LOCAL)) return RouteType.LOCAL;
  if (isMulticast6(hi)) return RouteType.MULTICAST;
  return isUnspecified(hi, lo) ? RouteType.UNSPEC : RouteType.UNICAST;
}

/** ipv6_anycast_destination(): an anycast route, or the subnet's own address. */
function isAnycast(hi: u64, lo: u64): bool {
  const result = routeResult();
  if (result.type == RouteType.ANYCAST) return true;
  const route = result.route;
  if (!some(route) || result.type != RouteType.UNICAST || route.length >= 127 || route.hi != hi || route.lo != lo) return false;
  return !some(result.nexthop) || result.nexthop.via == 0;
}

export function fibField(field: u32, flags: u32): bool {
  const p = packet();
  const v4 = p.family == 4;
  // ARP packets have nothing to ask about (nft_fib_netdev_eval()).
  if (p.family == <u8>FamilyCode.ARP) return false;
  if (field == Field.FIB_TYPE) {
    if (!v4) return giveNumber(type6(flags));
    const lo = (flags & FibFlag.DADDR) != 0 ? p.daddrLo : p.saddrLo;
    const dev = devOf(flags);
    // Without a device that is named the packet's own says whose table it is (inet_addr_type_dev_table()).
    return giveNumber(some(dev) ? type4(lo, dev) : typeBy4(lo, currentDev()));
  }
  if (isLoopback()) return give(field, skb().iif);
  return v4 ? device4(field, flags) : device6(field, flags);
}
