import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { useLab } from '../lab/lab.fixture.ts';
import { createMachine } from '../lab/machine.ts';
import { loadCases } from './cases.ts';
import { courseText, expectationOf } from './expect.ts';
import { DEFAULTS, judge } from './judge.ts';
import { worldOf } from './world.ts';

const folder = fileURLToPath(new URL('../../oracle-cases', import.meta.url));
const cases = existsSync(folder) ? loadCases(folder) : [];

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
  const labOf = useLab();

  test.for(cases)('$name', async ({ found }, context) => {
    const lab = labOf(context);
    const machine = await createMachine('wasm');
    const judgement = await judge({ machine, lab }, found.scenario, { ...DEFAULTS, spread: 0 });
    expect(judgement.mismatches).toEqual([]);
  });
});
