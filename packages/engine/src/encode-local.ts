/**
 * The local table as records, derived from the records of addresses: what `localRoutes` (local-table.ts) says, in its order, without its
 * objects, which a cluster would need hundreds of thousands of. The trace finds the object by what the record says.
 */
import { maskOf, number4, type Words } from './address.ts';
import { LinkFlag, ScopeId } from './codes.ts';
import type { Encoding } from './encoding.ts';
import type { Address } from './network.ts';
import { RouteType } from './terms.ts';

/** `id` of a route that stands in no list of the host. */
export const DERIVED = 0xffffffff;

/** Of the flags of a link: no IPv6 there. The engine does not ask, only the local table does. */
export const DISABLED_6 = 1 << 31;

/** One address of a namespace, as it was just written. */
export interface WrittenAddress {
  address: Address;
  family: 4 | 6;
  own: Words;
  /** Network of the address, or of the remote one of a point-to-point address. */
  subnet: Words;
  length: number;
  /** Record of the address that came first in the subnet; its own where that is itself. */
  primary: number;
  at: number;
  /** Record of its link. */
  link: number;
}

/** A namespace with so many routes looks for doubles by a set. */
const MANY = 64;
const MULTICAST: Words = [0xff000000, 0, 0, 0];
const HOST_LENGTH_6 = 128;

class LocalTable {
  readonly #encoding: Encoding;
  readonly #first: number;
  #count = 0;
  #seen: Set<string> | undefined;

  constructor(encoding: Encoding, capacity: number) {
    this.#encoding = encoding;
    this.#first = encoding.arena.alloc(capacity * encoding.abi.ROUTE_SIZE);
    if (capacity > MANY) this.#seen = new Set();
  }

  get at(): number {
    return this.#first;
  }

  get count(): number {
    return this.#count;
  }

  /** The nexthop that leaves by an interface of that name, made once for all namespaces. */
  #hop(name: number): number {
    const { abi, arena, hops } = this.#encoding;
    let at = hops.get(name);
    if (at === undefined) {
      at = arena.alloc(abi.NEXTHOP_SIZE);
      arena.u32[(at + abi.NEXTHOP_DEV) >>> 2] = name;
      arena.u32[(at + abi.NEXTHOP_WEIGHT) >>> 2] = 1;
      hops.set(name, at);
    }
    return at;
  }

  /** A second route of the same key is left out: type, destination, metric and link; IPv6 does not look at the type. */
  #isKnown(family: 4 | 6, type: RouteType, words: Words, length: number, metric: number, hop: number): boolean {
    if (this.#seen) {
      const key = [family === 4 ? type : '', ...words, length, metric, hop].join(' ');
      if (this.#seen.has(key)) return true;
      this.#seen.add(key);
      return false;
    }
    const { abi, arena } = this.#encoding;
    const { u8, u32 } = arena;
    for (let i = 0; i < this.#count; i++) {
      const at = this.#first + i * abi.ROUTE_SIZE;
      const word = (at + abi.ROUTE_PREFIX) >>> 2;
      if (
        u32[word + 2] === words[3] &&
        u32[word + 3] === words[2] &&
        u32[word + 1] === words[0] &&
        u32[word] === words[1] &&
        u32[(at + abi.ROUTE_NEXTHOPS) >>> 2] === hop &&
        u8[at + abi.ROUTE_LENGTH] === length &&
        u8[at + abi.ROUTE_FAMILY] === family &&
        (family === 6 || u8[at + abi.ROUTE_TYPE] === type) &&
        u32[(at + abi.ROUTE_METRIC) >>> 2] === metric
      )
        return true;
    }
    return false;
  }

  add(
    family: 4 | 6,
    type: RouteType,
    words: Words,
    length: number,
    metric: number,
    link: number,
    prefsrc: number,
  ): void {
    const { abi, arena } = this.#encoding;
    const hop = this.#hop(arena.u32[(link + abi.LINK_NAME) >>> 2] as number);
    if (this.#isKnown(family, type, words, length, metric, hop)) return;
    const at = this.#first + this.#count++ * abi.ROUTE_SIZE;
    const { u8, u32 } = arena;
    arena.putWords(at + abi.ROUTE_PREFIX, words);
    u32[(at + abi.ROUTE_ID) >>> 2] = DERIVED;
    u32[(at + abi.ROUTE_METRIC) >>> 2] = metric;
    u32[(at + abi.ROUTE_PREFSRC) >>> 2] = prefsrc;
    u32[(at + abi.ROUTE_NEXTHOPS) >>> 2] = hop;
    arena.u16[(at + abi.ROUTE_NEXTHOP_COUNT) >>> 1] = 1;
    u8[at + abi.ROUTE_LENGTH] = length;
    u8[at + abi.ROUTE_FAMILY] = family;
    u8[at + abi.ROUTE_TYPE] = type;
    u8[at + abi.ROUTE_SCOPE] = type === RouteType.LOCAL ? ScopeId.HOST : ScopeId.LINK;
  }
}

function add4(table: LocalTable, written: WrittenAddress, flags: number): void {
  const { address, own, subnet, length, primary, link } = written;
  const broadcast = (value: number) => table.add(4, RouteType.BROADCAST, [0, 0, 0, value], 32, 0, link, primary);
  table.add(4, RouteType.LOCAL, own, 32, 0, link, primary);
  // The address itself stands on a link that is down, too; what belongs to its subnet does not.
  if ((flags & LinkFlag.UP) === 0) return;
  const given = address.broadcast === undefined ? -1 : number4(address.broadcast);
  if (given >= 0 && given !== 0xffffffff) broadcast(given);
  const network = subnet[3];
  const ownSubnet = network !== own[3] || length < 32;
  if (network === 0 || primary !== written.at || !ownSubnet) return;
  if ((flags & LinkFlag.LOOPBACK) !== 0) table.add(4, RouteType.LOCAL, subnet, length, 0, link, primary);
  if (length >= 31) return;
  const last = (network | ~maskOf(4, length)[3]) >>> 0;
  if (last !== given) broadcast(last);
}

/** What stands on a link that is down was added there after it went down. */
function add6(table: LocalTable, { address, own, subnet, length, link }: WrittenAddress, flags: number): void {
  table.add(6, RouteType.LOCAL, own, HOST_LENGTH_6, 0, link, 0);
  if ((flags & LinkFlag.FORWARDING_6) === 0 || address.peer !== undefined || length >= 127) return;
  table.add(6, RouteType.ANYCAST, subnet, HOST_LENGTH_6, 0, link, 0);
}

/** Writes the layer of the local table. `links`: the records of the namespace's links, one behind the other. */
export function encodeLocal(
  encoding: Encoding,
  addresses: readonly WrittenAddress[],
  links: { at: number; count: number },
): number {
  const { abi, arena } = encoding;
  const flagsOf = (link: number) => arena.u32[(link + abi.LINK_FLAGS) >>> 2] as number;
  const layer = arena.alloc(abi.LAYER_SIZE);
  const table = new LocalTable(encoding, addresses.length * 4 + links.count);
  for (const written of addresses) {
    if (written.family === 4) add4(table, written, flagsOf(written.link));
    else add6(table, written, flagsOf(written.link));
  }
  // An implied `lo` stands first here and comes last to the kernel, which makes no difference: it has no such route.
  for (let i = 0; i < links.count; i++) {
    const at = links.at + i * abi.LINK_SIZE;
    const flags = flagsOf(at);
    if ((flags & (DISABLED_6 | LinkFlag.LOOPBACK)) !== 0 || (flags & LinkFlag.UP) === 0) continue;
    table.add(6, RouteType.MULTICAST, MULTICAST, 8, 256, at, 0);
  }
  arena.u32[(layer + abi.LAYER_ROUTES) >>> 2] = table.at;
  arena.u32[(layer + abi.LAYER_ROUTE_COUNT) >>> 2] = table.count;
  return layer;
}
