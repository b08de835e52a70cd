import { performance } from 'node:perf_hooks';
import { spreadOf } from './measure.ts';
import type { Row } from './row.ts';
import { TARGETS } from './targets.ts';

/** A long piece of work that is done in parts, each far below a millisecond. */
export interface Work {
  /** Operations in all. */
  operations: number;
  parts: number;
  /** Does one part. */
  run(part: number): void;
  /** Done before each round, and not counted. */
  before?(): void;
}

/**
 * Measures work in `rounds` rounds, after one for the compiler to see it. The figures are ns per operation. Fastest is the sum of the
 * fastest time of each part: other work on the machine disturbs some parts of every round, but rarely the same ones. Caches are no warmer
 * for it, since the whole work lies between two turns of a part.
 */
export function measureBatch(name: string, rounds: number, work: Work): Row {
  const { operations, parts, run, before } = work;
  const fastest = new Float64Array(parts).fill(Number.POSITIVE_INFINITY);
  const totals: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    before?.();
    let total = 0;
    for (let part = 0; part < parts; part++) {
      const started = performance.now();
      run(part);
      const time = performance.now() - started;
      total += time;
      if (round > 0) fastest[part] = Math.min(fastest[part] as number, time);
    }
    if (round > 0) totals.push((total * 1e6) / operations);
  }
  const sum = fastest.reduce((a, b) => a + b, 0);
  return rowIn(name, 'ns', (sum * 1e6) / operations, spreadOf(totals).median, rounds);
}

/** A row of repeated figures. */
export function rowOf(name: string, unit: Row['unit'], figures: readonly number[]): Row {
  const { min, median } = spreadOf(figures);
  return rowIn(name, unit, min, median, figures.length);
}

/** A row beside its target, if it has one. */
export function rowIn(name: string, unit: Row['unit'], min: number, median: number, runs: number): Row {
  const figure = TARGETS[name];
  const against = figure === undefined ? {} : { against: { figure, by: 'target' as const } };
  return { name, ...against, unit, min, median, runs };
}
