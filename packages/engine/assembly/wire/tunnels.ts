/** The ends of tunnels: where frames go, and which link takes them there (vxlan_core.c:vxlan_find_mac(), vxlan_vs_find_vni()). */
import { none, some } from '../core/skb';
import { InterfaceAddress } from '../layout/address';
import { FdbEntry } from '../layout/host';
import { Link } from '../layout/link';
import { Netns } from '../layout/netns';
import { ownersOf } from './owners';

let first: Link = none<Link>();

export function tunnelsBuild(links: usize, linkCount: u32): void {
  first = none<Link>();
  for (let i = <i32>linkCount - 1; i >= 0; i--) {
    const link = changetype<Link>(links + <usize>i * offsetof<Link>());
    if (!some(link.tunnel)) continue;
    link.tunnel.next = first;
    first = link;
  }
}

@inline
function isUp(link: Link): bool {
  return (link.flags & 1) != 0;
}

/** The end in `underlay` that hears what `from` sends. */
export function endIn(underlay: Netns, from: Link): Link {
  const sender = from.tunnel;
  for (let at = first; some(at); at = at.tunnel.next) {
    const tunnel = at.tunnel;
    if (tunnel.underlay == underlay && isUp(at) && tunnel.id == sender.id && tunnel.port == sender.port) return at;
  }
  return none<Link>();
}

/** Does any tunnel of the namespace wait at the port? */
export function hasPort(underlay: Netns, port: u32): bool {
  for (let at = first; some(at); at = at.tunnel.next) {
    if (at.tunnel.underlay == underlay && isUp(at) && at.tunnel.port == <u16>port) return true;
  }
  return false;
}

/** A place that frames are sent to. */
export let placeHi: u64 = 0;
export let placeLo: u64 = 0;
export let placeFamily: u32 = 0;

/** The static entry for a link-layer address; false where there is none. */
export function entryFor(link: Link, mac: u64): bool {
  if (mac == 0) return false;
  const netns = link.netns;
  for (let i: u32 = 0; i < netns.fdbCount; i++) {
    const entry = changetype<FdbEntry>(netns.fdb + <usize>i * offsetof<FdbEntry>());
    if (entry.link != link || entry.mac != mac || entry.family == 0) continue;
    take(entry);
    return true;
  }
  return false;
}

function take(entry: FdbEntry): void {
  placeHi = entry.dstHi;
  placeLo = entry.dstLo;
  placeFamily = entry.family;
}

/** The place of number `n` where frames for everybody, and for whom no entry is, are sent; false past the last. */
export function floodPlace(link: Link, n: u32): bool {
  const tunnel = link.tunnel;
  let at = n;
  if (tunnel.remoteFamily != 0) {
    if (at == 0) {
      placeHi = tunnel.remoteHi;
      placeLo = tunnel.remoteLo;
      placeFamily = tunnel.remoteFamily;
      return true;
    }
    at--;
  }
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
          placeHi = hi;
          placeLo = lo;
          placeFamily = family;
          return true;
        }
        owner = endAtPlace(link, owner);
      }
    }
  }
  return floodPlace(link, 0);
}
