/**
 * The ends of tunnels: where packets go, and which link takes them there (vxlan_core.c:vxlan_find_mac(), vxlan_vs_find_vni();
 * geneve.c:geneve_lookup(); ip_tunnel.c:ip_tunnel_lookup(); ip6_tunnel.c:ip6_tnl_lookup(); wireguard/allowedips.c:lookup()).
 */
import { LinkFlag } from '../../src/codes';
import { TunnelFlag, TunnelType } from '../../src/tunnel-codes';
import { none, some } from '../core/skb';
import { maskHi, maskLo } from '../fib/prefixes';
import { InterfaceAddress } from '../layout/address';
import { FdbEntry } from '../layout/host';
import { Link } from '../layout/link';
import { Netns } from '../layout/netns';
import { AllowedPrefix, Tunnel } from '../layout/tunnel';
import { ownersOf } from './owners';

export function tunnelsBuild(links: usize, linkCount: u32): void {
  // From the last to the first, so that lists come out in the network's order.
  for (let i = <i32>linkCount - 1; i >= 0; i--) {
    const link = changetype<Link>(links + <usize>i * offsetof<Link>());
    if (!some(link.tunnel)) continue;
    link.tunnel.next = link.tunnel.underlay.tunnels;
    link.tunnel.underlay.tunnels = link;
  }
}

@inline
function isUp(link: Link): bool {
  return (link.flags & LinkFlag.UP) != 0;
}

function holds(netns: Netns, family: u32, hi: u64, lo: u64): bool {
  for (let owner = ownersOf(family, hi, lo); some(owner); owner = owner.next) if (owner.link.netns == netns) return true;
  return false;
}

/** An outer packet, as the other end looks at it; source family 0: it may be from any address of the sender's underlay. */
@unmanaged
export class Outer {
  saddrHi: u64;
  saddrLo: u64;
  daddrHi: u64;
  daddrLo: u64;
  sourceFamily: u8;
  family: u8;
  /** UDP destination port. */
  port: u16;
  pad: u32;
}

const OUTER: usize = memory.data(40, 8);

@inline
export function outerHeader(): Outer {
  return changetype<Outer>(OUTER);
}

/** The header that a packet of the tunnel to a place has, as far as it is known before routing. */
function expect(from: Tunnel, family: u32, hi: u64, lo: u64): void {
  const outer = outerHeader();
  outer.saddrHi = from.localHi;
  outer.saddrLo = from.localLo;
  outer.sourceFamily = from.localFamily;
  outer.daddrHi = hi;
  outer.daddrLo = lo;
  outer.family = <u8>family;
  outer.port = from.port;
}

function isFrom(end: Tunnel, from: Tunnel): bool {
  const outer = outerHeader();
  if (outer.sourceFamily == 0) return holds(from.underlay, end.remoteFamily, end.remoteHi, end.remoteLo);
  return end.remoteFamily == outer.sourceFamily && end.remoteLo == outer.saddrLo && end.remoteHi == outer.saddrHi;
}

function isTo(end: Tunnel): bool {
  const outer = outerHeader();
  return end.localFamily == outer.family && end.localLo == outer.daddrLo && end.localHi == outer.daddrHi;
}

/** ip_tunnel_key_match() */
function takesKey(end: Tunnel, from: Tunnel): bool {
  const sent = (from.flags & <u16>TunnelFlag.KEY) != 0;
  const wanted = (end.flags & <u16>TunnelFlag.IN_KEY) != 0;
  return sent == wanted && (!sent || end.inKey == from.id);
}

/** How well an end without one port and number for all fits; 0: it does not. */
function fit(end: Tunnel, from: Tunnel): u32 {
  if (!takesKey(end, from)) return 0;
  const anyRemote = end.remoteFamily == 0;
  const anyLocal = end.localFamily == 0;
  if (!anyRemote && !isFrom(end, from)) return 0;
  if (!anyLocal && !isTo(end)) return 0;
  const localFirst = end.type == <u8>TunnelType.IP6TNL;
  return 1 + (anyRemote ? 0 : localFirst ? 1 : 2) + (anyLocal ? 0 : localFirst ? 2 : 1);
}

/** Whether its socket is of the family: VXLAN has one socket, of IPv6 where one of its ends is (vxlan_sock_add()). */
function opens(end: Tunnel, family: u32): bool {
  if (end.type != <u8>TunnelType.VXLAN) return true;
  return (end.localFamily == 6 || end.remoteFamily == 6) == (family == 6);
}

/** The end in `underlay` that hears what `from` sends with the header in `outerHeader`. */
export function endIn(underlay: Netns, from: Link): Link {
  const sender = from.tunnel;
  const outer = outerHeader();
  let best = none<Link>();
  let bestFit: u32 = 0;
  for (let at = underlay.tunnels; some(at); at = at.tunnel.next) {
    const tunnel = at.tunnel;
    if (tunnel.type != sender.type || !isUp(at)) continue;
    if ((tunnel.flags & <u16>TunnelFlag.UDP) != 0) {
      if (tunnel.port != outer.port) continue;
      if (tunnel.type == <u8>TunnelType.WIREGUARD) return at;
      if (tunnel.id != sender.id) continue;
      if (!opens(tunnel, outer.family)) continue;
      if (tunnel.type == <u8>TunnelType.VXLAN || (tunnel.remoteFamily != 0 && isFrom(tunnel, sender))) return at;
      continue;
    }
    const found = fit(tunnel, sender);
    if (found <= bestFit) continue;
    best = at;
    bestFit = found;
  }
  return best;
}

/** Does any tunnel of the namespace wait at the port, for packets of the family? */
export function hasPort(underlay: Netns, port: u32, family: u32): bool {
  for (let at = underlay.tunnels; some(at); at = at.tunnel.next) {
    const tunnel = at.tunnel;
    const waits = (tunnel.flags & <u16>TunnelFlag.UDP) != 0 && isUp(at) && tunnel.port == <u16>port;
    if (waits && opens(tunnel, family)) return true;
  }
  return false;
}

/** The longest allowed prefix that holds the address; null where none does. */
export function allowedPrefix(tunnel: Tunnel, family: u32, hi: u64, lo: u64): AllowedPrefix {
  for (let i: u32 = 0; i < tunnel.prefixCount; i++) {
    const prefix = changetype<AllowedPrefix>(tunnel.prefixes + <usize>i * offsetof<AllowedPrefix>());
    if (prefix.family != family) continue;
    if (((hi ^ prefix.hi) & maskHi(family, prefix.length)) != 0) continue;
    if (((lo ^ prefix.lo) & maskLo(family, prefix.length)) == 0) return prefix;
  }
  return none<AllowedPrefix>();
}

/** A place that frames are sent to. */
export let placeHi: u64 = 0;
export let placeLo: u64 = 0;
export let placeFamily: u32 = 0;

export function place(family: u32, hi: u64, lo: u64): void {
  placeFamily = family;
  placeHi = hi;
  placeLo = lo;
}

/** The static entry for a link-layer address; false where there is none. */
export function entryFor(link: Link, mac: u64): bool {
  if (mac == 0 || link.tunnel.type != <u8>TunnelType.VXLAN) return false;
  const netns = link.netns;
  for (let i: u32 = 0; i < netns.fdbCount; i++) {
    const entry = changetype<FdbEntry>(netns.fdb + <usize>i * offsetof<FdbEntry>());
    if (entry.link != link || entry.mac != mac || entry.family == 0) continue;
    take(entry);
    return true;
  }
  return false;
}

@inline
function take(entry: FdbEntry): void {
  place(entry.family, entry.dstHi, entry.dstLo);
}

/** The place of number `n` where frames for everybody, and for whom no entry is, are sent; false past the last. */
export function floodPlace(link: Link, n: u32): bool {
  const tunnel = link.tunnel;
  let at = n;
  if (tunnel.remoteFamily != 0) {
    if (at == 0) {
      place(tunnel.remoteFamily, tunnel.remoteHi, tunnel.remoteLo);
      return true;
    }
    at--;
  }
  if (tunnel.type != <u8>TunnelType.VXLAN) return false;
  const netns = link.netns;
  for (let i: u32 = 0; i < netns.fdbCount; i++) {
    const entry = changetype<FdbEntry>(netns.fdb + <usize>i * offsetof<FdbEntry>());
    if (entry.link != link || entry.mac != 0 || entry.family == 0) continue;
    if (at == 0) {
      take(entry);
      return true;
    }
    at--;
  }
  return false;
}

/** The end at the place that was found last which is not `from` itself; `after` an owner of its address, or the first. */
export function endAtPlace(from: Link, after: InterfaceAddress): InterfaceAddress {
  expect(from.tunnel, placeFamily, placeHi, placeLo);
  let owner = some(after) ? after.next : ownersOf(placeFamily, placeHi, placeLo);
  while (some(owner)) {
    const end = endIn(owner.link.netns, from);
    if (some(end) && end != from) return owner;
    owner = owner.next;
  }
  return none<InterfaceAddress>();
}

/** May a frame out of the tunnel come to that end? */
export function reachesEnd(from: Link, wanted: Link): bool {
  for (let n: u32 = 0; floodPlace(from, n); n++) {
    let owner = endAtPlace(from, none<InterfaceAddress>());
    while (some(owner)) {
      if (endIn(owner.link.netns, from) == wanted) return true;
      owner = endAtPlace(from, owner);
    }
  }
  return false;
}

/** Where a frame for `mac` goes: by its entry, else of all places the one with the end `towards`, else the first; false: nowhere. */
export function placeOf(link: Link, mac: u64, towards: Link): bool {
  if (entryFor(link, mac)) return true;
  if (some(towards)) {
    for (let n: u32 = 0; floodPlace(link, n); n++) {
      const hi = placeHi;
      const lo = placeLo;
      const family = placeFamily;
      let owner = endAtPlace(link, none<InterfaceAddress>());
      while (some(owner)) {
        if (endIn(owner.link.netns, link) == towards) {
          place(family, hi, lo);
          return true;
        }
        owner = endAtPlace(link, owner);
      }
    }
  }
  return floodPlace(link, 0);
}
