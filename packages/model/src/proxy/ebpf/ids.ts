/** Numbers for addresses, the next free one each time. (pkg/loadbalancer/reconciler/id_allocator.go) */
import type { LbAddress } from './address.ts';

export class Ids {
  readonly #addresses = new Map<number, LbAddress>();
  readonly #ids = new Map<string, number>();
  #next = 1;
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#addresses.size;
  }

  addressOf(id: number): LbAddress | undefined {
    return this.#addresses.get(id);
  }

  find(address: LbAddress): number | undefined {
    return this.#ids.get(address.text);
  }

  /** Takes a number that is known from before. */
  add(address: LbAddress, id: number): number {
    this.#addresses.set(id, address);
    this.#ids.set(address.text, id);
    return id;
  }

  /** Undefined: all numbers are taken. */
  acquire(address: LbAddress): number | undefined {
    const known = this.find(address);
    if (known !== undefined) return known;
    for (let tried = 0; tried < this.#most; tried++) {
      if (this.#next >= this.#most) this.#next = 1;
      const id = this.#next++;
      if (!this.#addresses.has(id)) return this.add(address, id);
    }
    return undefined;
  }

  release(id: number): void {
    const address = this.#addresses.get(id);
    if (!address) return;
    this.#addresses.delete(id);
    this.#ids.delete(address.text);
  }
}
