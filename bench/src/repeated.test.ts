import { expect, test } from 'vitest';
import { measureRepeated } from './repeated.ts';

test('a run counts as many operations', async () => {
  let calls = 0;
  const spin = () => {
    calls++;
    const end = performance.now() + 1;
    while (performance.now() < end);
  };
  const row = await measureRepeated('spin', 10, 1000, spin);
  expect(row).toMatchObject({ name: 'spin', unit: 'ns', runs: 10 });
  expect(calls).toBeGreaterThanOrEqual(20);
  // A millisecond for 1,000 operations; how long it takes beyond that is up to the machine.
  expect(row.min).toBeGreaterThanOrEqual(999);
  expect(row.min).toBeLessThan(100_000);
  expect(row.median).toBeGreaterThanOrEqual(row.min);
});

test('what fails is not measured', async () => {
  const fail = () => {
    throw new Error('no');
  };
  await expect(measureRepeated('fail', 10, 1, fail)).rejects.toThrow('no');
});
