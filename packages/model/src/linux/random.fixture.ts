/** Random values of what the tools print, for tests. */
import { type Family, formatAddress, type Words } from '@podwire/engine';

/** mulberry32: small, and the same everywhere. Tests print the seed; `PODWIRE_SEED` gives another. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  below(max: number): number {
    return Math.floor(this.next() * max);
  }

  is(share = 0.5): boolean {
    return this.next() < share;
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  word(): number {
    return this.below(0x100000000);
  }

  address(family: Family): string {
    const words: Words =
      family === 4 ? [0, 0, 0, this.word()] : [0x20010db8, this.is() ? 0 : this.word(), 0, this.word()];
    return formatAddress({ family, words });
  }

  mac(): string {
    const bytes = Array.from({ length: 5 }, () => this.below(256).toString(16).padStart(2, '0'));
    return ['02', ...bytes].join(':');
  }

  /** Names of interfaces, sets, programs. */
  name(): string {
    return (
      this.of(['eth0', 'br-lan', 'cali12ab', 'veth0.5', 'bond0', 'wg_1', 'x']) +
      (this.is() ? String(this.below(90)) : '')
    );
  }

  list<T>(max: number, make: () => T): T[] {
    return Array.from({ length: this.below(max + 1) }, make);
  }

  /** The field, or nothing. */
  maybe<K extends string, T>(key: K, make: () => T, share = 0.4): { [P in K]?: T } {
    return this.is(share) ? ({ [key]: make() } as { [P in K]?: T }) : {};
  }

  counters(): { packets: number; bytes: number } {
    return { packets: this.below(1e6), bytes: this.below(1e9) };
  }
}
