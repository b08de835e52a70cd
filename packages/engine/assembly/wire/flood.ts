/**
 * Whom a broadcast reaches, and in which order: down a host's stacked links, over wires, up the other hosts' (netif_receive_skb(),
 * br_input.c:br_handle_frame_finish(), macvlan.c:macvlan_broadcast(), vxlan_core.c:vxlan_xmit()). It is followed until somebody answers for
 * an address, or a link with the wanted link-layer address is found.
 */
import { LinkFlag } from '../../src/codes';
import { StackMode } from '../../src/stack-codes';
import { indexedSegment } from '../core/limits';
import { none, some } from '../core/skb';
import { InterfaceAddress } from '../layout/address';
import { Link, Segment } from '../layout/link';
import { wasThere } from './been';
import { isUp, mayPass } from './domain';
import { answers, isHeld, ownerOn } from './resolve';
import { activePort, areNear, bondHears, firstUpper, hears, isIpvlan, lowerOf, listeningFor, senderAbove, vlanAbove } from './stacks';
import { endAtPlace, endIn, floodPlace } from './tunnels';
import { admits, inVlan, NO_VLAN, tagOut } from './vlans';

/** The search at hand: links it has passed carry its number. */
let search: u32 = 0;
/** Link-layer address of the sender; 0: it has none that anybody knows. */
let source: u64 = 0;
/** The wanted link-layer address, which is not that of `except`; 0: who answers for an address is wanted. */
let wantedMac: u64 = 0;
let except: Link = none<Link>();

/** Frames for any port of a bridge or bond are for that. */
export function ownsMac(link: Link, mac: u64): bool {
  if (link.mac == mac) return true;
  for (let port = link.ports; some(port); port = port.nextPort) if (port.mac == mac) return true;
  return false;
}

@inline
function isWanted(link: Link): bool {
  return wantedMac == 0 ? answers(link) : link != except && ownsMac(link, wantedMac);
}

function leftBefore(link: Link, tag: u32): bool {
  if (tag != 0) return wasThere(search, link.id, tag, true);
  if (link.seenOut == search) return true;
  link.seenOut = search;
  return false;
}

function cameBefore(link: Link, tag: u32): bool {
  if (tag != 0) return wasThere(search, link.id, tag, false);
  if (link.seen == search) return true;
  link.seen = search;
  return false;
}

/** Everybody at a tunnel's other ends, in the order of the places it floods to. */
function sentThroughTunnel(out: Link, tag: u32): Link {
  for (let n: u32 = 0; floodPlace(out, n); n++) {
    let owner = endAtPlace(out, none<InterfaceAddress>());
    while (some(owner)) {
      const found = heard(endIn(owner.link.netns, out), tag);
      if (some(found)) return found;
      // The place that was asked last may be another one by now.
      floodPlace(out, n);
      owner = endAtPlace(out, owner);
    }
  }
  return none<Link>();
}

/** Out of a link that stands on another: its near siblings, then the wire of the link below. */
function sentBelow(out: Link, lower: Link, tag: u32): Link {
  const mode = out.stack.mode;
  if (mode == StackMode.VLAN) return tag == 0 ? sent(lower, out.stack.vlanId) : none<Link>();
  if (isIpvlan(mode)) {
    if (mode != StackMode.L2) return none<Link>();
    for (let at = firstUpper(lower); some(at); at = at.stack.nextUpper) {
      if (at == out || !isIpvlan(at.stack.mode)) continue;
      const found = heard(at, tag);
      if (some(found)) return found;
    }
    return sent(lower, tag);
  }
  if (isUp(lower)) {
    for (let at = firstUpper(lower); some(at); at = at.stack.nextUpper) {
      if (!areNear(out, at)) continue;
      const found = heard(at, tag);
      if (some(found)) return found;
    }
  }
  return sent(lower, tag);
}

function proxyOn(segment: Segment, out: Link, from: u32): Link {
  for (let i: u32 = 0; i < segment.proxyCount; i++) {
    const link = changetype<Link>(<usize>load<u32>(segment.proxies + (<usize>i << 2)));
    if (link.id >= from && link != out) return link;
  }
  return none<Link>();
}

/** Many links: only those are asked that can answer, in the network's order. */
function heardByMany(segment: Segment, out: Link, tag: u32): Link {
  let from: u32 = 0;
  while (true) {
    const owner = tag == 0 ? ownerOn(segment, out, from) : none<Link>();
    const proxy = proxyOn(segment, out, from);
    if (!some(owner) && !some(proxy)) return none<Link>();
    const next = !some(owner) || (some(proxy) && proxy.id < owner.id) ? proxy : owner;
    const found = heard(next, tag);
    if (some(found)) return found;
    from = next.id + 1;
  }
}

/** Everybody whom a frame out of the link reaches; who is wanted of them, or null. */
function sent(out: Link, tag: u32): Link {
  if (!isUp(out) || leftBefore(out, tag)) return none<Link>();
  if ((out.flags & LinkFlag.BRIDGE) != 0) return flooded(out, none<Link>(), tag);
  if (some(out.tunnel)) return sentThroughTunnel(out, tag);
  if (some(out.stack)) {
    if (out.stack.mode == StackMode.BOND) {
      const port = activePort(out);
      return some(port) ? sent(port, tag) : none<Link>();
    }
    if (some(lowerOf(out))) return sentBelow(out, lowerOf(out), tag);
  }
  if (some(out.peer)) return heard(out.peer, tag);
  const segment = out.segment;
  if (!some(segment)) return none<Link>();
  if (segment.linkCount >= indexedSegment && wantedMac == 0) {
    // Anycast addresses stand on no interface: all are asked, in their order.
    if (isHeld() || tag != 0) return heardByMany(segment, out, tag);
  }
  for (let end = segment.links; some(end); end = end.nextOnSegment) {
    if (end == out) continue;
    const found = heard(end, tag);
    if (some(found)) return found;
  }
  return none<Link>();
}

/** In by a link: up to what stands on it, to the bridge or bond it is a port of, or to its own stack. */
function heard(link: Link, tag: u32): Link {
  if (!isUp(link) || cameBefore(link, tag)) return none<Link>();
  if (some(link.stack)) {
    if (tag != 0) {
      const vlan = vlanAbove(link, tag);
      if (some(vlan)) return heard(vlan, 0);
    }
    const bond = link.stack.bond;
    if (some(bond)) return bondHears(bond, link) ? heard(bond, tag) : none<Link>();
  }
  if (some(link.master)) return flooded(link.master, link, tag);
  const first = firstUpper(link);
  if (!some(first)) return tag == 0 && isWanted(link) ? link : none<Link>();
  const sender = senderAbove(link, source);
  const listening = listeningFor(sender);
  const own = !some(sender) || (sender.stack.mode == StackMode.VEPA || sender.stack.mode == StackMode.BRIDGE);
  if (own && tag == 0 && isWanted(link)) return link;
  for (let at = first; some(at); at = at.stack.nextUpper) {
    if (!hears(at, sender, listening)) continue;
    const found = heard(at, tag);
    if (some(found)) return found;
  }
  return none<Link>();
}

/** Inside a bridge: to its stack (unless from there), and out of its other ports. */
function flooded(bridge: Link, from: Link, tag: u32): Link {
  if (!isUp(bridge)) return none<Link>();
  const vlan = inVlan(bridge, from, tag);
  if (vlan == NO_VLAN) return none<Link>();
  if (some(from) && admits(bridge, bridge, vlan)) {
    const found = heard(bridge, tagOut(bridge, bridge, vlan));
    if (some(found)) return found;
  }
  for (let port = bridge.ports; some(port); port = port.nextPort) {
    if (port == from || (some(from) && !mayPass(from, port)) || !admits(bridge, port, vlan)) continue;
    const found = sent(port, tagOut(bridge, port, vlan));
    if (some(found)) return found;
  }
  return none<Link>();
}

/** Everybody whom a broadcast of the link reaches is asked; who answers. */
export function ask(link: Link): Link {
  search++;
  source = link.mac;
  wantedMac = 0;
  link.seen = search;
  return sent(link, 0);
}

/** Can a frame out of the port come to somebody with the address? The bridge that sends it does not count. */
export function leadsToMac(port: Link, tag: u32, mac: u64, bridge: Link): bool {
  if (mac == 0) return false;
  search++;
  source = 0;
  wantedMac = mac;
  except = bridge;
  return some(sent(port, tag));
}

/** The same for a frame that comes in by the end of a tunnel, sent from `from`. */
export function comesToMac(end: Link, mac: u64, from: u64): bool {
  if (mac == 0) return false;
  search++;
  source = from;
  wantedMac = mac;
  except = none<Link>();
  return some(heard(end, 0));
}
