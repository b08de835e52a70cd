/** Longest prefix match on its own: a map from prefixes to numbers that is asked by address, one by one or many at once. */
import { formatPrefix, type IpAddress, type IpPrefix, networkOf, parsePrefix } from './address.ts';
import type { WasmSource } from './compile.ts';
import { EngineError } from './errors.ts';
import { entriesIn, MapMemory, unsigned, wordsOf } from './map-memory.ts';
import type { Family } from './packet.ts';

export interface PrefixMapOptions {
  family: Family;
  /**
   * How IPv4 is looked up. `speed`: direct tables of 64 MB and more, changed in place. `compact`: about 10 bytes per prefix, two to four
   * times slower, built anew at the first look-up after a change. `auto` (default): compact up to 32,767 prefixes, speed from there.
   * IPv6 is compact, and changes of /128 cost nothing more.
   */
  profile?: 'auto' | 'speed' | 'compact';
  /** The engine's file; see `compileEngine`. */
  wasm?: WasmSource;
}

/** What covers an address. */
export interface PrefixMatch {
  /** Prefix length in bits. */
  length: number;
  value: number;
}

/**
 * Prefixes of one family with a number each, 0 to 16,777,215. Addresses and prefixes are text or parsed; host bits of prefixes are
 * cleared. Throws `EngineError`: BAD_ADDRESS for text that is none or of the other family, BAD_VALUE for numbers out of range,
 * OUT_OF_MEMORY.
 */
export interface PrefixMap {
  readonly family: Family;
  /** Number of prefixes. */
  readonly size: number;
  /** Memory that prefixes and look-up tables take, in bytes. */
  readonly bytes: number;
  /** Adds a prefix, or gives it another value. */
  set(prefix: string | IpPrefix, value: number): void;
  /** Adds or changes prefixes, six words each: the address (as `IpAddress.words`; host bits are cleared), length, value. */
  setMany(records: Uint32Array): void;
  /** Value of this very prefix. */
  get(prefix: string | IpPrefix): number | undefined;
  /** True if the prefix was there. */
  delete(prefix: string | IpPrefix): boolean;
  /** The longest prefix that covers the address; with `shorterThan`, the longest of those with a smaller length. */
  lookup(address: string | IpAddress, shorterThan?: number): PrefixMatch | undefined;
  /**
   * Looks up many addresses: one word each for IPv4, four for IPv6 (the most significant first). Writes one number for each to `matches`:
   * (length + 1) * 2^24 + value, 0 where nothing covers it; `matchLength` and `matchValue` take it apart.
   */
  lookupMany(addresses: Uint32Array, matches: Uint32Array): void;
}

/** Prefix length of a match that `lookupMany` wrote; -1 for none. */
export function matchLength(match: number): number {
  return (match >>> 24) - 1;
}

/** Value of a match that `lookupMany` wrote; 0 for none. */
export function matchValue(match: number): number {
  return match & MAX_VALUE;
}

const MAX_VALUE = 0xffffff;
const RECORD_WORDS = 6;
/** From so many IPv4 prefixes on, `auto` gives them the fast tables. */
const SPEED_FROM = 32_768;
const DIRECT_FROM = { speed: 0, auto: SPEED_FROM, compact: 0xffffffff };

function matchOf(entry: number): PrefixMatch | undefined {
  return entry === 0 ? undefined : { length: matchLength(entry), value: matchValue(entry) };
}

class WasmPrefixMap implements PrefixMap {
  readonly family: Family;
  readonly #memory: MapMemory;
  readonly #map: number;

  constructor(memory: MapMemory, family: Family, directFrom: number) {
    this.#memory = memory;
    this.family = family;
    this.#map = memory.check(memory.exports.prefixesNew(family, directFrom));
  }

  get size(): number {
    return this.#memory.exports.prefixesSize(this.#map);
  }

  get bytes(): number {
    return this.#memory.exports.prefixesBytes(this.#map) >>> 0;
  }

  set(prefix: string | IpPrefix, value: number): void {
    const { words, length } = this.#prefix(prefix);
    this.setMany(Uint32Array.of(...words, length, this.#value(value)));
  }

  setMany(records: Uint32Array): void {
    const { exports, check } = this.#memory;
    const batch = this.#memory.batch(RECORD_WORDS);
    const count = entriesIn(records, RECORD_WORDS, Number.POSITIVE_INFINITY);
    // All are checked before the first is added.
    for (let at = 4; at < records.length; at += RECORD_WORDS) {
      this.#length(records[at] as number);
      this.#value(records[at + 1] as number);
    }
    check(exports.prefixesReserve(this.#map, count));
    for (let first = 0; first < count; first += batch) {
      const n = Math.min(batch, count - first);
      this.#memory.keys().set(records.subarray(first * RECORD_WORDS, (first + n) * RECORD_WORDS));
      check(exports.prefixesSet(this.#map, n));
    }
  }

  get(prefix: string | IpPrefix): number | undefined {
    const { words, length } = this.#prefix(prefix);
    return matchOf(this.#memory.exports.prefixesGet(this.#map, ...words, length) >>> 0)?.value;
  }

  delete(prefix: string | IpPrefix): boolean {
    const { words, length } = this.#prefix(prefix);
    return this.#memory.exports.prefixesDelete(this.#map, ...words, length) !== 0;
  }

  lookup(address: string | IpAddress, shorterThan?: number): PrefixMatch | undefined {
    const words = wordsOf(this.family, address);
    const { exports } = this.#memory;
    const entry =
      shorterThan === undefined
        ? exports.prefixesFind(this.#map, ...words)
        : exports.prefixesShorter(this.#map, ...words, this.#length(shorterThan));
    return matchOf(entry >>> 0);
  }

  lookupMany(addresses: Uint32Array, matches: Uint32Array): void {
    const width = this.family === 4 ? 1 : 4;
    const count = entriesIn(addresses, width, matches.length);
    const { exports } = this.#memory;
    const batch = this.#memory.batch(width);
    for (let first = 0; first < count; first += batch) {
      const n = Math.min(batch, count - first);
      this.#memory.keys().set(addresses.subarray(first * width, (first + n) * width));
      this.#memory.check(exports.prefixesFindStaged(this.#map, n));
      matches.set(this.#memory.answers().subarray(0, n), first);
    }
  }

  #prefix(prefix: string | IpPrefix): IpPrefix {
    const parsed = typeof prefix === 'string' ? parsePrefix(prefix) : prefix;
    if (parsed?.family !== this.family) {
      throw new EngineError(
        'BAD_ADDRESS',
        `not an IPv${this.family} prefix: ${parsed ? formatPrefix(parsed) : prefix}`,
      );
    }
    this.#length(parsed.length);
    return networkOf(parsed);
  }

  #length(length: number): number {
    return unsigned('a prefix length', length, this.family === 4 ? 32 : 128);
  }

  #value(value: number): number {
    return unsigned('the value of a prefix', value, MAX_VALUE);
  }
}

/** An empty map of prefixes. */
export async function createPrefixMap(options: PrefixMapOptions): Promise<PrefixMap> {
  const memory = await MapMemory.open(options.wasm);
  return new WasmPrefixMap(memory, options.family, DIRECT_FROM[options.profile ?? 'auto']);
}
