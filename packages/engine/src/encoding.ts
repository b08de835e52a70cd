/** What the parts of the encoder share: the arena, symbols for names, and the host's objects behind the numbers of the trace. */

import type { Abi } from './abi.ts';
import {
  type IpAddress,
  type IpPrefix,
  maskOf,
  maskWords,
  number4,
  parseAddress,
  parsePrefix,
  type Words,
} from './address.ts';
import type { Arena } from './arena.ts';
import type { BalancerFrontend } from './balancer.ts';
import type { Balanced } from './encode-balance.ts';
import { EngineError } from './errors.ts';
import type { IpSet, IpvsServer, IpvsService, Link, Netns, PolicyRule, Route, RouteTable } from './network.ts';
import type { Family } from './packet.ts';
import type { Chain, Statement, Table } from './rule.ts';
import type { NftSet } from './selector.ts';

/** Numbers from 1 on for names, in the order they come. */
export class Symbols {
  readonly #numbers = new Map<string, number>();

  of(name: string): number {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.#numbers.size + 1;
      this.#numbers.set(name, number);
    }
    return number;
  }

  /** 0 where the name has no symbol yet. */
  find(name: string): number {
    return this.#numbers.get(name) ?? 0;
  }

  get size(): number {
    return this.#numbers.size;
  }

  names(): IterableIterator<string> {
    return this.#numbers.keys();
  }
}

/** Namespaces with more links than this find them by a map. */
const FEW = 16;

/** The links of the whole network, by the number in their records; those of one namespace stand together. */
export class LinkList {
  readonly links: Link[] = [];
  /** Number of the namespace of each link. */
  readonly netnses: number[] = [];
  /** For each namespace, the number of its first link, and of the one behind its last. */
  readonly #first: number[] = [];
  readonly #byName: (Map<string, number> | undefined)[] = [];

  /** Adds the links of the next namespace. Throws for a name that stands twice. */
  push(netns: string, links: readonly Link[]): number {
    const first = this.links.length;
    const number = this.#first.length;
    this.#first.push(first);
    for (const link of links) {
      this.links.push(link);
      this.netnses.push(number);
    }
    this.#byName.push(
      links.length > FEW ? new Map(links.map((link, i) => [link.name, first + i] as const)) : undefined,
    );
    for (let i = 0; i < links.length; i++) {
      const { name } = links[i] as Link;
      const known = this.find(number, name);
      // A map keeps the last of two, a search finds the first.
      if (known !== first + i)
        throw new EngineError('DUPLICATE_NAME', `link ${name} of network namespace ${netns} stands twice`);
    }
    return first;
  }

  /** Number of a namespace's link; undefined where it has none of that name. */
  find(netns: number, name: string): number | undefined {
    const byName = this.#byName[netns];
    if (byName) return byName.get(name);
    const first = this.#first[netns];
    if (first === undefined) return undefined;
    const end = this.#first[netns + 1] ?? this.links.length;
    for (let i = first; i < end; i++) if (this.links[i]?.name === name) return i;
    return undefined;
  }
}

/** What the numbers and addresses of a loaded network stand for. */
export interface Objects {
  netnses: Netns[];
  /** Address of each namespace's record, by number. */
  netnsAt: number[];
  netnsByName: Map<string, number>;
  links: LinkList;
  tables: Table[];
  chains: Chain[];
  routes: Route[];
  policies: PolicyRule[];
  /** Names of interfaces, by symbol less one. */
  interfaces: readonly string[];
  /** Statements, and selectors that are not modelled, that make choice points: by address. */
  statements: Map<number, Statement>;
  /** nftables' sets, by the number in their records. */
  nftSets: NftSet[];
  /** Frontends of load balancers, by the address of their record. */
  frontends: Map<number, BalancerFrontend>;
  /** Virtual services and their servers, by the numbers in their records. */
  ipvsServices: IpvsService[];
  ipvsServers: IpvsServer[];
}

export interface Encoding {
  readonly abi: Abi;
  readonly arena: Arena;
  readonly objects: Objects;
  readonly interfaces: Symbols;
  readonly chainNames: Symbols;
  readonly setNames: Symbols;
  readonly recentNames: Symbols;
  readonly nftSetNames: Symbols;
  /** Public keys of WireGuard. */
  readonly tunnelKeys: Symbols;
  /** What was encoded already, by identity: shared objects stand in memory once. */
  readonly layers: Map<RouteTable, number>;
  readonly tables: Map<Table, number>;
  readonly sets: Map<IpSet, number>;
  readonly nftSets: Map<NftSet, number>;
  /** Nexthops that are but an interface, by the symbol of its name. */
  readonly hops: Map<number, number>;
  readonly balanced: Balanced;
}

const at = (what: string, where: string) => `${where}: ${what}`;

export function addressOf(text: string, where: string): IpAddress {
  const value = number4(text);
  if (value >= 0) return { family: 4, words: [0, 0, 0, value] };
  const address = parseAddress(text);
  if (!address) throw new EngineError('BAD_ADDRESS', at(`${text} is not an address`, where));
  return address;
}

export function prefixOf(text: string, where: string): IpPrefix {
  const slash = text.indexOf('/');
  const value = slash < 0 ? number4(text) : number4(text.slice(0, slash));
  if (value >= 0) {
    const length = slash < 0 ? 32 : Number(text.slice(slash + 1));
    if (Number.isInteger(length) && length >= 0 && length <= 32 && text.length > slash + 1)
      return { family: 4, words: [0, 0, 0, value], length };
  }
  const prefix = parsePrefix(text);
  if (!prefix) throw new EngineError('BAD_ADDRESS', at(`${text} is not a prefix`, where));
  return prefix;
}

export interface Masked {
  family: Family;
  value: Words;
  mask: Words;
}

/** `10.0.0.0/8`, or with a mask in full: `10.0.0.1/255.0.0.255`. Host bits are cleared. */
export function maskedOf(text: string, where: string): Masked {
  const slash = text.indexOf('/');
  if (slash >= 0 && (text.indexOf('.', slash) > 0 || text.indexOf(':', slash) > 0)) {
    const address = addressOf(text.slice(0, slash), where);
    const mask = addressOf(text.slice(slash + 1), where);
    if (mask.family !== address.family) throw new EngineError('BAD_ADDRESS', at(`${text} mixes families`, where));
    return {
      family: address.family,
      value: maskWords(address.words, mask.words),
      mask: mask.words,
    };
  }
  const prefix = prefixOf(text, where);
  const mask = maskOf(prefix.family, prefix.length);
  return { family: prefix.family, value: maskWords(prefix.words, mask), mask };
}

/** 02:00:00:00:00:01 as two 32-bit halves, the lower first. */
export function macOf(text: string, where: string): [low: number, high: number] {
  const parts = text.split(':');
  const octets = parts.map((part) => (/^[0-9a-fA-F]{1,2}$/.test(part) ? Number.parseInt(part, 16) : Number.NaN));
  if (octets.length !== 6 || octets.some(Number.isNaN))
    throw new EngineError('BAD_VALUE', at(`${text} is not a link-layer address`, where));
  const [a, b, c, d, e, f] = octets as [number, number, number, number, number, number];
  return [((c << 24) | (d << 16) | (e << 8) | f) >>> 0, (a << 8) | b];
}

/** The first 16 bytes of an interface's name, and a mask over as many bytes as `count`. */
export function nameBytes(name: string, count = name.length): { bytes: Words; mask: Words } {
  const bytes = new Uint8Array(16);
  const mask = new Uint8Array(16);
  new TextEncoder().encodeInto(name, bytes);
  mask.fill(255, 0, Math.min(16, count));
  const words = (from: Uint8Array) => [...new Uint32Array(from.buffer)] as Words;
  return { bytes: words(bytes), mask: words(mask) };
}
