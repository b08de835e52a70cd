/** Where a frame that comes in by a link is looked at: above VLAN devices by their tag, and bonds. */
import { StackMode } from '../../src/stack-codes';
import { none, some } from '../core/skb';
import { Link } from '../layout/link';
import { ownsMac } from './flood';
import { bondHears, firstUpper, vlanAbove } from './stacks';

export let landed: Link = none<Link>();
export let landedTag: u32 = 0;

/** Finds `landed`; false where a bond does not listen to the port. */
export function land(link: Link, tag: u32): bool {
  let at = link;
  landedTag = tag;
  while (some(at.stack)) {
    const vlan = landedTag == 0 ? none<Link>() : vlanAbove(at, landedTag);
    if (some(vlan)) {
      landedTag = 0;
      at = vlan;
      continue;
    }
    const bond = at.stack.bond;
    if (!some(bond)) break;
    if (!bondHears(bond, at)) return false;
    at = bond;
  }
  landed = at;
  return true;
}

/** Has the landed link, its bridge, or what stands there the address? */
export function ownsAtLanding(mac: u64): bool {
  const bridge = landed.master;
  const link = some(bridge) ? bridge : landed;
  if (ownsMac(link, mac)) return true;
  for (let at = firstUpper(link); some(at); at = at.stack.nextUpper) {
    if ((some(bridge) || at.stack.mode != StackMode.VLAN) && ownsMac(at, mac)) return true;
  }
  return false;
}

/** Whom frames without an address are for: the bridge or bond at the top. */
export function topOf(link: Link): Link {
  let at = link;
  while (true) {
    if (some(at.master)) at = at.master;
    else if (some(at.stack) && some(at.stack.bond)) at = at.stack.bond;
    else return at;
  }
}
