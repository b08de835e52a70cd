/** Links that stand on others (macvlan.c:macvlan_handle_frame(), macvlan_queue_xmit()). */
import { StackMode } from '../../src/codes';
import { none, some } from '../core/skb';
import { Link } from '../layout/link';

export function stacksBuild(links: usize, linkCount: u32): void {
  // From the last to the first, so that lists come out in the network's order.
  for (let i = <i32>linkCount - 1; i >= 0; i--) {
    const link = changetype<Link>(links + <usize>i * offsetof<Link>());
    if (!some(link.stack) || !some(link.stack.lower)) continue;
    const below = link.stack.lower.stack;
    link.stack.nextUpper = below.uppers;
    below.uppers = link;
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

/** Two of one lower link that reach each other directly. */
@inline
export function areNear(a: Link, b: Link): bool {
  return a != b && a.stack.mode == StackMode.BRIDGE && b.stack.mode == StackMode.BRIDGE;
}

/** The neighbour on the same lower link that a frame goes to directly. */
export function nearOf(link: Link, mac: u64): Link {
  for (let at = link.stack.lower.stack.uppers; some(at); at = at.stack.nextUpper) {
    if (at.mac == mac && areNear(link, at)) return at;
  }
  return none<Link>();
}

/** Which link above takes a frame that came in; `mac` 0: it is for whoever gets it. */
export function upperFor(link: Link, mac: u64): Link {
  for (let at = firstUpper(link); some(at); at = at.stack.nextUpper) if (at.stack.mode == StackMode.PASSTHRU) return at;
  if (mac == 0) return none<Link>();
  for (let at = firstUpper(link); some(at); at = at.stack.nextUpper) if (at.mac == mac) return at;
  return none<Link>();
}
