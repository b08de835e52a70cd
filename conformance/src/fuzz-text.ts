// Damaged texts for every reader, hostile calls for the engine: `pnpm fuzz-text [--seconds N] [--rounds N] [--seed S] [--only NAME,…] [--show ROUND]`.
// `--seconds`: processor time for all together. Prints the seed; of each finding the round and a case made small. Exits 1 where there is one.
import { Worker } from 'node:worker_threads';
import { busy, type Found, inputOf, type Message, type Task, targets } from './fuzz-text/worker.ts';

const USAGE = 'usage: fuzz-text [--seconds N] [--rounds N] [--seed S] [--only NAME,…] [--show ROUND]';
/** A round without an end after so many milliseconds of processor time hangs, or after ten times as many by the clock. */
const HANGS = 30_000;
const LOOK = 500;

function usage(problem: string): never {
  process.stderr.write(`fuzz-text: ${problem}\n${USAGE}\nnames: ${targets.map(({ name }) => name).join(' ')}\n`);
  process.exit(2);
}

const numbers: Record<string, number> = { seconds: 60, rounds: 2 ** 30, seed: Date.now() % 1_000_000_000, show: -1 };
let chosen = targets;
for (let words = process.argv.slice(2); words.length > 0; words = words.slice(2)) {
  const [option = '', value = ''] = words;
  const name = option.replace(/^--/, '');
  if (name === 'only') {
    const names = value.split(',');
    const strange = names.find((one) => !targets.some((target) => target.name === one));
    if (strange !== undefined) usage(`no reader ${strange}`);
    chosen = targets.filter((target) => names.includes(target.name));
  } else {
    if (!Object.hasOwn(numbers, name)) usage(`no option ${option}`);
    if (!/^\d+$/.test(value)) usage(`--${name} wants a number`);
    numbers[name] = Number(value);
  }
}
const { seconds = 0, rounds = 0, seed = 0, show = -1 } = numbers;

interface Outcome {
  rounds: number;
  findings: Found[];
}

/** A finding that ended the thread: nothing is made small. */
function fatal(task: Task, kind: Found['kind'], what: string): Found {
  const round = Atomics.load(task.shared, 0);
  const target = targets.find(({ name }) => name === task.target);
  const { text, by } = target ? inputOf(target, seed, round) : { text: '', by: [] };
  return { kind, what, target: task.target, round, by, size: text.length, text };
}

/** Runs until the worker is done, dies or hangs. */
function once(task: Task): Promise<Outcome & { died: boolean }> {
  return new Promise((resolve) => {
    const findings: Found[] = [];
    const limits = { maxOldGenerationSizeMb: 1500 };
    const worker = new Worker(new URL('fuzz-text-worker.js', import.meta.url), {
      workerData: task,
      resourceLimits: limits,
    });
    let at = -1;
    let [since, busySince] = [performance.now(), busy()];
    const finish = (outcome: Outcome & { died: boolean }) => {
      clearInterval(watch);
      resolve(outcome);
    };
    const die = (kind: Found['kind'], what: string) => {
      const found = fatal(task, kind, what);
      finish({ rounds: found.round - task.from + 1, findings: [...findings, found], died: true });
    };
    const watch = setInterval(() => {
      const now = Atomics.load(task.shared, 0) * 2 + Atomics.load(task.shared, 1);
      if (now !== at) [since, busySince] = [performance.now(), busy()];
      at = now;
      if (busy() - busySince < HANGS && performance.now() - since < 10 * HANGS) return;
      clearInterval(watch);
      void worker.terminate().then(() => die('slow', `no end after ${HANGS / 1000} s`));
    }, LOOK);
    worker.on('message', (message: Message) => {
      if ('found' in message) {
        findings.push(message.found);
        return;
      }
      const { rounds: done, growth } = message.done;
      finish({
        rounds: done,
        findings: growth === undefined ? findings : [...findings, fatal(task, 'slow', growth)],
        died: false,
      });
    });
    worker.on('error', (error) => die('exception', `the thread died: ${error.message}`));
  });
}

async function fuzzTarget(target: string): Promise<Outcome> {
  const until = busy() + (seconds * 1000) / chosen.length;
  const all: Outcome = { rounds: 0, findings: [] };
  for (let from = 0; from < rounds; ) {
    const ms = Math.max(0, until - busy());
    const shared = new Int32Array(new SharedArrayBuffer(8));
    const done = await once({ target, seed, from, rounds, ms, shared });
    all.rounds += done.rounds;
    all.findings.push(...done.findings);
    from += done.rounds;
    if (!done.died || busy() > until) break;
  }
  return all;
}

function print({ target, round, by, size, kind, what, text }: Found): void {
  const short = text.length > 2000 ? `${text.slice(0, 1000)}…${text.slice(-200)}` : text;
  process.stdout.write(`${target}, round ${round} (${by.join(', ')}; ${size} characters): ${kind}: ${what}\n`);
  process.stdout.write(`  again: --seed ${seed} --only ${target} --show ${round}\n  ${JSON.stringify(short)}\n`);
}

if (show >= 0) {
  for (const target of chosen) process.stdout.write(inputOf(target, seed, show).text);
} else {
  process.stdout.write(`seed ${seed}\n`);
  let passed = 0;
  for (const { name } of chosen) {
    const { rounds: done, findings } = await fuzzTarget(name);
    for (const found of findings) print(found);
    process.stdout.write(`${name}: ${done} inputs, ${findings.length} findings\n`);
    if (findings.length === 0) passed++;
  }
  process.stdout.write(`${passed} passed, ${chosen.length - passed} failed\n`);
  process.exitCode = passed === chosen.length ? 0 : 1;
}
