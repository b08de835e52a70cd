/** Kinds of addresses (ipv4_is_multicast() and its like, ipv6_addr_type()). */

@inline
export function isLoopback4(lo: u64): bool {
  return lo >> 24 == 127;
}

@inline
export function isMulticast4(lo: u64): bool {
  return lo >> 28 == 14;
}

/** Since Linux 5.3 the rest of 0/8 is an ordinary network. */
@inline
export function isZeronet(lo: u64): bool {
  return lo == 0;
}

@inline
export function isLimitedBroadcast(lo: u64): bool {
  return lo == 0xffffffff;
}

@inline
export function isMulticast6(hi: u64): bool {
  return hi >> 56 == 0xff;
}

@inline
export function isLinkLocal6(hi: u64): bool {
  return hi >> 54 == 0x3fa;
}

/** Unicast and multicast addresses of one link (IPV6_ADDR_LINKLOCAL). */
@inline
export function isOfLink6(hi: u64): bool {
  return isLinkLocal6(hi) || (hi >> 48 & 0xff0f) == 0xff02;
}

@inline
export function isLoopback6(hi: u64, lo: u64): bool {
  return hi == 0 && lo == 1;
}

@inline
export function isMulticast(family: u32, hi: u64, lo: u64): bool {
  return family == 4 ? isMulticast4(lo) : isMulticast6(hi);
}

@inline
export function isLoopback(family: u32, hi: u64, lo: u64): bool {
  return family == 4 ? isLoopback4(lo) : isLoopback6(hi, lo);
}

@inline
export function isUnspecified(hi: u64, lo: u64): bool {
  return (hi | lo) == 0;
}

/** Scope of an IPv6 address as a number that grows with reach (`IPV6_ADDR_SCOPE_*`, RFC 4007). */
export function scope6(hi: u64, lo: u64): u32 {
  if (isMulticast6(hi)) return <u32>(hi >> 48) & 15;
  if (isLoopback6(hi, lo) || isLinkLocal6(hi)) return 2;
  if (hi >> 54 == 0x3fb) return 5;
  return 14;
}
