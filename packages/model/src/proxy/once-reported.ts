import type { Problem } from '../problem.ts';

/** Problems are told once, however many nodes have them. */
export class OnceReported {
  readonly #told = new Set<string>();
  #waiting: Problem[] = [];

  readonly report = (problem: Problem): void => {
    const text = `${problem.code} ${problem.message}`;
    if (this.#told.has(text)) return;
    this.#told.add(text);
    this.#waiting.push(problem);
  };

  take(): Problem[] {
    const taken = this.#waiting;
    this.#waiting = [];
    return taken;
  }
}
