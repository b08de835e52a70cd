import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kernelMissing, Lab } from '../lab/lab.ts';
import { createMachine } from '../lab/machine.ts';
import { loadCases } from './cases.ts';
import { compare, judge } from './judge.ts';

const folder = fileURLToPath(new URL('../../oracle-cases/linux', import.meta.url));
const cases = existsSync(folder) ? loadCases(folder) : [];
const missing = kernelMissing();

describe.each(cases)('$name', ({ found }) => {
  test.each(['reference', 'wasm'] as const)('the %s machine does what the kernel did', async (name) => {
    expect(compare(await createMachine(name), found.scenario, found.kernel)).toBeUndefined();
  });
});

describe('on this kernel', () => {
  let lab: Lab | undefined;
  beforeAll(() => {
    lab = missing === undefined ? new Lab() : undefined;
  });
  afterAll(() => lab?.close());

  test.for(cases)('$name', async ({ found }, context) => {
    context.skip(missing !== undefined, missing);
    if (!lab) throw new Error('there is no lab');
    const { mismatch } = await judge({ machine: await createMachine('wasm'), lab }, found.scenario);
    expect(mismatch).toBeUndefined();
  });
});
