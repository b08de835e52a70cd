/** The differential test itself: it is deterministic, finds a machine that errs, and makes what it found small. */
import { expect, test } from 'vitest';
import type { Machine, Walk } from '../../src/index.ts';
import { createReference } from '../index.ts';
import { fuzz, makeNetwork } from './fuzz.ts';
import { replay } from './play.ts';

/** The reference with one fault: it forgets the source port of a rewritten source. */
function faulty(): Machine {
  const machine = createReference();
  const spoil = (walk: Walk): Walk => ({
    ...walk,
    steps: walk.steps.map((step) =>
      step.kind === 'nat' && step.manip === 'src' && !step.binding ? { ...step, to: { ...step.to, port: 0 } } : step,
    ),
  });
  return {
    load: (network) => machine.load(network),
    reset: () => machine.reset(),
    script: (answers) => machine.script(answers),
    choices: () => machine.choices(),
    nth: (mode) => machine.nth(mode),
    advance: (ms) => machine.advance(ms),
    send: (netns, packet, options) => spoil(machine.send(netns, packet, options)),
    answer: () => {
      const walk = machine.answer();
      return walk && spoil(walk);
    },
    conntrack: (netns) => machine.conntrack(netns),
    flush: (netns) => machine.flush(netns),
  };
}

test('one seed makes one network, plain data that survives JSON', () => {
  const first = makeNetwork(7, 3).plan.netnses;
  expect(JSON.parse(JSON.stringify(makeNetwork(7, 3).plan.netnses))).toEqual(first);
  expect(makeNetwork(8, 3).plan.netnses).not.toEqual(first);
});

test('a machine agrees with itself', () => {
  const result = fuzz(createReference(), createReference(), { seed: 20251121, rulesets: 20, packets: 1000 });
  expect(result.findings).toEqual([]);
  expect(result.walks).toBeGreaterThanOrEqual(1000);
});

test('a fault is found, shrunk to a few rules, and replays from the case alone', () => {
  const { findings } = fuzz(faulty(), createReference(), { seed: 5, rulesets: 200, packets: 20000 });
  const small = findings[0]?.small;
  expect(findings[0]?.mismatch.what).toMatch(/to\.port: 0 and \d+/);
  if (!small) throw new Error('no case');
  const rules = small.network.netnses.flatMap((n) => n.netfilter.flatMap((t) => t.chains.flatMap((c) => c.rules)));
  expect(rules.length).toBeLessThanOrEqual(3);
  expect(small.events.length).toBeLessThanOrEqual(2);
  expect(replay(faulty(), createReference(), JSON.parse(JSON.stringify(small)))).toBeDefined();
  expect(replay(createReference(), createReference(), small)).toBeUndefined();
});
