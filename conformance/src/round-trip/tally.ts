/** Counts by what was done, and the first failures of each. */

interface Row {
  passed: number;
  failures: { file: string; why: string }[];
  named: number;
  skipped: Map<string, number>;
}

const SHOWN_MAX = 5;

export class Tally {
  readonly #rows = new Map<string, Row>();
  readonly #notes: string[] = [];

  #row(what: string): Row {
    const known = this.#rows.get(what);
    if (known) return known;
    const row: Row = { passed: 0, failures: [], named: 0, skipped: new Map() };
    this.#rows.set(what, row);
    return row;
  }

  /** `wrong`: absent where all is well. `named`: lines that were not understood. */
  count(what: string, file: string, wrong: string | undefined, named = 0): void {
    const row = this.#row(what);
    row.named += named;
    if (wrong === undefined) row.passed++;
    else row.failures.push({ file, why: wrong });
  }

  skip(what: string, why: string): void {
    const { skipped } = this.#row(what);
    skipped.set(why, (skipped.get(why) ?? 0) + 1);
  }

  note(text: string): void {
    this.#notes.push(text);
  }

  get failed(): number {
    return [...this.#rows.values()].reduce((sum, { failures }) => sum + failures.length, 0);
  }

  text(): string {
    const lines: string[] = [];
    for (const [what, { passed, failures, named, skipped }] of this.#rows) {
      lines.push(`${what}: ${passed} passed, ${failures.length} failed${named > 0 ? `, ${named} lines named` : ''}`);
      for (const { file, why } of failures.slice(0, SHOWN_MAX)) lines.push(`  FAIL ${file}: ${why}`);
      if (failures.length > SHOWN_MAX) lines.push(`  and ${failures.length - SHOWN_MAX} more`);
      for (const [why, count] of skipped) lines.push(`  skipped ${count}: ${why}`);
    }
    const passed = [...this.#rows.values()].reduce((sum, row) => sum + row.passed, 0);
    return [...lines, ...this.#notes, `${passed} passed, ${this.failed} failed`, ''].join('\n');
  }
}
