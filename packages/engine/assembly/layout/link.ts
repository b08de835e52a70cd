import { Balancing } from './balance';
import { Netns } from './netns';
import { Stack } from './stack';
import { Tunnel } from './tunnel';

/**
 * An interface. Everything a packet needs to know about it when it passes: the sysctls of the interface are already folded into
 * `flags`, and the layer-2 neighbourhood into `domain` and `toward` (see `wire/domain.ts`).
 */
@unmanaged
export class Link {
  mac: u64;
  netns: Netns;
  /** Index among all links of the network, for the host. */
  id: u32;
  /** Symbol of the name. */
  name: u32;
  /** Interface index. */
  index: u32;
  mtu: u32;
  flags: u32;
  /** The other end of a veth pair or point-to-point wire. */
  peer: Link;
  /** The bridge this is a port of; bonds and VRFs stand in `stack`. */
  master: Link;
  segment: Segment;
  /** Next port of the same bridge or bond. */
  nextPort: Link;
  /** Bridges, bonds: the first port. */
  ports: Link;
  /** Next link on the same segment. */
  nextOnSegment: Link;
  /** Number of the layer-2 domain; 0: none. */
  domain: u32;
  /** The next vertex (link or segment) towards the root of the domain's spanning tree. */
  toward: usize;
  /** First interface address, in the namespace's order; the link's own stand together. */
  addresses: usize;
  addressCount: u32;
  /** The search that came in here last, and that which went out. */
  seen: u32;
  seenOut: u32;
  /** 1: frames with tags, bonds or the like are in its domain, so that its tree does not tell the way. */
  mixed: u32;
  /** Symbol of what made it (`rtnl_link_ops`): veth, bridge, dummy, vxlan; 0: a driver. */
  made: u32;
  /** Its frames go into packets; 0: no tunnel. */
  tunnel: Tunnel;
  /** Links below and above, VLANs, bond, VRF; 0: none of these. */
  stack: Stack;
  /** Of IPv6 (`net.ipv6.conf.*.mtu`). */
  mtu6: u32;
  group: u32;
  /** A program that balances what comes in; 0: none. */
  balancing: Balancing;
}

/** A switch without intelligence: every frame is seen by all its links. */
@unmanaged
export class Segment {
  /** Its links, in the network's order. */
  links: Link;
  linkCount: u32;
  domain: u32;
  toward: usize;
  /** Pointers to those links that may answer for addresses of others: ports of bridges, proxies. */
  proxies: usize;
  proxyCount: u32;
}

export const LINK_SIZE: u32 = offsetof<Link>();
export const LINK_MAC: u32 = offsetof<Link>('mac');
export const LINK_NETNS: u32 = offsetof<Link>('netns');
export const LINK_ID: u32 = offsetof<Link>('id');
export const LINK_NAME: u32 = offsetof<Link>('name');
export const LINK_INDEX: u32 = offsetof<Link>('index');
export const LINK_MTU: u32 = offsetof<Link>('mtu');
export const LINK_MTU_6: u32 = offsetof<Link>('mtu6');
export const LINK_GROUP: u32 = offsetof<Link>('group');
export const LINK_FLAGS: u32 = offsetof<Link>('flags');
export const LINK_MADE: u32 = offsetof<Link>('made');
export const LINK_STACK: u32 = offsetof<Link>('stack');
export const LINK_TUNNEL: u32 = offsetof<Link>('tunnel');
export const LINK_BALANCING: u32 = offsetof<Link>('balancing');
export const LINK_PEER: u32 = offsetof<Link>('peer');
export const LINK_MASTER: u32 = offsetof<Link>('master');
export const LINK_SEGMENT: u32 = offsetof<Link>('segment');
export const LINK_ADDRESSES: u32 = offsetof<Link>('addresses');
export const LINK_ADDRESS_COUNT: u32 = offsetof<Link>('addressCount');
export const SEGMENT_SIZE: u32 = offsetof<Segment>();
