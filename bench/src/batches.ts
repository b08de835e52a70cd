import { performance } from 'node:perf_hooks';
import { spreadOf } from './measure.ts';
import type { Row } from './row.ts';
import { TARGETS } from './targets.ts';

/**
 * Measures `run`, which does `operations` operations: once for the compiler to see it, then `runs` times. The figures are ns per
 * operation.
 */
export function measureBatch(name: string, operations: number, runs: number, run: () => void): Row {
  run();
  const figures = Array.from({ length: runs }, () => {
    const started = performance.now();
    run();
    return ((performance.now() - started) * 1e6) / operations;
  });
  return rowOf(name, 'ns', figures);
}

/** A row of repeated figures, with the target of its name. */
export function rowOf(name: string, unit: Row['unit'], figures: readonly number[]): Row {
  const { min, median } = spreadOf(figures);
  const figure = TARGETS[name];
  const row: Row = { name, unit, min, median, runs: figures.length };
  return figure === undefined ? row : { ...row, against: { figure, by: 'target' } };
}
