/** Who takes frames for a next hop (arp.c:arp_solicit(), arp_process(); ndisc.c:ndisc_recv_ns()). What is learnt on the way, `learnt.ts` has. */
import { LinkFlag, NeighborState, ScopeId } from '../../src/codes';
import { RouteType } from '../../src/terms';
import { none, packet, some } from '../core/skb';
import { ArpVerdict, arpVerdict } from '../fib/input';
import { vrfOf } from '../core/links';
import { clearKey, isLocalFor, routeLookup, routeResult, TABLE_LOCAL } from '../fib/lookup';
import { addressAt, coversAddress, selectSource4 } from '../fib/source';
import { foundRoute, tableLookup, tableOf } from '../fib/table';
import { InterfaceAddress } from '../layout/address';
import { Neighbor } from '../layout/host';
import { Link, Segment } from '../layout/link';
import { Netns } from '../layout/netns';
import { ask } from './flood';
import { learn, learntMac, learntOwner, recall } from './learnt';
import { macOwner, ownersOf } from './owners';

/** The answer to the last question: the link-layer address, and who has it. */
export let resolvedMac: u64 = 0;
export let resolvedLink: Link = none<Link>();

let family: u32 = 4;
export let wantedHi: u64 = 0;
export let wantedLo: u64 = 0;
/** Address of the one who asks; 0: none. */
export let asker: u64 = 0;

/** Questions are packets that chains may drop. */
let walked: bool = false;
/** Who can answer. */
const MOST_HOLDERS: u32 = 256;
const HOLDERS: usize = memory.data(256 * 4, 8);
let holders: u32 = 0;

function entryOf(link: Link, kind: u32, hi: u64, lo: u64): Neighbor {
  const netns = link.netns;
  for (let i: u32 = 0; i < netns.neighborCount; i++) {
    const entry = changetype<Neighbor>(netns.neighbors + <usize>i * offsetof<Neighbor>());
    if (entry.link != link || entry.lo != lo || entry.hi != hi || entry.family != family) continue;
    const proxy = (entry.state & <u8>NeighborState.PROXY) != 0;
    if (proxy == (kind == NeighborState.PROXY)) return entry;
  }
  return none<Neighbor>();
}

@inline
function has(link: Link, hi: u64, lo: u64): bool {
  for (let i: u32 = 0; i < link.addressCount; i++) {
    const address = addressAt(link.addresses, i);
    if (address.lo == lo && address.hi == hi && address.family == family) return true;
  }
  return false;
}

/** arp_ignore() */
function mayAnswer(link: Link): bool {
  if ((link.flags & LinkFlag.ARP_SILENT) != 0) return false;
  if ((link.flags & LinkFlag.ARP_SCOPED) != 0) return hostHas(link.netns);
  if ((link.flags & LinkFlag.ARP_OWN) != 0 && !has(link, 0, wantedLo)) return false;
  return (link.flags & LinkFlag.ARP_SUBNET) == 0 || asker == 0 || hasSubnetOfBoth(link);
}

/** inet_confirm_addr() on any link: the address, of at most link scope. */
function hostHas(netns: Netns): bool {
  for (let i: u32 = 0; i < netns.addressCount; i++) {
    const address = addressAt(netns.addresses, i);
    if (address.family == 4 && address.lo == wantedLo && address.scope <= <u8>ScopeId.LINK) return true;
  }
  return false;
}

/** confirm_addr_indev(): a subnet of the link holds the one who asks and what is asked for. */
function hasSubnetOfBoth(link: Link): bool {
  return haveSubnet(link, wantedLo, asker);
}

@inline
function filters(link: Link): bool {
  return (link.flags & LinkFlag.ARP_FILTER) != 0;
}

/** arp_filter(): what would be sent to the one who asks leaves by the link. */
function leadsBack(link: Link): bool {
  const key = clearKey(link.netns, 4);
  key.saddrLo = wantedLo;
  key.daddrLo = asker;
  key.oif = vrfOf(link);
  if (!routeLookup()) return false;
  const result = routeResult();
  return result.type < <u32>RouteType.BLACKHOLE && result.type != RouteType.LOCAL && result.dev == link;
}

function answersArp(link: Link): bool {
  const netns = link.netns;
  if (asker == 0) {
    return isLocalFor(link, wantedLo) && mayAnswer(link);
  }
  const proxies = (link.flags & LinkFlag.PROXY_ARP) != 0 || some(entryOf(link, NeighborState.PROXY, 0, wantedLo));
  switch (arpVerdict(link, asker, wantedLo, proxies)) {
    case ArpVerdict.LOCAL:
      return mayAnswer(link) && (!filters(link) || leadsBack(link));
    case ArpVerdict.PROXY:
      return true;
    default:
      return false;
  }
}

/** Routers share the subnet-router anycast address of their subnets. */
function isAnycast(link: Link): bool {
  const layer = tableOf(link.netns, TABLE_LOCAL);
  if (!tableLookup(link.netns, layer, 6, wantedHi, wantedLo, 0, none<Link>(), link, true)) return false;
  return foundRoute.type == RouteType.ANYCAST && foundRoute.length == 128;
}

/** Only the very link that was asked counts. */
function answersSolicitation(link: Link): bool {
  if (has(link, wantedHi, wantedLo) || isAnycast(link)) return true;
  const flags = link.flags;
  if ((flags & LinkFlag.FORWARDING_6) == 0 || (flags & LinkFlag.PROXY_NDP) == 0) return false;
  return some(entryOf(link, NeighborState.PROXY, wantedHi, wantedLo));
}

/** Where questions are walked, those who can answer are gathered: chains say later whom they let. */
export function answers(link: Link): bool {
  if (!(family == 4 ? answersArp(link) : answersSolicitation(link))) return false;
  if (!walked) return true;
  if (holders < MOST_HOLDERS) {
    store<u32>(HOLDERS + (<usize>holders << 2), <u32>changetype<usize>(link));
    holders++;
  }
  return false;
}

/** Would the link answer somebody else, too? */
export function answersAsker(link: Link, other: u64): bool {
  const before = asker;
  asker = other;
  const holds = answersArp(link);
  asker = before;
  return holds;
}

/** The family of the next hop. */
@inline
export function wantedFamily(): u32 {
  return family;
}

/** Can the address only stand on interfaces, or does it do so? */
export function isHeld(): bool {
  return family == 4 || some(ownersOf(6, wantedHi, wantedLo));
}

/** The first link of the segment, from `from` on in the network's order, whose namespace has the address. */
export function ownerOn(segment: Segment, out: Link, from: u32): Link {
  let best = none<Link>();
  for (let owner = ownersOf(family, wantedHi, wantedLo); some(owner); owner = owner.next) {
    // Over ARP a host answers for all its addresses.
    const netns: Netns = owner.link.netns;
    for (let i: u32 = 0; i < netns.linkCount; i++) {
      const link = changetype<Link>(netns.links + <usize>i * offsetof<Link>());
      if (link.segment != segment || link == out || link.id < from) continue;
      if (!some(best) || link.id < best.id) best = link;
      break;
    }
  }
  return best;
}

/** inet_addr_onlink(): a subnet of the link holds both. */
function haveSubnet(link: Link, a: u64, b: u64): bool {
  for (let i: u32 = 0; i < link.addressCount; i++) {
    const address = addressAt(link.addresses, i);
    if (address.family == 4 && coversAddress(address, 0, a) && coversAddress(address, 0, b)) return true;
  }
  return false;
}

/** arp_solicit(): the packet's own source if it is an address of this host that may be told, else one that suits the link. */
function askerAddress(link: Link, lo: u64): u64 {
  const p = packet();
  const netns = link.netns;
  const best = (link.flags & LinkFlag.ARP_ANNOUNCE_BEST) != 0;
  if (!best && p.family == 4 && isLocalFor(link, p.saddrLo)) {
    if ((link.flags & LinkFlag.ARP_ANNOUNCE_SUBNET) == 0 || haveSubnet(link, lo, p.saddrLo)) return p.saddrLo;
  }
  const address = selectSource4(netns, link, lo, ScopeId.LINK);
  return some(address) ? address.lo : 0;
}

/** Who has a link-layer address; frames for a port's are for its bridge. */
export function ownerOf(link: Link, mac: u64): Link {
  const owner = macOwner(link.domain, mac);
  return some(owner) && some(owner.master) ? owner.master : owner;
}

/** The first of those who can answer that question and answer get through to; 0 of `exchange`: they do not. */
function askHolders(link: Link, exchange: (device: Link, holder: Link) => u64): bool {
  for (let i: u32 = 0; i < holders; i++) {
    const holder = changetype<Link>(<usize>load<u32>(HOLDERS + (<usize>i << 2)));
    const told = exchange(link, holder);
    if (told == 0) continue;
    resolvedMac = told;
    resolvedLink = told == holder.mac ? holder : ownerOf(link, told);
    return true;
  }
  return false;
}

/** Finds `resolvedMac` and `resolvedLink` for a next hop on a link; false where nobody answers. */
export function resolve(
  link: Link,
  nexthopFamily: u32,
  hi: u64,
  lo: u64,
  walk: bool,
  exchange: (device: Link, holder: Link) => u64,
): bool {
  family = nexthopFamily;
  wantedHi = hi;
  wantedLo = lo;
  const entry = entryOf(link, NeighborState.USABLE, hi, lo);
  if (some(entry)) {
    if ((entry.state & <u8>NeighborState.FAILED) != 0) return false;
    if (entry.mac != 0) {
      resolvedMac = entry.mac;
      resolvedLink = ownerOf(link, entry.mac);
      return true;
    }
  }
  asker = family == 4 ? askerAddress(link, lo) : 0;
  if (recall(link, family, hi, lo)) {
    resolvedMac = learntMac;
    resolvedLink = learntOwner;
    return true;
  }
  walked = walk;
  holders = 0;
  const holder = ask(link);
  if (walk) return askHolders(link, exchange);
  if (!some(holder)) return false;
  resolvedMac = holder.mac;
  resolvedLink = holder;
  // Who is asked knows from then on who asked (arp_process(): neigh_event_ns()).
  if (family == 4 && asker != 0) learn(holder, 4, 0, asker, link.mac, link);
  return true;
}
