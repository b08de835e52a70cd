/** The run: many clusters, a few at a time, and what came of it. */
import { createReference } from '@podwire/engine/reference';
import type { OracleArguments } from './arguments.ts';
import { chooseProbes } from './choose-probes.ts';
import { generate } from './generate.ts';
import { DEFAULTS, type Judgement, judge, type Mismatch } from './judge.ts';
import { kernelMissing, Lab } from './lab.ts';
import { Random } from './random.ts';
import type { Scenario } from './scenario.ts';
import { worldOf } from './world.ts';

const say = (text: string) => process.stdout.write(`${text}\n`);

interface Totals {
  clusters: number;
  probes: number;
  attempts: number;
  second: number;
  failed: number;
}

function mismatchText({ probe, kind, expected, kernel }: Mismatch): string {
  const list = (name: string, courses: readonly unknown[]) =>
    courses.map((course) => `    ${name} ${JSON.stringify(course)}`);
  return [
    `  ${kind === 'other' ? 'the kernel does otherwise' : 'the kernel never does this'}: ${JSON.stringify(probe)}`,
    ...list('machine', expected.slice(0, 12)),
    ...list('kernel ', kernel.slice(0, 12)),
  ].join('\n');
}

export async function scenarioOf(seed: string, number: number, probes: number): Promise<Scenario> {
  const random = new Random(`${seed}/${number}`);
  const scenario = generate(random);
  const world = await worldOf(scenario);
  return { ...scenario, probes: chooseProbes(random, scenario, world, probes) };
}

async function worker(args: OracleArguments, numbers: Iterator<number>, totals: Totals): Promise<void> {
  const machine = createReference();
  const lab = new Lab();
  try {
    for (let next = numbers.next(); !next.done; next = numbers.next()) {
      const number = next.value;
      const scenario = await scenarioOf(args.seed, number, args.probes);
      const judgement: Judgement = await judge({ machine, lab }, scenario, DEFAULTS);
      totals.clusters++;
      totals.probes += judgement.probes;
      totals.attempts += judgement.attempts;
      totals.second += judgement.second;
      if (judgement.mismatches.length === 0) continue;
      totals.failed++;
      say(`cluster ${number} of seed ${args.seed}: ${judgement.mismatches.length} of ${judgement.probes} probes disagree`);
      for (const mismatch of judgement.mismatches) say(mismatchText(mismatch));
    }
  } finally {
    await lab.close();
  }
}

export async function runOracle(args: OracleArguments): Promise<number> {
  const missing = kernelMissing();
  if (missing !== undefined) {
    say(`skipped ${args.clusters}: ${missing}`);
    say('0 passed, 0 failed');
    return (process.env.PODWIRE_REQUIRE ?? '').split(',').includes('kernel') ? 2 : 0;
  }
  const numbers = args.only === undefined ? Array.from({ length: args.clusters }, (_, i) => i + 1) : [args.only];
  say(`${numbers.length} clusters, seed ${args.seed}, machine ${args.machine}`);
  const totals: Totals = { clusters: 0, probes: 0, attempts: 0, second: 0, failed: 0 };
  const queue = numbers.values();
  const started = performance.now();
  await Promise.all(Array.from({ length: Math.min(args.jobs, numbers.length) }, () => worker(args, queue, totals)));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  say(`${totals.probes} probes, ${totals.attempts} attempts, ${totals.second} agreed at the second try, ${seconds} s; clusters:`);
  say(`${totals.clusters - totals.failed} passed, ${totals.failed} failed`);
  return totals.failed === 0 ? 0 : 1;
}
