// The runner of suites: find them, run each in a worker thread, count, print.
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { kindNamed } from './kinds/index.ts';
import { type Arguments, readArguments, USAGE } from './runner/arguments.ts';
import { fail } from './runner/contract.ts';
import { findSuites } from './runner/find.ts';
import { type Ledger, readLedger } from './runner/ledger.ts';
import { printTable, summaryLine } from './runner/print.ts';
import { countCases, Suite, type SuitePlace } from './runner/suite.ts';
import { supervise, type WorkerLike } from './runner/supervise.ts';
import { type SuiteTally, type Tally, tallyAll, tallySuite, tallyUnsupported } from './runner/tally.ts';
import { type Task, work } from './runner/work.ts';

/** Enough for the largest recorded cluster; a case that needs more fails and the run goes on. */
const WORKER_MEMORY_MB = 4096;

function startWorker(task: Task): WorkerLike {
  const resourceLimits = { maxOldGenerationSizeMb: WORKER_MEMORY_MB };
  return new Worker(fileURLToPath(import.meta.url), { workerData: task, resourceLimits });
}

async function runSuite(place: SuitePlace, ledger: Ledger, filter: string | undefined): Promise<SuiteTally> {
  const { broken } = place;
  if (broken !== undefined) return tallySuite(place, [{ id: '(suite)', outcome: fail(broken) }], ledger);
  if (kindNamed(place.kind) === undefined) return tallyUnsupported(place, countCases(new Suite(place)));
  return tallySuite(place, await supervise(place, filter, startWorker), ledger);
}

async function runSuites({ folders, suites, filter }: Arguments): Promise<Tally> {
  const ledger = readLedger(fileURLToPath(new URL('../ledger.json', import.meta.url)));
  const found = findSuites(folders);
  const unknown = suites.filter((name) => !found.some((place) => place.name === name));
  if (unknown.length > 0) throw new Error(`no suite is called ${unknown.join(' or ')}`);
  const chosen = suites.length === 0 ? found : found.filter((place) => suites.includes(place.name));
  if (chosen.length === 0) throw new Error('no folder with a suite.json or a set.json there');
  const tallies: SuiteTally[] = [];
  for (const place of chosen) tallies.push(await runSuite(place, ledger, filter));
  return tallyAll(tallies);
}

async function main(): Promise<void> {
  try {
    const args = readArguments(process.argv.slice(2));
    const tally = await runSuites(args);
    if (args.output === 'json') {
      process.stdout.write(`${JSON.stringify(tally, undefined, 2)}\n`);
      process.stderr.write(`${summaryLine(tally)}\n`);
    } else {
      process.stdout.write(printTable(tally));
    }
    process.exitCode = tally.failed > 0 ? 1 : 0;
  } catch (error) {
    process.stderr.write(`conformance: ${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    process.exitCode = 2;
  }
}

async function mainOfWorker(task: Task): Promise<void> {
  const kind = kindNamed(task.place.kind);
  if (kind === undefined) throw new Error(`no kind ${task.place.kind}`);
  await work(kind, task, (report) => parentPort?.postMessage(report));
}

if (isMainThread) await main();
else await mainOfWorker(workerData as Task);
