/** ipsets: elements by dimension, prefix lengths in the order the kernel tries them. */

import { addToAddress, compareAddresses, type IpPrefix, networkOf, number4, type Words } from './address.ts';
import { SetDimension, SetFlag } from './codes.ts';
import { addressOf, type Encoding, prefixOf } from './encoding.ts';
import { EngineError } from './errors.ts';
import type { IpSet, Netns } from './network.ts';
import { Protocol } from './terms.ts';

const { IP, NET, PORT, MARK, IFACE } = SetDimension;

/** Dimensions by type; sets of other types are not modelled, so that a match against one is a choice point. */
const DIMENSIONS: Readonly<Record<string, readonly SetDimension[]>> = {
  'hash:ip': [IP],
  'hash:net': [NET],
  'hash:ip,port': [IP, PORT],
  'hash:net,port': [NET, PORT],
  'hash:ip,port,ip': [IP, PORT, IP],
  'hash:ip,port,net': [IP, PORT, NET],
  'hash:net,net': [NET, NET],
  'hash:net,port,net': [NET, PORT, NET],
  'hash:net,iface': [NET, IFACE],
  'hash:ip,mark': [IP, MARK],
  'bitmap:ip': [IP],
  'bitmap:port': [PORT],
};

const PROTOCOLS: Readonly<Record<string, number>> = {
  tcp: Protocol.TCP,
  udp: Protocol.UDP,
  sctp: Protocol.SCTP,
  udplite: 136,
  icmp: Protocol.ICMP,
  icmpv6: Protocol.ICMPV6,
  'ipv6-icmp': Protocol.ICMPV6,
};

interface Element {
  words: Words;
  words2: Words;
  length: number;
  length2: number;
  key: number;
  nomatch: boolean;
}

/** Elements of one set may be ranges of at most so many addresses or ports. */
const RANGE_LIMIT = 65536;

function bad(set: IpSet, value: string, why: string): EngineError {
  return new EngineError('BAD_VALUE', `set ${set.name}: ${value} (${why})`);
}

/** One address or prefix, or the addresses of a range. */
function prefixesOf(set: IpSet, text: string): IpPrefix[] {
  const dash = text.indexOf('-');
  if (dash < 0) return [networkOf(prefixOf(text, `set ${set.name}`))];
  const from = addressOf(text.slice(0, dash), `set ${set.name}`);
  const to = addressOf(text.slice(dash + 1), `set ${set.name}`);
  const found: IpPrefix[] = [];
  for (let at = from; ; ) {
    found.push({ ...at, length: at.family === 4 ? 32 : 128 });
    const next = addToAddress(at, 1);
    if (!next || compareAddresses(next, to) > 0) return found;
    if (found.length > RANGE_LIMIT) throw bad(set, text, 'too long a range');
    at = next;
  }
}

function portsOf(set: IpSet, text: string, bare: boolean): number[] {
  const colon = text.indexOf(':');
  const name = colon < 0 ? 'tcp' : text.slice(0, colon).toLowerCase();
  const protocol = PROTOCOLS[name] ?? Number(name);
  if (!Number.isInteger(protocol)) throw bad(set, text, 'unknown protocol');
  const value = text.slice(colon + 1);
  const slash = value.indexOf('/');
  const key = bare ? 0 : protocol << 16;
  if (slash >= 0) return [key | (Number(value.slice(0, slash)) * 256 + Number(value.slice(slash + 1)))];
  const [from, to = from] = value.split('-').map(Number) as [number, number?];
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to > 65535) throw bad(set, text, 'no port');
  return Array.from({ length: to - from + 1 }, (_, i) => (key | (from + i)) >>> 0);
}

/** An interface behind a bridge (`physdev:eth0`) is another one than `eth0`. */
const PHYSICAL = 0x80000000;

function keysOf(encoding: Encoding, set: IpSet, dimension: SetDimension, text: string): number[] {
  switch (dimension) {
    case PORT:
      return portsOf(set, text, set.type === 'bitmap:port');
    case MARK:
      return [Number(text) >>> 0];
    default: {
      const physical = text.startsWith('physdev:');
      const symbol = encoding.interfaces.of(physical ? text.slice('physdev:'.length) : text);
      return [physical ? (symbol | PHYSICAL) >>> 0 : symbol];
    }
  }
}

const ZERO: Words = [0, 0, 0, 0];

function elementsOf(encoding: Encoding, set: IpSet, dimensions: readonly SetDimension[]): Element[] {
  const family = set.family === 'inet6' ? 6 : 4;
  const elements: Element[] = [];
  for (const { value, nomatch } of set.entries) {
    // The common case first: one address and no more.
    const plain = dimensions.length === 1 && dimensions[0] !== PORT ? number4(value) : -1;
    if (plain >= 0 && family === 4) {
      const words: Words = [0, 0, 0, plain];
      elements.push({ words, words2: ZERO, length: 32, length2: 0, key: 0, nomatch: nomatch === true });
      continue;
    }
    const parts = value.split(',');
    let first: IpPrefix[] | undefined;
    let second: IpPrefix[] | undefined;
    let keys = [0];
    for (const [i, dimension] of dimensions.entries()) {
      const part = parts[i] ?? '';
      if (dimension !== IP && dimension !== NET) {
        keys = keysOf(encoding, set, dimension, part);
        continue;
      }
      const prefixes = prefixesOf(set, part);
      if (prefixes[0]?.family !== family) throw bad(set, value, 'the other family');
      if (first) second = prefixes;
      else first = prefixes;
    }
    for (const a of first ?? [undefined])
      for (const b of second ?? [undefined])
        for (const key of keys)
          elements.push({
            words: a?.words ?? ZERO,
            words2: b?.words ?? ZERO,
            length: a?.length ?? 0,
            length2: b?.length ?? 0,
            key,
            nomatch: nomatch === true,
          });
  }
  return elements;
}

/** Packets add elements with the longest prefix of either dimension: any may meet any (mtype_test_cidrs()). */
function withMixed(dimensions: readonly SetDimension[], shapes: ReadonlySet<number>): ReadonlySet<number> {
  if (dimensions.filter((dimension) => dimension === NET).length < 2) return shapes;
  const seconds = new Set([...shapes].map((shape) => shape & 255));
  return new Set([...shapes].flatMap((shape) => [...seconds].map((second) => (shape & ~255) | second)));
}

/** Returns the address of the set's record; the record was made before, so that lists can name any set. */
function fillSet(encoding: Encoding, at: number, set: IpSet): void {
  const { abi, arena } = encoding;
  const dimensions = DIMENSIONS[set.type];
  const flags =
    (set.family === 'inet6' ? SetFlag.IPV6 : 0) |
    (set.type === 'bitmap:port' ? SetFlag.ANY_FAMILY : 0) |
    (set.type === 'list:set' ? SetFlag.LIST : dimensions ? 0 : SetFlag.UNMODELLED);
  arena.u8[at + abi.IPSET_FLAGS] = flags;
  arena.u32[(at + abi.IPSET_TIMEOUT) >>> 2] = Number(/\btimeout (\d+)/.exec(set.options ?? '')?.[1] ?? 0);
  if (!dimensions) return;
  for (const [i, dimension] of dimensions.entries()) arena.u8[at + abi.IPSET_FIRST + i] = dimension;
  const elements = elementsOf(encoding, set, dimensions);
  const first = arena.alloc(elements.length * abi.ELEMENT_SIZE);
  const shapes = new Set<number>();
  for (const [i, element] of elements.entries()) {
    const record = first + i * abi.ELEMENT_SIZE;
    arena.putWords(record + abi.ELEMENT_ADDRESS, element.words);
    arena.putWords(record + abi.ELEMENT_ADDRESS2, element.words2);
    arena.u32[(record + abi.ELEMENT_KEY) >>> 2] = element.key;
    arena.u8[record + abi.ELEMENT_LENGTH] = element.length;
    arena.u8[record + abi.ELEMENT_LENGTH2] = element.length2;
    arena.u8[record + abi.ELEMENT_NOMATCH] = element.nomatch ? 1 : 0;
    shapes.add(element.length * 256 + element.length2);
  }
  const ordered = [...withMixed(dimensions, shapes)].sort((a, b) => b - a);
  const shapesAt = arena.alloc(ordered.length * 2);
  for (const [i, shape] of ordered.entries()) {
    arena.u8[shapesAt + i * 2] = shape >>> 8;
    arena.u8[shapesAt + i * 2 + 1] = shape & 255;
  }
  arena.u32[(at + abi.IPSET_ELEMENTS) >>> 2] = first;
  arena.u32[(at + abi.IPSET_ELEMENT_COUNT) >>> 2] = elements.length;
  arena.u32[(at + abi.IPSET_SHAPES) >>> 2] = shapesAt;
  arena.u32[(at + abi.IPSET_SHAPE_COUNT) >>> 2] = ordered.length;
}

/** Lists hold sets of their own namespace. */
function fillList(encoding: Encoding, at: number, set: IpSet, own: ReadonlyMap<string, number>): void {
  const { abi, arena } = encoding;
  const members = set.entries.flatMap(({ value }) => own.get(value) ?? []);
  const first = arena.alloc(members.length * 4);
  arena.u32.set(members, first >>> 2);
  arena.u32[(at + abi.IPSET_MEMBERS) >>> 2] = first;
  arena.u32[(at + abi.IPSET_MEMBER_COUNT) >>> 2] = members.length;
}

/** The sets of all namespaces in one array, shared ones once. */
export class SetArray {
  readonly at: number;
  count = 0;
  readonly #encoding: Encoding;

  constructor(encoding: Encoding, netnses: readonly Netns[]) {
    this.#encoding = encoding;
    let capacity = 0;
    const seen = new Set<IpSet>();
    for (const { sets } of netnses)
      for (const set of sets ?? []) {
        // A list means the sets of its namespace, so that it cannot be shared.
        if (set.type === 'list:set' || !seen.has(set)) capacity++;
        seen.add(set);
      }
    this.at = encoding.arena.alloc(capacity * encoding.abi.IPSET_SIZE);
  }

  /** Writes the sets of a namespace; returns where its slots are. */
  encode(sets: readonly IpSet[]): number {
    const { abi, arena, setNames, sets: known } = this.#encoding;
    const own = new Map<string, number>();
    for (const set of sets) {
      let at = set.type === 'list:set' ? undefined : known.get(set);
      if (at === undefined) {
        at = this.at + this.count++ * abi.IPSET_SIZE;
        known.set(set, at);
        fillSet(this.#encoding, at, set);
      }
      own.set(set.name, at);
    }
    for (const set of sets)
      if (set.type === 'list:set') fillList(this.#encoding, own.get(set.name) as number, set, own);
    const slots = arena.alloc(sets.length * abi.SET_SLOT_SIZE);
    for (const [i, set] of sets.entries()) {
      const slot = slots + i * abi.SET_SLOT_SIZE;
      arena.u32[(slot + abi.SET_SLOT_NAME) >>> 2] = setNames.of(set.name);
      arena.u32[(slot + abi.SET_SLOT_SET) >>> 2] = own.get(set.name) as number;
    }
    return slots;
  }
}
