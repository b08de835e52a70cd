/** Choice of a source address (devinet.c:inet_select_addr(), addrconf.c:ipv6_dev_get_saddr()). */
import { AddressFlag, LinkFlag, ScopeId } from '../../src/codes';
import { maskHi, maskLo } from './prefixes';
import { isMulticast6, scope6 } from './kinds';
import { none, some } from '../core/skb';
import { InterfaceAddress } from '../layout/address';
import { Link } from '../layout/link';
import { Netns } from '../layout/netns';
import { linkAt, vrfOf } from '../core/links';

@inline
export function addressAt(base: usize, i: u32): InterfaceAddress {
  return changetype<InterfaceAddress>(base + <usize>i * offsetof<InterfaceAddress>());
}

/** inet_ifa_match(): is it in the address' subnet? */
export function coversAddress(address: InterfaceAddress, hi: u64, lo: u64): bool {
  const family = <u32>address.family;
  const length = <u32>address.subnetLength;
  return (
    ((hi ^ address.subnetHi) & maskHi(family, length)) == 0 && ((lo ^ address.subnetLo) & maskLo(family, length)) == 0
  );
}

/** The first primary address of the link that may be used so far; one whose subnet has `toward` is better. */
function onLink4(link: Link, toward: u64, scope: u32): InterfaceAddress {
  const localnet: u32 = (link.flags & LinkFlag.ROUTE_LOCALNET) != 0 ? ScopeId.LINK : ScopeId.HOST;
  let first = none<InterfaceAddress>();
  for (let i: u32 = 0; i < link.addressCount; i++) {
    const address = addressAt(link.addresses, i);
    if (address.family != 4 || (address.flags & <u8>AddressFlag.SECONDARY) != 0) continue;
    if (min(<u32>address.scope, localnet) > scope) continue;
    if (toward == 0 || coversAddress(address, 0, toward)) return address;
    if (!some(first)) first = address;
  }
  return first;
}

/** IPv4: an address of `link`, or else of any link of the same VRF, or of none, of at most `scope`; the VRF comes first. */
export function selectSource4(netns: Netns, link: Link, toward: u64, scope: u32): InterfaceAddress {
  const own = onLink4(link, toward, scope);
  if (some(own)) return own;
  const vrf = vrfOf(link);
  if (some(vrf)) {
    const ofVrf = beyond4(vrf, scope);
    if (some(ofVrf)) return ofVrf;
  }
  for (let i: u32 = 0; i < netns.linkCount; i++) {
    const other = linkAt(netns, i);
    if (vrfOf(other) != vrf) continue;
    const address = beyond4(other, scope);
    if (some(address)) return address;
  }
  return none<InterfaceAddress>();
}

/** An address of another link (in_dev_select_addr()): link scope is for that link alone. */
function beyond4(link: Link, scope: u32): InterfaceAddress {
  for (let i: u32 = 0; i < link.addressCount; i++) {
    const address = addressAt(link.addresses, i);
    if (address.family != 4 || (address.flags & <u8>AddressFlag.SECONDARY) != 0) continue;
    if (address.scope != <u8>ScopeId.LINK && address.scope <= scope) return address;
  }
  return none<InterfaceAddress>();
}

/** Labels of the default policy table (addrlabel.c). */
function label6(hi: u64, lo: u64): u32 {
  if (hi == 0) {
    if (lo == 1) return 0;
    if (lo >> 32 == 0xffff) return 4;
    if (lo >> 32 == 0) return 3;
  }
  if (hi >> 57 == 0x7e) return 5;
  if (hi >> 54 == 0x3fb) return 11;
  if (hi >> 48 == 0x2002) return 2;
  if (hi >> 48 == 0x3ffe) return 12;
  if (hi >> 32 == 0x20010000) return 6;
  if (hi >> 36 == 0x2001001) return 7;
  return 1;
}

/** Bits two addresses have in common. */
function common(hi: u64, lo: u64, hi2: u64, lo2: u64): u32 {
  return hi != hi2 ? <u32>clz(hi ^ hi2) : 64 + <u32>clz(lo ^ lo2);
}

/** True if `a` is a better source for the destination than `b` (addrconf.c:ipv6_get_saddr_eval(), RFC 6724 section 5). */
function better6(a: InterfaceAddress, b: InterfaceAddress, link: Link, hi: u64, lo: u64): bool {
  const isA = a.hi == hi && a.lo == lo;
  const isB = b.hi == hi && b.lo == lo;
  if (isA != isB) return isA;
  const scope = scope6(hi, lo);
  const scopeA = scope6(a.hi, a.lo);
  const scopeB = scope6(b.hi, b.lo);
  if (scopeA != scopeB) return scopeA < scopeB ? scopeA >= scope : scopeB < scope;
  const deprecatedA = (a.flags & <u8>AddressFlag.DEPRECATED) != 0;
  const deprecatedB = (b.flags & <u8>AddressFlag.DEPRECATED) != 0;
  if (deprecatedA != deprecatedB) return deprecatedB;
  const onA = !some(link) || a.link == link;
  const onB = !some(link) || b.link == link;
  if (onA != onB) return onA;
  const label = label6(hi, lo);
  const labelA = label6(a.hi, a.lo) == label;
  const labelB = label6(b.hi, b.lo) == label;
  if (labelA != labelB) return labelA;
  const bitsA = min(common(a.hi, a.lo, hi, lo), <u32>a.length);
  const bitsB = min(common(b.hi, b.lo, hi, lo), <u32>b.length);
  return bitsA > bitsB;
}

/** IPv6: the best source for a destination that is reached by `link`; ports of a VRF prefer their own and the VRF's (ipv6_get_saddr_master()). */
export function selectSource6(netns: Netns, link: Link, hi: u64, lo: u64): InterfaceAddress {
  // Destinations of link scope and multicast take addresses of the link alone (RFC 6724 section 4).
  const own = some(link) && (isMulticast6(hi) || scope6(hi, lo) <= 2);
  const vrf = vrfOf(link);
  if (some(vrf) && vrf != link && !own) {
    const near = best6(netns, link, hi, lo, link, vrf);
    if (some(near)) return near;
  }
  return best6(netns, link, hi, lo, own ? link : none<Link>(), none<Link>());
}

/** The best of those on two links, or, without them, on any link of the same VRF, or of none. */
function best6(netns: Netns, link: Link, hi: u64, lo: u64, one: Link, two: Link): InterfaceAddress {
  let best = none<InterfaceAddress>();
  for (let i: u32 = 0; i < netns.addressCount; i++) {
    const address = addressAt(netns.addresses, i);
    if (address.family != 6) continue;
    if (some(one) ? address.link != one && address.link != two : some(link) && vrfOf(address.link) != vrfOf(link)) continue;
    if (!some(best) || better6(address, best, link, hi, lo)) best = address;
  }
  return best;
}
