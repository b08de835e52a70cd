/** A map of connections on its own: from tuples to numbers, one by one or many at once. */
import type { IpAddress, Words } from './address.ts';
import type { WasmSource } from './compile.ts';
import { entriesIn, MapMemory, unsigned, wordsOf } from './map-memory.ts';
import type { Family } from './packet.ts';

export interface FlowMapOptions {
  family: Family;
  /** Flows to make room for at once; more may come. */
  capacity?: number;
  /** The engine's file; see `compileEngine`. */
  wasm?: WasmSource;
}

/** One direction of a connection. */
export interface FlowKey {
  saddr: string | IpAddress;
  daddr: string | IpAddress;
  /** 0 to 65535; 0 where the protocol has no ports. */
  sport: number;
  dport: number;
  /** IP protocol number. */
  protocol: number;
  /** Conntrack zone, 0 to 65535; 0 where absent. */
  zone?: number;
  /** Number of a network namespace, where one map holds several; 0 where absent. */
  netns?: number;
}

/**
 * Flows of one family with a number each, 0 to 4,294,967,294. Throws `EngineError`: BAD_ADDRESS for text that is none or of the other
 * family, BAD_VALUE for numbers out of range, OUT_OF_MEMORY.
 */
export interface FlowMap {
  readonly family: Family;
  /** Number of flows. */
  readonly size: number;
  /** Memory that the flows take, in bytes. */
  readonly bytes: number;
  /** Adds a flow, or gives it another value. */
  set(key: FlowKey, value: number): void;
  get(key: FlowKey): number | undefined;
  /** True if the flow was there. */
  delete(key: FlowKey): boolean;
  /** Removes all flows and keeps their room. */
  clear(): void;
  /** Words that a key takes among many: 5 for IPv4, 11 for IPv6. */
  readonly keyWords: number;
  /** Writes a key among `keys`, the one number `index`. */
  encode(key: FlowKey, keys: Uint32Array, index: number): void;
  /** Adds or changes many flows; `values` has one number for each key. */
  setMany(keys: Uint32Array, values: Uint32Array): void;
  /** Writes the value of each key to `values`, `NO_FLOW` where there is none. */
  getMany(keys: Uint32Array, values: Uint32Array): void;
  /** Removes many flows; writes the values they had, `NO_FLOW` where there was none. */
  deleteMany(keys: Uint32Array, values: Uint32Array): void;
}

/** What `getMany` and `deleteMany` write for keys that are not there. */
export const NO_FLOW = 0xffffffff;

class WasmFlowMap implements FlowMap {
  readonly family: Family;
  readonly keyWords: number;
  readonly #memory: MapMemory;
  readonly #map: number;
  readonly #key: Uint32Array;
  readonly #value = new Uint32Array(1);

  constructor(memory: MapMemory, family: Family, capacity: number) {
    this.#memory = memory;
    this.family = family;
    this.keyWords = family === 4 ? 5 : 11;
    this.#key = new Uint32Array(this.keyWords);
    this.#map = memory.check(memory.exports.flowsNew(family, capacity));
  }

  get size(): number {
    return this.#memory.exports.flowsSize(this.#map);
  }

  get bytes(): number {
    return this.#memory.exports.flowsBytes(this.#map, this.family) >>> 0;
  }

  set(key: FlowKey, value: number): void {
    this.encode(key, this.#key, 0);
    this.#value[0] = unsigned('the value of a flow', value, NO_FLOW - 1);
    this.setMany(this.#key, this.#value);
  }

  get(key: FlowKey): number | undefined {
    this.encode(key, this.#key, 0);
    this.getMany(this.#key, this.#value);
    const [value] = this.#value;
    return value === NO_FLOW ? undefined : value;
  }

  delete(key: FlowKey): boolean {
    this.encode(key, this.#key, 0);
    this.deleteMany(this.#key, this.#value);
    return this.#value[0] !== NO_FLOW;
  }

  clear(): void {
    this.#memory.exports.flowsClear(this.#map);
  }

  /** The form of assembly/flows/slot.ts. */
  encode(key: FlowKey, keys: Uint32Array, index: number): void {
    const saddr = wordsOf(this.family, key.saddr);
    const daddr = wordsOf(this.family, key.daddr);
    const words = this.family === 4 ? [saddr[3], daddr[3]] : [...halves(saddr), ...halves(daddr)];
    const ports = (unsigned('sport', key.sport, 0xffff) | (unsigned('dport', key.dport, 0xffff) << 16)) >>> 0;
    const zone = unsigned('zone', key.zone ?? 0, 0xffff);
    const rest = (zone | (this.family << 16) | (unsigned('protocol', key.protocol, 255) << 24)) >>> 0;
    keys.set([...words, unsigned('netns', key.netns ?? 0, 0xffffffff), ports, rest], index * this.keyWords);
  }

  setMany(keys: Uint32Array, values: Uint32Array): void {
    const given = values.subarray(0, keys.length / this.keyWords);
    if (given.includes(NO_FLOW)) unsigned('the value of a flow', NO_FLOW, NO_FLOW - 1);
    this.#batches(keys, values, (first, n) => {
      this.#memory.answers().set(values.subarray(first, first + n));
      this.#memory.check(this.#memory.exports.flowsSetStaged(this.#map, this.family, n));
    });
  }

  getMany(keys: Uint32Array, values: Uint32Array): void {
    this.#batches(keys, values, (first, n) => {
      this.#memory.exports.flowsFindStaged(this.#map, this.family, n);
      values.set(this.#memory.answers().subarray(0, n), first);
    });
  }

  deleteMany(keys: Uint32Array, values: Uint32Array): void {
    this.#batches(keys, values, (first, n) => {
      this.#memory.exports.flowsDeleteStaged(this.#map, this.family, n);
      values.set(this.#memory.answers().subarray(0, n), first);
    });
  }

  /** Stages the keys part by part. */
  #batches(keys: Uint32Array, values: Uint32Array, run: (first: number, count: number) => void): void {
    const count = entriesIn(keys, this.keyWords, values.length);
    const batch = this.#memory.batch(this.keyWords);
    for (let first = 0; first < count; first += batch) {
      const n = Math.min(batch, count - first);
      this.#memory.keys().set(keys.subarray(first * this.keyWords, (first + n) * this.keyWords));
      run(first, n);
    }
  }
}

/** The two 64-bit halves of an address as they lie in memory, the less significant word first. */
function halves(words: Words): number[] {
  return [words[1], words[0], words[3], words[2]];
}

/** An empty map of flows. */
export async function createFlowMap(options: FlowMapOptions): Promise<FlowMap> {
  const memory = await MapMemory.open(options.wasm);
  return new WasmFlowMap(memory, options.family, unsigned('capacity', options.capacity ?? 0, 0x7fffffff));
}
