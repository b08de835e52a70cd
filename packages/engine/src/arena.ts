/** Fills the engine's memory from a start address on: records one behind the other, never freed. */
import type { Words } from './address.ts';
import { EngineError } from './errors.ts';
import type { Views } from './views.ts';

const PAGE = 65536;

export class Arena {
  readonly views: Views;
  /** Live views: taken anew after every growth, so write through these alone. */
  u8: Uint8Array<ArrayBuffer>;
  u16: Uint16Array<ArrayBuffer>;
  u32: Uint32Array<ArrayBuffer>;
  #cursor: number;
  #limit: number;

  /** `used`: end of what an earlier load left; it is cleared. */
  constructor(views: Views, start: number, used: number) {
    this.views = views;
    if (used > start) views.u8.fill(0, start, used);
    this.#cursor = start;
    this.#limit = views.memory.buffer.byteLength;
    this.u8 = views.u8;
    this.u16 = views.u16;
    this.u32 = views.u32;
  }

  /** First free byte. */
  get end(): number {
    return this.#cursor;
  }

  /** Zeroed bytes, aligned to 8. Requests in a row stand in a row where their sizes are multiples of 8. */
  alloc(bytes: number): number {
    const at = this.#cursor;
    const end = at + ((bytes + 7) & ~7);
    if (end > this.#limit) this.#grow(end);
    this.#cursor = end;
    return at;
  }

  #grow(end: number): void {
    const { memory } = this.views;
    const wanted = Math.ceil((end - this.#limit) / PAGE);
    try {
      // By half: each growth makes the host look through its whole heap.
      memory.grow(Math.max(wanted, Math.ceil(this.#limit / PAGE / 2)));
    } catch {
      try {
        memory.grow(wanted);
      } catch {
        throw new EngineError('OUT_OF_MEMORY', `the network needs more than ${end} bytes in the engine`);
      }
    }
    this.#limit = memory.buffer.byteLength;
    this.u8 = this.views.u8;
    this.u16 = this.views.u16;
    this.u32 = this.views.u32;
  }

  /** 128 bits as two little-endian 64-bit words, the high one first. */
  putWords(at: number, words: Readonly<Words>): void {
    const { u32 } = this;
    const i = at >>> 2;
    u32[i] = words[1];
    u32[i + 1] = words[0];
    u32[i + 2] = words[3];
    u32[i + 3] = words[2];
  }

  put4(at: number, value: number): void {
    this.u32[(at >>> 2) + 2] = value;
  }
}

/** Reads what `putWords` writes. */
export function getWords(u32: Uint32Array, at: number): Words {
  const i = at >>> 2;
  return [u32[i + 1] as number, u32[i] as number, u32[i + 3] as number, u32[i + 2] as number];
}
