import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kernelMissing, Lab } from '../lab/lab.ts';
import { createMachine } from '../lab/machine.ts';
import { loadCases } from './cases.ts';
import { courseText, expectationOf } from './expect.ts';
import { DEFAULTS, judge } from './judge.ts';
import { worldOf } from './world.ts';

const folder = fileURLToPath(new URL('../../oracle-cases', import.meta.url));
const cases = existsSync(folder) ? loadCases(folder) : [];
const missing = kernelMissing();

describe.each(cases)('$name', ({ found }) => {
  test.each(['reference', 'wasm'] as const)('the %s machine knows what the kernel did', async (name) => {
    const { network, tracking } = await worldOf(found.scenario);
    const machine = await createMachine(name);
    machine.load(network);
    for (const [i, probe] of found.scenario.probes.entries()) {
      const expectation = expectationOf(machine, probe, tracking);
      const courses = [...expectation.courses.keys()];
      for (const course of found.courses[i] ?? []) {
        if (!expectation.truncated) expect(courses, JSON.stringify(probe)).toContain(courseText(course));
      }
    }
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
    const machine = await createMachine('wasm');
    const judgement = await judge({ machine, lab }, found.scenario, { ...DEFAULTS, spread: 0 });
    expect(judgement.mismatches).toEqual([]);
  });
});
