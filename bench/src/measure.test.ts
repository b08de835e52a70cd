import { describe, expect, test } from 'vitest';
import { runNode, spreadOf } from './measure.ts';

describe('spreadOf', () => {
  test.each([
    [[3], { min: 3, median: 3, max: 3 }],
    [[5, 1, 3], { min: 1, median: 3, max: 5 }],
    [[4, 1, 3, 2], { min: 1, median: 2, max: 4 }],
  ])('%j', (values, spread) => {
    expect(spreadOf(values)).toEqual(spread);
  });

  test('refuses an empty list', () => {
    expect(() => spreadOf([])).toThrow('no measurements');
  });
});

describe('runNode', () => {
  test('reports the exit code and, when asked, memory and processor time', async () => {
    const run = await runNode(
      process.execPath,
      ['-e', 'const b = Buffer.alloc(64e6, 1); process.exit(b[0] + 2)'],
      true,
    );
    expect(run.exitCode).toBe(3);
    expect(run.maxRss).toBeGreaterThan(64e6);
    expect(run.cpuMs).toBeGreaterThan(0);
  });
});
