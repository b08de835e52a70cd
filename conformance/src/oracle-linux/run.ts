/** The run: many configurations, a few at a time, and what came of it. */
import { join } from 'node:path';
import type { Machine } from '@podwire/engine';
import { type Lab, LabError } from '../lab/lab.ts';
import { createMachine } from '../lab/machine.ts';
import { Random } from '../lab/random.ts';
import { inLabs, withoutKernel } from '../lab/run.ts';
import type { OracleArguments } from '../oracle/arguments.ts';
import { saveCase } from './cases.ts';
import { generate } from './generate.ts';
import { type Judgement, judge, type Mismatch } from './judge.ts';
import type { Scenario } from './scenario.ts';
import { shrink } from './shrink.ts';

/** Where this oracle's cases stand among all. */
const FOLDER = 'linux';

const say = (text: string) => process.stdout.write(`${text}\n`);

/** How many disagreements of a run are made small: each takes many more builds. */
const MOST_SHRUNK = 3;

interface Totals {
  done: number;
  events: number;
  second: number;
  failed: number;
  refused: number;
  shrunk: number;
}

function mismatchText({ events }: Scenario, { event, machine, kernel }: Mismatch): string {
  const { netns, link, packet } = events[event] as Scenario['events'][number];
  const side = (name: string, seen: Mismatch['machine']) =>
    Object.entries(seen).flatMap(([what, list]) => (list as string[]).map((text) => `    ${name} ${what}: ${text}`));
  return [
    `  event ${event}: ${netns}${link === undefined ? '' : ` ${link}`} ${JSON.stringify(packet)}`,
    ...side('machine', machine),
    ...side('kernel ', kernel),
  ].join('\n');
}

/** Which lists of which side differ: a smaller scenario that differs elsewhere is another finding. */
const sidesOf = ({ machine, kernel }: Mismatch): string =>
  JSON.stringify(
    [machine, kernel].map((side) => Object.entries(side).map(([, list]) => (list as string[]).length > 0)),
  );

class Worker {
  readonly #args: OracleArguments;
  readonly #totals: Totals;
  readonly #sides: { machine: Machine; lab: Lab };

  constructor(args: OracleArguments, totals: Totals, machine: Machine, lab: Lab) {
    this.#args = args;
    this.#totals = totals;
    this.#sides = { machine, lab };
  }

  async #judge(scenario: Scenario): Promise<Judgement> {
    const judgement = await judge(this.#sides, scenario);
    if (judgement.first) this.#totals.second++;
    return judgement;
  }

  async configuration(number: number): Promise<void> {
    const { seed, probes, record } = this.#args;
    const totals = this.#totals;
    const scenario = generate(new Random(`${seed}/${number}`), probes, this.#args.rules);
    let judgement: Judgement;
    try {
      judgement = await this.#judge(scenario);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      totals.done++;
      totals.refused++;
      say(`configuration ${number} of seed ${seed} was refused: ${error.message}`);
      return;
    }
    totals.done++;
    totals.events += judgement.events;
    if (record !== undefined) {
      const from = `seed ${seed}, configuration ${number}`;
      saveCase(join(record, FOLDER), `recorded-${seed}-${number}`, { from, scenario, kernel: judgement.kernel });
    }
    if (judgement.first) {
      say(`configuration ${number} of seed ${seed} (${scenario.backend}) disagreed at first`);
      say(mismatchText(scenario, judgement.first));
    }
    if (!judgement.mismatch) return;
    totals.failed++;
    say(`configuration ${number} of seed ${seed} (${scenario.backend}) disagrees`);
    say(mismatchText(scenario, judgement.mismatch));
    if (totals.shrunk++ < MOST_SHRUNK) await this.#keep(number, scenario, judgement.mismatch);
  }

  async #keep(number: number, scenario: Scenario, found: Mismatch): Promise<void> {
    const { seed, cases } = this.#args;
    const small = await shrink(scenario, async (candidate) => {
      try {
        const { mismatch } = await this.#judge(candidate);
        return mismatch !== undefined && sidesOf(mismatch) === sidesOf(found);
      } catch (error) {
        // What cannot be built or asked any more is too small.
        if (error instanceof LabError || error instanceof Error) return false;
        throw error;
      }
    });
    const { mismatch, kernel } = await this.#judge(small);
    say(`  made smaller: ${JSON.stringify(small)}`);
    if (mismatch) say(mismatchText(small, mismatch));
    const path = saveCase(join(cases, FOLDER), `${seed}-${number}`, {
      from: `seed ${seed}, configuration ${number}`,
      scenario: small,
      kernel,
    });
    say(`  kept as ${path}; again: --kind linux --seed ${seed} --only ${number}`);
  }
}

export async function runLinuxOracle(args: OracleArguments): Promise<number> {
  const skipped = withoutKernel(`${args.clusters} configurations`);
  if (skipped !== undefined) return skipped;
  const { numbers } = args;
  say(`${numbers.length} Linux configurations, seed ${args.seed}, machine ${args.machine}`);
  const totals: Totals = { done: 0, events: 0, second: 0, failed: 0, refused: 0, shrunk: 0 };
  const started = performance.now();
  await inLabs(args.jobs, numbers, async (lab) => {
    const worker = new Worker(args, totals, await createMachine(args.machine), lab);
    return (number) => worker.configuration(number);
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  say(
    `${totals.events} packets, ${totals.second} configurations agreed only the second time, ${totals.refused} refused, ${seconds} s; configurations:`,
  );
  const failed = totals.failed + totals.refused;
  say(`${totals.done - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}
