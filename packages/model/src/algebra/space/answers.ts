/** Answers to questions about up to four diagrams, each in the one place its question hashes to: losing one costs time, never truth. */
import type { Diagram } from './diagram.ts';

const PLACES = 1 << 17;
const WIDTH = 5;

export class Answers {
  readonly #table = new Int32Array(PLACES * WIDTH);

  #place(a: Diagram, b: Diagram, c: Diagram, d: Diagram): number {
    let h = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35) ^ Math.imul(d, 0x27d4eb2f);
    h ^= h >>> 15;
    h = Math.imul(h, 0x2c1b3c6d);
    return ((h ^ (h >>> 13)) & (PLACES - 1)) * WIDTH;
  }

  /** Undefined where it was never given, or is lost. */
  get(a: Diagram, b: Diagram, c = 0, d = 0): Diagram | undefined {
    const table = this.#table;
    const at = this.#place(a, b, c, d);
    if (table[at] !== a || table[at + 1] !== b || table[at + 2] !== c || table[at + 3] !== d) return undefined;
    const answer = table[at + 4] as number;
    // Empty places hold zeros.
    return answer === 0 ? undefined : answer - 1;
  }

  set(answer: Diagram, a: Diagram, b: Diagram, c = 0, d = 0): void {
    const at = this.#place(a, b, c, d);
    this.#table.set([a, b, c, d, answer + 1], at);
  }
}
