/**
 * Links that stand on others, and ports of bonds and VRFs (vlan_core.c:vlan_do_receive(); macvlan.c:macvlan_handle_frame(), macvlan_queue_xmit();
 * ipvlan_core.c:ipvlan_handle_frame(); bond_main.c:bond_handle_frame()).
 */
import { LinkFlag } from '../../src/codes';
import { StackFlag, StackMode } from '../../src/stack-codes';
import { TunnelType } from '../../src/tunnel-codes';
import { FamilyCode } from '../../src/nft-codes';
import { none, packet, some } from '../core/skb';
import { addressAt } from '../fib/source';
import { Link } from '../layout/link';

export function stacksBuild(links: usize, linkCount: u32): void {
  // From the last to the first, so that lists come out in the network's order.
  for (let i = <i32>linkCount - 1; i >= 0; i--) {
    const link = changetype<Link>(links + <usize>i * offsetof<Link>());
    const stack = link.stack;
    if (!some(stack)) continue;
    if (some(stack.lower)) {
      const below = stack.lower.stack;
      stack.nextUpper = below.uppers;
      below.uppers = link;
    }
    if (some(stack.bond)) {
      link.nextPort = stack.bond.ports;
      stack.bond.ports = link;
    }
  }
}

/** The link below; null: it stands on none. */
@inline
export function lowerOf(link: Link): Link {
  return some(link.stack) ? link.stack.lower : none<Link>();
}

@inline
export function firstUpper(link: Link): Link {
  return some(link.stack) ? link.stack.uppers : none<Link>();
}

@inline
function isMacvlan(mode: u32): bool {
  return mode >= <u32>StackMode.PRIVATE && mode <= <u32>StackMode.PASSTHRU;
}

@inline
export function isIpvlan(mode: u32): bool {
  return mode >= <u32>StackMode.L2 && mode <= <u32>StackMode.L3S;
}

@inline
function isPlain(link: Link): bool {
  return (link.flags & LinkFlag.BRIDGE) == 0 && !some(link.master) && !some(link.tunnel);
}

/** Does the link lead frames by more than wires and bridges, so that one tree for all frames says too little of its domain? */
export function mixes(link: Link): bool {
  // A bridge may have several tunnels with one other end each.
  if (some(link.tunnel) && some(link.master) && link.tunnel.type != <u8>TunnelType.VXLAN) return true;
  const stack = link.stack;
  if (!some(stack)) return false;
  if (some(stack.bond) || (stack.flags & <u32>StackFlag.FILTERS) != 0) return true;
  const mode = stack.mode;
  if (isMacvlan(mode)) return some(link.master) || !isPlain(stack.lower);
  return mode != StackMode.NONE && mode != StackMode.VRF;
}

/** The VLAN device that takes frames with the tag. */
export function vlanAbove(link: Link, tag: u32): Link {
  for (let at = firstUpper(link); some(at); at = at.stack.nextUpper) {
    if (at.stack.mode == StackMode.VLAN && at.stack.vlanId == <u16>tag) return at;
  }
  return none<Link>();
}

/** A port that a bond may send by. */
@inline
export function carries(port: Link): bool {
  return (port.flags & LinkFlag.UP) != 0 && (port.stack.flags & <u32>StackFlag.CARRIER) != 0;
}

/** The port of a bond that sends, and whose frames count: the one named, else the first that is up. */
export function activePort(bond: Link): Link {
  const named = bond.stack.active;
  if (some(named) && carries(named)) return named;
  for (let port = bond.ports; some(port); port = port.nextPort) if (carries(port)) return port;
  return none<Link>();
}

/** Frames that come by a port in reserve are dropped (bond_should_deliver_exact_match()). */
export function bondHears(bond: Link, port: Link): bool {
  return (bond.stack.flags & <u32>StackFlag.ONE_PORT) == 0 || activePort(bond) == port;
}

/** Two macvlans of one lower link that reach each other directly. */
@inline
export function areNear(a: Link, b: Link): bool {
  return a != b && a.stack.mode == StackMode.BRIDGE && b.stack.mode == StackMode.BRIDGE;
}

/** The ipvlan device on the link that has the packet's destination (ipvlan_addr_lookup()); `except` aside. */
function ipvlanFor(lower: Link, except: Link): Link {
  const p = packet();
  const family = p.family == <u8>FamilyCode.ARP ? 4 : p.family;
  for (let at = firstUpper(lower); some(at); at = at.stack.nextUpper) {
    if (at == except || !isIpvlan(at.stack.mode)) continue;
    for (let i: u32 = 0; i < at.addressCount; i++) {
      const address = addressAt(at.addresses, i);
      if (address.lo == p.daddrLo && address.hi == p.daddrHi && address.family == family) return at;
    }
  }
  return none<Link>();
}

/** The neighbour on the same lower link that a frame goes to directly; `mac` 0: it has no address. */
export function nearOf(link: Link, mac: u64): Link {
  const lower = link.stack.lower;
  if (isIpvlan(link.stack.mode)) {
    const sibling = ipvlanFor(lower, link);
    if (link.stack.mode != StackMode.L2) return sibling;
    // They have one link-layer address: what is for none of them is for the link below.
    if (mac != lower.mac) return none<Link>();
    return some(sibling) ? sibling : lower;
  }
  if (mac == 0) return none<Link>();
  for (let at = lower.stack.uppers; some(at); at = at.stack.nextUpper) {
    if (at.mac == mac && areNear(link, at)) return at;
  }
  return none<Link>();
}

/** Which link above takes a frame that came in; `mac` 0: it is for whoever gets it. A VLAN takes the tag off. */
export function upperFor(link: Link, mac: u64, tag: u32): Link {
  if (tag != 0) {
    const vlan = vlanAbove(link, tag);
    if (some(vlan)) return vlan;
  }
  if (some(link.stack.bond)) return link.stack.bond;
  const first = link.stack.uppers;
  if (tag != 0 || !some(first)) return none<Link>();
  for (let at = first; some(at); at = at.stack.nextUpper) if (at.stack.mode == StackMode.PASSTHRU) return at;
  if (mac != 0) {
    for (let at = first; some(at); at = at.stack.nextUpper) if (isMacvlan(at.stack.mode) && at.mac == mac) return at;
  }
  return mac == 0 || mac == link.mac ? ipvlanFor(link, none<Link>()) : none<Link>();
}

/** A macvlan device on the link has the address. */
export function macvlanHas(link: Link, mac: u64): bool {
  for (let at = firstUpper(link); some(at); at = at.stack.nextUpper) if (isMacvlan(at.stack.mode) && at.mac == mac) return true;
  return false;
}

/** Which of the links above hear a broadcast that came in (macvlan_process_broadcast()). */
export enum Listening {
  ALL = 0,
  /** Its sender alone, not the link itself either. */
  SENDER = 1,
  /** vepa and bridge devices but the sender. */
  VEPA_BRIDGE = 2,
  /** vepa devices but the sender. */
  VEPA = 3,
}

/** The macvlan on the link that sent a frame which came back. */
export function senderAbove(link: Link, source: u64): Link {
  if (source == 0) return none<Link>();
  for (let at = firstUpper(link); some(at); at = at.stack.nextUpper) if (isMacvlan(at.stack.mode) && at.mac == source) return at;
  return none<Link>();
}

export function listeningFor(sender: Link): Listening {
  if (!some(sender)) return Listening.ALL;
  const mode = sender.stack.mode;
  if (mode == StackMode.VEPA) return Listening.VEPA_BRIDGE;
  return mode == StackMode.BRIDGE ? Listening.VEPA : Listening.SENDER;
}

/** Does the device above hear the broadcast? An ipvlan of layer 3 asks nobody and answers nobody. */
export function hears(upper: Link, sender: Link, listening: Listening): bool {
  const mode = upper.stack.mode;
  if (mode == StackMode.VLAN || mode == StackMode.L3 || mode == StackMode.L3S) return false;
  if (listening == Listening.ALL) return true;
  if (listening == Listening.SENDER) return upper == sender;
  if (upper == sender) return false;
  return mode == StackMode.VEPA || (mode == StackMode.BRIDGE && listening == Listening.VEPA_BRIDGE);
}
