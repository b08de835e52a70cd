import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { useLab } from '../lab/lab.fixture.ts';
import { createMachine } from '../lab/machine.ts';
import { loadCases } from './cases.ts';
import { compare, judge } from './judge.ts';

const folder = fileURLToPath(new URL('../../oracle-cases/linux', import.meta.url));
const cases = existsSync(folder) ? loadCases(folder) : [];

describe.each(cases)('$name', ({ found }) => {
  test.each(['reference', 'wasm'] as const)('the %s machine does what the kernel did', async (name) => {
    expect(compare(await createMachine(name), found.scenario, found.kernel)).toBeUndefined();
  });
});

describe('on this kernel', () => {
  const labOf = useLab();

  test.for(cases)('$name', async ({ found }, context) => {
    const lab = labOf(context);
    const { mismatch } = await judge({ machine: await createMachine('wasm'), lab }, found.scenario);
    expect(mismatch).toBeUndefined();
  });
});
