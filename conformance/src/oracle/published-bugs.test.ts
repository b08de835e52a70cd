/** Each symptom comes with its cause and goes with it: on the machine, and on this kernel, which must agree in every detail. */
import { converse } from '@podwire/engine';
import { expect, test } from 'vitest';
import { useLab } from '../lab/lab.fixture.ts';
import { createMachine } from '../lab/machine.ts';
import { expectationOf, packetOf } from './expect.ts';
import { DEFAULTS, judge } from './judge.ts';
import { type PublishedBug, publishedBugs } from './published-bugs.ts';
import type { Scenario } from './scenario.ts';
import { worldOf } from './world.ts';

const labOf = useLab();

/** What each attempt can come to. */
async function resultsOf(scenario: Scenario, probe: PublishedBug['probe']): Promise<string[]> {
  const machine = await createMachine('wasm');
  const { network, tracking } = await worldOf(scenario);
  machine.load(network);
  const { courses } = expectationOf(machine, probe, tracking);
  return [...new Set([...courses.values()].flatMap(({ course }) => course.map(({ result }) => result)))];
}

test.each(publishedBugs)('$name', async ({ probe, broken, mended, symptom }) => {
  expect(await resultsOf(broken, probe)).toEqual([symptom.result]);
  expect(await resultsOf(mended, probe)).toEqual(['reply']);
  const machine = await createMachine('wasm');
  machine.load((await worldOf(broken)).network);
  const { there, back } = converse(machine, probe.from, packetOf(probe, 20000));
  const { reason, netns } = (symptom.inAnswer ? back : there)?.end ?? {};
  expect({ reason, at: netns }).toEqual({ reason: symptom.reason, at: symptom.at });
});

test.for(publishedBugs)('on this kernel: $name', async ({ broken, mended }, context) => {
  const lab = labOf(context);
  const machine = await createMachine('wasm');
  for (const scenario of [broken, mended]) {
    const { mismatches } = await judge({ machine, lab }, scenario, { ...DEFAULTS, spread: 0 });
    expect(mismatches).toEqual([]);
  }
});
