/** Links of a namespace by name. */
import { indexedLinks } from './limits';
import { allocate } from './memory';
import { roundUp } from './hash';
import { none, some } from './skb';
import { StackMode } from '../../src/stack-codes';
import { Link } from '../layout/link';
import { Netns } from '../layout/netns';

/** The symbol of `lo`: the host knows it first. */
export const LOOPBACK_NAME: u32 = 1;

@inline
export function linkAt(netns: Netns, i: u32): Link {
  return changetype<Link>(netns.links + <usize>i * offsetof<Link>());
}

export function linksBuild(netns: Netns): void {
  if (netns.linkCount < indexedLinks) return;
  const size = roundUp(netns.linkCount * 2);
  const table = allocate(<usize>size << 3);
  netns.linkIndex = table;
  netns.linkIndexMask = size - 1;
  for (let i: u32 = 0; i < netns.linkCount; i++) {
    const link = linkAt(netns, i);
    let at = (link.name * 0x9e3779b1) & netns.linkIndexMask;
    while (load<u32>(table + (<usize>at << 3)) != 0) at = (at + 1) & netns.linkIndexMask;
    store<u32>(table + (<usize>at << 3), link.name);
    store<u32>(table + (<usize>at << 3) + 4, <u32>changetype<usize>(link));
  }
}

/** The link whose name has the symbol; null where the namespace has none. */
export function linkByName(netns: Netns, name: u32): Link {
  if (netns.linkIndex == 0) {
    for (let i: u32 = 0; i < netns.linkCount; i++) {
      const link = linkAt(netns, i);
      if (link.name == name) return link;
    }
    return none<Link>();
  }
  let at = (name * 0x9e3779b1) & netns.linkIndexMask;
  while (true) {
    const entry = netns.linkIndex + (<usize>at << 3);
    const symbol = load<u32>(entry);
    if (symbol == name) return changetype<Link>(<usize>load<u32>(entry + 4));
    if (symbol == 0) return none<Link>();
    at = (at + 1) & netns.linkIndexMask;
  }
}

/** The VRF that a link is, or is a port of (l3mdev_master_dev_rcu()). */
@inline
export function vrfOf(link: Link): Link {
  return some(link) && some(link.stack) ? link.stack.vrf : none<Link>();
}

@inline
export function isVrf(link: Link): bool {
  return some(link.stack) && link.stack.mode == StackMode.VRF;
}
