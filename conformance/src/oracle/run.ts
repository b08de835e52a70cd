/** The run: many clusters, a few at a time, and what came of it. */
import type { Machine } from '@podwire/engine';
import { type Lab, LabError } from '../lab/lab.ts';
import { createMachine } from '../lab/machine.ts';
import { inLabs, withoutKernel } from '../lab/run.ts';
import type { OracleArguments } from './arguments.ts';
import { saveCase } from './cases.ts';
import type { Course } from './expect.ts';
import { FEATURE_NAMES, featuresOf } from './features.ts';
import { DEFAULTS, type Judgement, judge, type Mismatch } from './judge.ts';
import { scenarioOf } from './make-scenario.ts';
import type { Scenario } from './scenario.ts';
import { shrink } from './shrink.ts';
import type { World } from './world.ts';

const say = (text: string) => process.stdout.write(`${text}\n`);

/** How many mismatches of a run are made small: each takes many more builds. */
const MOST_SHRUNK = 3;
const MOST_SHOWN = 8;

interface Totals {
  clusters: number;
  probes: number;
  attempts: number;
  second: number;
  failed: number;
  shrunk: number;
  /** Clusters and modes with each feature. */
  features: Map<string, number>;
}

function mismatchText({ probe, kind, expected, kernel }: Mismatch): string {
  const list = (name: string, courses: readonly Course[]) =>
    courses.slice(0, MOST_SHOWN).map((course) => `    ${name} ${JSON.stringify(course)}`);
  return [
    `  ${kind === 'other' ? 'the kernel does otherwise' : 'the kernel never does this'}: ${JSON.stringify(probe)}`,
    ...list('machine', expected),
    ...list('kernel ', kernel),
  ].join('\n');
}

class Worker {
  readonly #args: OracleArguments;
  readonly #totals: Totals;
  readonly #machine: Machine;
  readonly #lab: Lab;

  constructor(args: OracleArguments, totals: Totals, machine: Machine, lab: Lab) {
    this.#args = args;
    this.#totals = totals;
    this.#machine = machine;
    this.#lab = lab;
  }

  #judge(scenario: Scenario, world?: World): Promise<Judgement> {
    return judge({ machine: this.#machine, lab: this.#lab }, scenario, DEFAULTS, world);
  }

  async cluster(number: number): Promise<void> {
    const { modes } = this.#args;
    const totals = this.#totals;
    totals.clusters++;
    let failed = false;
    for (const mode of modes) if (!(await this.#agrees(number, mode))) failed = true;
    if (failed) totals.failed++;
  }

  async #agrees(number: number, mode: OracleArguments['modes'][number]): Promise<boolean> {
    const { seed, record, modes } = this.#args;
    const { scenario, world } = await scenarioOf(this.#args, this.#machine, number, mode);
    const judgement = await this.#judge(scenario, world);
    const totals = this.#totals;
    for (const name of featuresOf(scenario, world)) totals.features.set(name, (totals.features.get(name) ?? 0) + 1);
    totals.probes += judgement.probes;
    totals.attempts += judgement.attempts;
    totals.second += judgement.second;
    if (record !== undefined) {
      const from = `seed ${seed}, cluster ${number}`;
      const name = `recorded-${seed}-${number}${modes.length > 1 ? `-${mode}` : ''}`;
      saveCase(record, name, { from, scenario, courses: judgement.courses });
    }
    const [first] = judgement.mismatches;
    if (!first) return true;
    say(
      `cluster ${number} of seed ${seed}, ${mode}: ${judgement.mismatches.length} of ${judgement.probes} probes disagree`,
    );
    for (const mismatch of judgement.mismatches) say(mismatchText(mismatch));
    if (totals.shrunk++ < MOST_SHRUNK) await this.#keep(number, mode, scenario, first);
    return false;
  }

  /** Makes the first mismatch small, shows it and stores it. */
  async #keep(number: number, mode: string, scenario: Scenario, { probe, kind }: Mismatch): Promise<void> {
    const { seed, cases } = this.#args;
    const small = await shrink({ ...scenario, probes: [probe] }, async (candidate) => {
      try {
        const { mismatches } = await this.#judge(candidate);
        return mismatches.some((mismatch) => mismatch.kind === kind);
      } catch (error) {
        // What cannot be built or asked any more is too small.
        if (error instanceof LabError || error instanceof RangeError || error instanceof Error) return false;
        throw error;
      }
    });
    const { mismatches, courses } = await this.#judge(small);
    say(`  made smaller: ${JSON.stringify({ ...small, objects: small.objects.length })}`);
    for (const mismatch of mismatches) say(mismatchText(mismatch));
    const path = saveCase(cases, `${seed}-${number}-${mode}`, {
      from: `seed ${seed}, cluster ${number}, ${mode}`,
      scenario: small,
      courses,
    });
    say(`  kept as ${path}; again: --kind ${this.#args.kind} --seed ${seed} --only ${number} --mode ${mode}`);
  }
}

/** How many clusters, each mode by itself, had each feature of Services. */
const featuresText = (features: ReadonlyMap<string, number>): string =>
  `drawn: ${FEATURE_NAMES.map((name) => `${name} ${features.get(name) ?? 0}`).join(', ')}`;

export async function runOracle(args: OracleArguments): Promise<number> {
  const skipped = withoutKernel(`${args.clusters} clusters`);
  if (skipped !== undefined) return skipped;
  const { numbers } = args;
  say(`${numbers.length} clusters, seed ${args.seed}, machine ${args.machine}`);
  const totals: Totals = { clusters: 0, probes: 0, attempts: 0, second: 0, failed: 0, shrunk: 0, features: new Map() };
  const started = performance.now();
  await inLabs(args.jobs, numbers, async (lab) => {
    const worker = new Worker(args, totals, await createMachine(args.machine), lab);
    return (number) => worker.cluster(number);
  });
  if (args.kind === 'service') say(featuresText(totals.features));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  say(
    `${totals.probes} probes, ${totals.attempts} attempts, ${totals.second} probes agreed only alone, ${seconds} s; clusters:`,
  );
  say(`${totals.clusters - totals.failed} passed, ${totals.failed} failed`);
  return totals.failed === 0 ? 0 : 1;
}
