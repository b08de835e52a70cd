/**
 * The memory behind one map: an instance of the engine of its own, so that a map that nobody holds any more is collected as a whole. Keys
 * and answers pass through a stage inside it, many at a time.
 */
import { formatAddress, type IpAddress, parseAddress, type Words } from './address.ts';
import { compileEngine, type WasmSource } from './compile.ts';
import { EngineError } from './errors.ts';
import type { Family } from './packet.ts';

/** A number of a key or value; throws BAD_VALUE. */
export function unsigned(what: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new EngineError('BAD_VALUE', `${what} is an integer from 0 to ${max}, not ${value}`);
}

/** The words of an address of the family; throws BAD_ADDRESS. */
export function wordsOf(family: Family, address: string | IpAddress): Words {
  const parsed = typeof address === 'string' ? parseAddress(address) : address;
  if (parsed?.family === family) return parsed.words;
  throw new EngineError('BAD_ADDRESS', `not an IPv${family} address: ${parsed ? formatAddress(parsed) : address}`);
}

/** How many entries of `width` words there are; throws BAD_VALUE, also if there are more than `room`. */
export function entriesIn(words: Uint32Array, width: number, room: number): number {
  const count = words.length / width;
  if (Number.isInteger(count) && count <= room) return count;
  throw new EngineError('BAD_VALUE', `${words.length} words are not up to ${room} entries of ${width}`);
}

/** What the engine offers maps (assembly/lpm, assembly/flows, assembly/store/stage.ts). Numbers are u32 or i32; booleans are 0 or 1. */
interface MapExports {
  memory: WebAssembly.Memory;
  stageOpen(): void;
  STAGE_KEYS: WebAssembly.Global<'i32'>;
  STAGE_IN: WebAssembly.Global<'i32'>;
  STAGE_OUT: WebAssembly.Global<'i32'>;

  prefixesNew(family: number, directFrom: number): number;
  prefixesReserve(map: number, count: number): number;
  prefixesSet(map: number, count: number): number;
  prefixesDelete(map: number, a: number, b: number, c: number, d: number, length: number): number;
  prefixesGet(map: number, a: number, b: number, c: number, d: number, length: number): number;
  prefixesFind(map: number, a: number, b: number, c: number, d: number): number;
  prefixesShorter(map: number, a: number, b: number, c: number, d: number, length: number): number;
  prefixesFindStaged(map: number, count: number): number;
  prefixesSize(map: number): number;
  prefixesBytes(map: number): number;

  flowsNew(family: number, count: number): number;
  flowsSetStaged(map: number, family: number, count: number): number;
  flowsFindStaged(map: number, family: number, count: number): void;
  flowsDeleteStaged(map: number, family: number, count: number): void;
  flowsClear(map: number): void;
  flowsSize(map: number): number;
  flowsBytes(map: number, family: number): number;
}

/** 16 KB, half of the fastest cache of common processors. */
const STAGED_WORDS = 4096;
/** Words of the longest key. */
const KEY_WORDS = 11;

export class MapMemory {
  readonly exports: MapExports;
  /** Keys that there is room for on the stage. */
  readonly #room: number;
  #keys: Uint32Array;
  #answers: Uint32Array;

  private constructor(exports: MapExports) {
    this.exports = exports;
    this.#room = exports.STAGE_KEYS.value;
    this.#keys = new Uint32Array();
    this.#answers = new Uint32Array();
  }

  static async open(source: WasmSource | undefined): Promise<MapMemory> {
    const abort = (): never => {
      throw new EngineError('BROKEN', 'a check inside the engine failed');
    };
    const instance = await WebAssembly.instantiate(await compileEngine(source), { env: { abort } });
    const exports = instance.exports as unknown as MapExports;
    exports.stageOpen();
    return new MapMemory(exports);
  }

  /** How many keys of so many words go through the stage at once: few enough to stay in the fastest cache. */
  batch(words: number): number {
    return Math.min(this.#room, Math.floor(STAGED_WORDS / words));
  }

  /** Where the next batch's keys go. Growth of the memory makes older views void. */
  keys(): Uint32Array {
    this.#renew();
    return this.#keys;
  }

  /** The answers of the last batch, one number each. */
  answers(): Uint32Array {
    this.#renew();
    return this.#answers;
  }

  /** Hands on what the engine returned; 0 means that the memory is used up. */
  readonly check = (result: number): number => {
    if (result === 0) throw new EngineError('OUT_OF_MEMORY', 'the memory of the map cannot grow any further');
    return result;
  };

  #renew(): void {
    const { buffer } = this.exports.memory;
    if (this.#keys.buffer === buffer) return;
    const { STAGE_IN, STAGE_OUT } = this.exports;
    this.#keys = new Uint32Array(buffer, STAGE_IN.value, this.#room * KEY_WORDS);
    this.#answers = new Uint32Array(buffer, STAGE_OUT.value, this.#room);
  }
}
