/**
 * Layer 2: which links hear each other, and the way between them. Links and segments are the vertices; wires, segments and bridges the
 * edges. Each domain has a spanning tree, so that the way to a link is found by climbing from it. In mixed domains
 * the way depends on the tag, or on which port of a bond is in use: there it is searched for (`flood.ts`).
 */
import { LinkFlag } from '../../src/codes';
import { allocate } from '../core/memory';
import { none, some } from '../core/skb';
import { Link, Segment } from '../layout/link';
import { beenBuild } from './been';
import { firstUpper, lowerOf, mixes } from './stacks';
import { reachesEnd } from './tunnels';

/** A vertex: the address of a link, or of a segment with the lowest bit set. */
type Vertex = usize;

const SEGMENT: usize = 1;

@inline
function isSegment(vertex: Vertex): bool {
  return (vertex & SEGMENT) != 0;
}

@inline
function segmentOf(vertex: Vertex): Segment {
  return changetype<Segment>(vertex & ~SEGMENT);
}

@inline
function parentOf(vertex: Vertex): Vertex {
  return isSegment(vertex) ? segmentOf(vertex).toward : changetype<Link>(vertex).toward;
}

let queue: usize = 0;
let head: u32 = 0;
let tail: u32 = 0;

/** Puts a vertex into the domain, below `parent`, if it is in none. */
function visit(vertex: Vertex, parent: Vertex, domain: u32): void {
  if (isSegment(vertex)) {
    const segment = segmentOf(vertex);
    if (segment.domain != 0) return;
    segment.domain = domain;
    segment.toward = parent;
  } else {
    const link = changetype<Link>(vertex);
    if (link.domain != 0) return;
    link.domain = domain;
    link.toward = parent;
  }
  store<u32>(queue + (<usize>tail << 2), <u32>vertex);
  tail++;
}

/** Breadth first from `root`. */
function span(root: Vertex, domain: u32): void {
  visit(root, 0, domain);
  while (head < tail) {
    const vertex = <usize>load<u32>(queue + (<usize>head << 2));
    head++;
    if (isSegment(vertex)) {
      for (let at = segmentOf(vertex).links; some(at); at = at.nextOnSegment) visit(changetype<usize>(at), vertex, domain);
      continue;
    }
    const link = changetype<Link>(vertex);
    if (some(link.peer)) visit(changetype<usize>(link.peer), vertex, domain);
    if (some(link.segment)) visit(changetype<usize>(link.segment) | SEGMENT, vertex, domain);
    if (some(link.master)) visit(changetype<usize>(link.master), vertex, domain);
    if (some(link.stack) && some(link.stack.bond)) visit(changetype<usize>(link.stack.bond), vertex, domain);
    for (let port = link.ports; some(port); port = port.nextPort) visit(changetype<usize>(port), vertex, domain);
    if (some(lowerOf(link))) visit(changetype<usize>(lowerOf(link)), vertex, domain);
    for (let at = firstUpper(link); some(at); at = at.stack.nextUpper) visit(changetype<usize>(at), vertex, domain);
  }
}

/** True for links that may answer for addresses that are not theirs alone. */
function mayProxy(link: Link): bool {
  if (some(link.master) || some(link.stack)) return true;
  return (link.flags & (LinkFlag.PROXY_ARP | LinkFlag.PROXY_ARP_PVLAN | LinkFlag.PROXY_NDP | LinkFlag.ANSWERS_OTHERS)) != 0;
}

function listProxies(segment: Segment): void {
  let count: u32 = 0;
  for (let at = segment.links; some(at); at = at.nextOnSegment) if (mayProxy(at)) count++;
  segment.proxyCount = count;
  if (count == 0) return;
  segment.proxies = allocate(<usize>count << 2);
  if (segment.proxies == 0) return;
  let i: usize = 0;
  for (let at = segment.links; some(at); at = at.nextOnSegment) {
    if (!mayProxy(at)) continue;
    store<u32>(segment.proxies + (i << 2), <u32>changetype<usize>(at));
    i++;
  }
}

@inline
function linkAt(links: usize, i: u32): Link {
  return changetype<Link>(links + <usize>i * offsetof<Link>());
}

export function domainsBuild(links: usize, linkCount: u32, segments: usize, segmentCount: u32): void {
  // From the last to the first, so that lists come out in the network's order.
  for (let i = <i32>linkCount - 1; i >= 0; i--) {
    const link = linkAt(links, <u32>i);
    if (some(link.master)) {
      link.nextPort = link.master.ports;
      link.master.ports = link;
    }
    if (some(link.segment)) {
      link.nextOnSegment = link.segment.links;
      link.segment.links = link;
      link.segment.linkCount++;
    }
  }
  queue = allocate(<usize>(linkCount + segmentCount) << 2);
  if (queue == 0) return;
  head = 0;
  tail = 0;
  let domain: u32 = 0;
  for (let i: u32 = 0; i < segmentCount; i++) {
    const segment = changetype<Segment>(segments + <usize>i * offsetof<Segment>());
    listProxies(segment);
    domain++;
    if (segment.domain == 0) span(changetype<usize>(segment) | SEGMENT, domain);
  }
  for (let i: u32 = 0; i < linkCount; i++) {
    const link = linkAt(links, i);
    domain++;
    if (link.domain == 0 && (link.flags & LinkFlag.BRIDGE) != 0) span(changetype<usize>(link), domain);
  }
  for (let i: u32 = 0; i < linkCount; i++) {
    domain++;
    if (linkAt(links, i).domain == 0) span(changetype<usize>(linkAt(links, i)), domain);
  }
  markMixed(links, linkCount, domain);
}

/** All links of a domain know that it is mixed. */
function markMixed(links: usize, linkCount: u32, domains: u32): void {
  let any = false;
  for (let i: u32 = 0; i < linkCount; i++) any = any || mixes(linkAt(links, i));
  let marked: u32 = 0;
  if (any) {
    const mixed = allocate(domains + 1);
    if (mixed == 0) return;
    for (let i: u32 = 0; i < linkCount; i++) {
      if (mixes(linkAt(links, i))) store<u8>(mixed + linkAt(links, i).domain, 1);
    }
    for (let i: u32 = 0; i < linkCount; i++) {
      const link = linkAt(links, i);
      if (load<u8>(mixed + link.domain) == 0) continue;
      link.mixed = 1;
      marked++;
    }
  }
  beenBuild(marked);
}

/** The vertex next to `from` on the way to `target`. */
function towards(from: Vertex, target: Link): Vertex {
  let at = changetype<usize>(target);
  while (at != 0) {
    const parent = parentOf(at);
    if (parent == from) return at;
    at = parent;
  }
  return parentOf(from);
}

/** The port of a bridge behind which `target` is; null where it is not behind one. */
export function portOf(bridge: Link, target: Link): Link {
  const next = towards(changetype<usize>(bridge), target);
  if (next == 0 || isSegment(next)) return none<Link>();
  const port = changetype<Link>(next);
  return port.master == bridge ? port : none<Link>();
}

/** The link at the other end of `out`'s own wire or segment that a frame for `target` goes to. */
export function endOf(out: Link, target: Link): Link {
  if (some(out.peer)) return out.peer;
  if (!some(out.segment)) return none<Link>();
  const next = towards(changetype<usize>(out.segment) | SEGMENT, target);
  if (next == 0 || isSegment(next)) return none<Link>();
  const end = changetype<Link>(next);
  return end == out ? none<Link>() : end;
}

/** A frame may pass between two ports of a bridge unless both are isolated. */
@inline
export function mayPass(from: Link, to: Link): bool {
  return (from.flags & to.flags & LinkFlag.ISOLATED) == 0;
}

@inline
export function isUp(link: Link): bool {
  return (link.flags & LinkFlag.UP) != 0;
}

/** True if a frame out of `out` can come to `target`: everything on the way is up, and no two ports keep it apart. */
export function leadsTo(out: Link, target: Link): bool {
  let at = out;
  while (true) {
    if (!isUp(at)) return false;
    const end = endOf(at, target);
    if (!some(end) || !isUp(end)) return false;
    if (some(at.tunnel) && !reachesEnd(at, end)) return false;
    const bridge = end.master;
    if (!some(bridge)) return end == target || lowerOf(target) == end;
    if (!isUp(bridge)) return false;
    if (bridge == target) return true;
    const port = portOf(bridge, target);
    if (!some(port) || port == end || !mayPass(end, port)) return false;
    at = port;
  }
}
