/** Links with their interface settings, segments, neighbours and bridge entries. */

import { LinkFlag, NeighborState } from './codes.ts';
import { encodeBalancing } from './encode-balance.ts';
import { DISABLED_6 } from './encode-local.ts';
import { Carriers, encodeStacks, settle } from './encode-stacks.ts';
import { carriesPackets, encodeTunnel, isTunnel, isUnfollowed, TunnelSegments } from './encode-tunnels.ts';
import { addressOf, type Encoding, macOf, type Symbols } from './encoding.ts';
import { EngineError } from './errors.ts';
import { IMPLIED_LOOPBACK } from './local-table.ts';
import type { Link, LinkKind, Netns, Route, RouteTable } from './network.ts';
import { SourcePorts } from './source-ports.ts';
import { confAll, confAny, confMax, confOf, hasOwnConf, mtu6, type Sysctls } from './sysctl.ts';

const MTU = 1500;
const LOOPBACK_MTU = 65536;
/** The first octets of addresses that are made up, of which the number of the link is the rest. */
const MADE_UP = 0x0270;
/** IFNAMSIZ, the closing zero left out. */
const NAME_MAX = 15;

/** `arp_ignore` by its value (arp.c:arp_ignore()); all others are 0 or reserved. */
const ARP_IGNORE: Readonly<Record<number, number>> = {
  1: LinkFlag.ARP_OWN,
  2: LinkFlag.ARP_OWN | LinkFlag.ARP_SUBNET,
  3: LinkFlag.ARP_SCOPED,
  8: LinkFlag.ARP_SILENT,
};

/** Stands for all links without settings of their own. */
const ALIKE = '';

/** The kind of a link as the kernel names it (`rtnl_link_ops`), as a symbol; 0: it has a driver, or is `lo`. */
function madeBy({ kind }: Link, interfaces: Symbols): number {
  if (kind === 'device' || kind === 'loopback') return 0;
  return interfaces.of(kind === 'tap' ? 'tun' : kind);
}

/** Flags that follow from sysctls, remembered: most links of a cluster have the same. */
class LinkSettings {
  readonly #known = new Map<Sysctls, Map<string, number>>();

  of(sysctls: Sysctls, link: string): number {
    let byName = this.#known.get(sysctls);
    if (!byName) {
      byName = new Map();
      this.#known.set(sysctls, byName);
    }
    const name = hasOwnConf(sysctls, link) ? link : ALIKE;
    let flags = byName.get(name);
    if (flags === undefined) {
      flags = this.#read(sysctls, link);
      byName.set(name, flags);
    }
    return flags;
  }

  #read(sysctls: Sysctls, link: string): number {
    const any = (name: string, flag: LinkFlag) => (confAny(sysctls, 4, link, name) ? flag : 0);
    const rpFilter = confMax(sysctls, 4, link, 'rp_filter');
    const arpIgnore = confMax(sysctls, 4, link, 'arp_ignore');
    const arpAnnounce = confMax(sysctls, 4, link, 'arp_announce');
    const proxiesNdp = confAll(sysctls, 6, 'proxy_ndp') !== 0 || confOf(sysctls, 6, link, 'proxy_ndp') !== 0;
    return (
      any('accept_local', LinkFlag.ACCEPT_LOCAL) |
      any('route_localnet', LinkFlag.ROUTE_LOCALNET) |
      any('src_valid_mark', LinkFlag.SRC_VALID_MARK) |
      any('proxy_arp', LinkFlag.PROXY_ARP) |
      any('proxy_arp_pvlan', LinkFlag.PROXY_ARP_PVLAN) |
      (arpAnnounce === 1 ? LinkFlag.ARP_ANNOUNCE_SUBNET : arpAnnounce === 2 ? LinkFlag.ARP_ANNOUNCE_BEST : 0) |
      (confAny(sysctls, 4, link, 'send_redirects') ? 0 : LinkFlag.NO_REDIRECTS) |
      (confOf(sysctls, 4, link, 'forwarding') !== 0 ? LinkFlag.FORWARDING : 0) |
      any('arp_filter', LinkFlag.ARP_FILTER) |
      (confOf(sysctls, 6, link, 'forwarding') !== 0 ? LinkFlag.FORWARDING_6 : 0) |
      (confOf(sysctls, 6, link, 'force_forwarding') !== 0 ? LinkFlag.FORCE_FORWARDING_6 : 0) |
      (proxiesNdp ? LinkFlag.PROXY_NDP : 0) |
      (confOf(sysctls, 6, link, 'disable_ipv6') !== 0 ? DISABLED_6 : 0) |
      (rpFilter === 1 ? LinkFlag.RP_STRICT : rpFilter === 0 ? 0 : LinkFlag.RP_LOOSE) |
      (ARP_IGNORE[arpIgnore] ?? 0)
    );
  }
}

/** The links of a namespace, `lo` among them. */
function linksOf(netns: Netns): readonly Link[] {
  return netns.links.some((link) => link.name === 'lo') ? netns.links : [IMPLIED_LOOPBACK, ...netns.links];
}

function kindFlags(link: Link): number {
  return (
    (link.up === false ? 0 : LinkFlag.UP) |
    (link.hairpin ? LinkFlag.HAIRPIN : 0) |
    (link.isolated ? LinkFlag.ISOLATED : 0) |
    (link.kind === 'loopback' ? LinkFlag.LOOPBACK : LinkFlag.ETHERNET) |
    (link.kind === 'bridge' ? LinkFlag.BRIDGE : 0) |
    (link.kind === 'veth' ? LinkFlag.VETH : 0) |
    (link.kind === 'dummy' ? LinkFlag.DUMMY : 0) |
    (link.kind === 'tun' || link.kind === 'tap' || carriesPackets(link) ? LinkFlag.TUN : 0) |
    (UNFOLLOWED.has(link.kind) || isUnfollowed(link) ? LinkFlag.UNFOLLOWED : 0)
  );
}

const UNFOLLOWED: ReadonlySet<LinkKind> = new Set(['team', 'ifb', 'nlmon']);

function checkLink(netns: Netns, { name, mac }: Link): void {
  const where = `link ${name} of network namespace ${netns.name}`;
  if (name.length === 0 || name.length > NAME_MAX)
    throw new EngineError('BAD_VALUE', `${where}: names have 1 to ${NAME_MAX} characters`);
  if (mac !== undefined) macOf(mac, where);
}

/** The links of the whole network in one array. */
export class LinkArray {
  readonly at: number;
  count = 0;
  readonly #encoding: Encoding;
  readonly #settings = new LinkSettings();
  readonly #segments = new Map<string, number>();
  /** MAC addresses that were given, so that none is made up twice. */
  readonly #taken = new Set<string>();

  constructor(encoding: Encoding, netnses: readonly Netns[]) {
    this.#encoding = encoding;
    let capacity = 0;
    for (const { links } of netnses) {
      capacity += links.length + 1;
      for (const { mac } of links) if (mac !== undefined) this.#taken.add(mac.toLowerCase());
    }
    this.at = encoding.arena.alloc(capacity * encoding.abi.LINK_SIZE);
  }

  #macOf(link: Link, number: number): [number, number] {
    if (link.mac !== undefined) return macOf(link.mac, `link ${link.name}`);
    for (let high = MADE_UP; ; high += 0x0400) {
      const made: [number, number] = [number >>> 0, high];
      const hex = (value: number) => value.toString(16).padStart(2, '0');
      const octets = [made[1] >>> 8, made[1] & 255, number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255];
      if (!this.#taken.has([...octets, number & 255].map(hex).join(':'))) return made;
    }
  }

  /** Writes the links of one namespace, peers and masters left out; returns where they start. */
  encode(netns: Netns, netnsAt: number, answersOthers: boolean): { at: number; count: number } {
    const { abi, arena, interfaces, objects } = this.#encoding;
    const links = linksOf(netns);
    const first = objects.links.push(netns.name, links);
    for (let i = 0; i < links.length; i++) {
      const link = links[i] as Link;
      checkLink(netns, link);
      const id = first + i;
      const at = this.at + id * abi.LINK_SIZE;
      const balancing = link.balancing
        ? encodeBalancing(this.#encoding, link.balancing, `link ${link.name} of network namespace ${netns.name}`)
        : 0;
      const { u32 } = arena;
      u32[(at + abi.LINK_BALANCING) >>> 2] = balancing;
      if (link.mac === undefined && this.#taken.size === 0) {
        u32[(at + abi.LINK_MAC) >>> 2] = id;
        u32[((at + abi.LINK_MAC) >>> 2) + 1] = MADE_UP;
      } else u32.set(this.#macOf(link, id), (at + abi.LINK_MAC) >>> 2);
      u32[(at + abi.LINK_NETNS) >>> 2] = netnsAt;
      u32[(at + abi.LINK_ID) >>> 2] = id;
      u32[(at + abi.LINK_NAME) >>> 2] = interfaces.of(link.name);
      u32[(at + abi.LINK_INDEX) >>> 2] = link.index ?? i + 1;
      u32[(at + abi.LINK_MADE) >>> 2] = madeBy(link, interfaces);
      u32[(at + abi.LINK_MTU) >>> 2] = link.mtu ?? (link.kind === 'loopback' ? LOOPBACK_MTU : MTU);
      u32[(at + abi.LINK_MTU_6) >>> 2] = mtu6(netns.sysctls, link.name, u32[(at + abi.LINK_MTU) >>> 2] as number);
      u32[(at + abi.LINK_GROUP) >>> 2] = link.group ?? 0;
      u32[(at + abi.LINK_FLAGS) >>> 2] =
        kindFlags(link) | this.#settings.of(netns.sysctls, link.name) | (answersOthers ? LinkFlag.ANSWERS_OTHERS : 0);
    }
    this.count = first + links.length;
    return { at: this.at + first * abi.LINK_SIZE, count: links.length };
  }

  #find(netns: number, name: string): number | undefined {
    const number = this.#encoding.objects.links.find(netns, name);
    return number === undefined ? undefined : this.at + number * this.#encoding.abi.LINK_SIZE;
  }

  /** A bond has the address of its first port; VLANs and the like have address and MTU of the link below, where they have none of their own. */
  #inherit(): void {
    const { abi, arena, objects } = this.#encoding;
    const { u32 } = arena;
    const { links, netnses } = objects.links;
    const at = (number: number) => this.at + number * abi.LINK_SIZE;
    const copyMac = (to: number, from: number) => {
      const mac = (number: number) => (at(number) + abi.LINK_MAC) >>> 2;
      u32.copyWithin(mac(to), mac(from), mac(from) + 2);
    };
    for (let i = links.length - 1; i >= 0; i--) {
      const { master } = links[i] as Link;
      const over = master === undefined ? undefined : objects.links.find(netnses[i] as number, master);
      // From the last port to the first, so that this one is left.
      if (over !== undefined && links[over]?.kind === 'bond' && links[over].mac === undefined) copyMac(over, i);
    }
    settle(objects, (number, lower) => {
      const { kind, mode, mac, mtu } = links[number] as Link;
      if (mtu === undefined) {
        const inherited = u32[(at(lower) + abi.LINK_MTU) >>> 2] as number;
        u32[(at(number) + abi.LINK_MTU) >>> 2] = inherited;
        const { sysctls = {} } = objects.netnses[netnses[number] as number] ?? {};
        u32[(at(number) + abi.LINK_MTU_6) >>> 2] = mtu6(sysctls, (links[number] as Link).name, inherited);
      }
      if (mac === undefined && (kind !== 'macvlan' || mode === 'passthru')) copyMac(number, lower);
    });
  }

  /** Routes by a link without a carrier count, unless a sysctl says not. */
  #passedOver(link: Link, carries: boolean, netns: number): number {
    const { netnses } = this.#encoding.objects;
    if (carries) return 0;
    const sysctls = netnses[netns]?.sysctls ?? {};
    const name = 'ignore_routes_with_linkdown';
    return (
      (confAny(sysctls, 4, link.name, name) ? LinkFlag.PASSED_OVER_4 : 0) |
      (confOf(sysctls, 6, link.name, name) !== 0 ? LinkFlag.PASSED_OVER_6 : 0)
    );
  }

  /** Ties wires, bridges and segments together, once all links are there. Returns the segments' array. */
  connect(): { at: number; count: number } {
    const { abi, arena, objects } = this.#encoding;
    const { links, netnses } = objects.links;
    const known = new TunnelSegments(objects.netnses, objects.netnsByName);
    const segmentNames = links.map((link, i) => known.of(link, netnses[i] as number));
    for (const segment of segmentNames) {
      if (segment !== undefined && !this.#segments.has(segment)) this.#segments.set(segment, this.#segments.size);
    }

    const segments = arena.alloc(this.#segments.size * abi.SEGMENT_SIZE);
    const find = (netns: number, name: string) => this.#find(netns, name);
    const sourcePorts = new SourcePorts(objects.netnses);
    const tunnels = links.map((link, i) =>
      isTunnel(link) ? encodeTunnel(this.#encoding, link, netnses[i] as number, find, sourcePorts) : 0,
    );
    const carriers = new Carriers(objects);
    const stacks = encodeStacks(this.#encoding, this.at, carriers);
    const { u32 } = arena;
    this.#inherit();
    for (let i = 0; i < links.length; i++) {
      const link = links[i] as Link;
      const netns = netnses[i] as number;
      const at = this.at + i * abi.LINK_SIZE;
      const where = () => `link ${link.name} of network namespace ${objects.netnses[netns]?.name}`;
      if (link.peer) {
        const other = objects.netnsByName.get(link.peer.netns);
        const peer = other === undefined ? undefined : this.#find(other, link.peer.link);
        const back = peer === undefined ? undefined : links[(peer - this.at) / abi.LINK_SIZE]?.peer;
        if (peer === undefined || back?.netns !== objects.netnses[netns]?.name || back?.link !== link.name)
          throw new EngineError(
            'UNKNOWN_PEER',
            `${where()}: its peer ${link.peer.netns}/${link.peer.link} does not name it`,
          );
        u32[(at + abi.LINK_PEER) >>> 2] = peer;
      } else if (segmentNames[i] !== undefined) {
        const segment = this.#segments.get(segmentNames[i] as string) as number;
        u32[(at + abi.LINK_SEGMENT) >>> 2] = segments + segment * abi.SEGMENT_SIZE;
      }
      u32[(at + abi.LINK_FLAGS) >>> 2] =
        (u32[(at + abi.LINK_FLAGS) >>> 2] as number) | this.#passedOver(link, carriers.of(i), netns);
      u32[(at + abi.LINK_TUNNEL) >>> 2] = tunnels[i] as number;
      u32[(at + abi.LINK_STACK) >>> 2] = stacks.get(i) ?? 0;
      if (link.master === undefined) continue;
      const master = this.#find(netns, link.master);
      const kind = master === undefined ? undefined : links[(master - this.at) / abi.LINK_SIZE]?.kind;
      if (master === undefined || (kind !== 'bridge' && kind !== 'bond' && kind !== 'vrf'))
        throw new EngineError('UNKNOWN_MASTER', `${where()}: no bridge, bond or VRF ${link.master}`);
      // Bonds and VRFs stand in the link's stack record.
      if (kind === 'bridge') u32[(at + abi.LINK_MASTER) >>> 2] = master;
    }
    return { at: segments, count: this.#segments.size };
  }
}

/** Writes the static neighbours of a namespace. */
export function encodeNeighbors(encoding: Encoding, netns: Netns, link: (name: string) => number): number {
  const { abi, arena } = encoding;
  const neighbors = netns.neighbors ?? [];
  const where = `network namespace ${netns.name}`;
  const first = arena.alloc(neighbors.length * abi.NEIGHBOR_SIZE);
  for (const [i, neighbor] of neighbors.entries()) {
    const at = first + i * abi.NEIGHBOR_SIZE;
    const address = addressOf(neighbor.address, where);
    arena.putWords(at + abi.NEIGHBOR_ADDRESS, address.words);
    if (neighbor.lladdr !== undefined) arena.u32.set(macOf(neighbor.lladdr, where), (at + abi.NEIGHBOR_MAC) >>> 2);
    arena.u32[(at + abi.NEIGHBOR_LINK) >>> 2] = link(neighbor.link);
    arena.u8[at + abi.NEIGHBOR_FAMILY] = address.family;
    arena.u8[at + abi.NEIGHBOR_STATE] =
      (neighbor.state === 'failed' ? NeighborState.FAILED : 0) | (neighbor.proxy ? NeighborState.PROXY : 0);
  }
  return first;
}

/** Writes the static forwarding entries of a namespace's bridges. */
export function encodeFdb(encoding: Encoding, netns: Netns, link: (name: string) => number): number {
  const { abi, arena } = encoding;
  const entries = netns.fdb ?? [];
  const first = arena.alloc(entries.length * abi.FDB_SIZE);
  for (const [i, entry] of entries.entries()) {
    const at = first + i * abi.FDB_SIZE;
    arena.u32.set(macOf(entry.mac, `network namespace ${netns.name}`), (at + abi.FDB_MAC) >>> 2);
    arena.u32[(at + abi.FDB_LINK) >>> 2] = link(entry.link);
    arena.u16[(at + abi.FDB_VLAN) >>> 1] = entry.vlan ?? 0;
    if (entry.dst === undefined) continue;
    const dst = addressOf(entry.dst, `network namespace ${netns.name}`);
    arena.putWords(at + abi.FDB_DST, dst.words);
    arena.u8[at + abi.FDB_FAMILY] = dst.family;
  }
  return first;
}

/** Answers one question about routing tables, the tables below them included, each looked at once. */
export function everyTableOnce(holds: (route: Route) => boolean): (netns: Netns) => boolean {
  const known = new Map<RouteTable, boolean>();
  const any = (table: RouteTable): boolean => {
    let answer = known.get(table);
    if (answer === undefined) {
      answer = table.routes.some(holds) || (table.base !== undefined && any(table.base));
      known.set(table, answer);
    }
    return answer;
  };
  return (netns) => netns.tables.some(any);
}
