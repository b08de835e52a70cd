import { Bench } from 'tinybench';
import { rowIn } from './batches.ts';
import type { Row } from './row.ts';

/**
 * Measures one operation that is done over and over, by tinybench. For what finds in the caches what the run before left there; work on
 * large tables is measured by `measureBatch`. One run counts as `operations`; the figures are ns per operation.
 */
export async function measureRepeated(name: string, runs: number, operations: number, run: () => void): Promise<Row> {
  const bench = new Bench({ time: 0, iterations: runs, warmupTime: 0, warmupIterations: runs, throws: true });
  const [task] = await bench.add(name, run).run();
  if (task?.result.state !== 'completed') throw new Error(`${name}: ${task?.result.state ?? 'not run'}`);
  const { min, p50, samplesCount } = task.result.latency;
  return rowIn(name, 'ns', (min * 1e6) / operations, (p50 * 1e6) / operations, samplesCount);
}
