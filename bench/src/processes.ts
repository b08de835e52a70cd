/** Whole runs of the command, from start to exit, on the Node that called us and on the one that came with the packages. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rowOf } from './batches.ts';
import { generateText, SIZES } from './generate.ts';
import { type Run, runNode } from './measure.ts';
import type { Row, Settings, Subject } from './row.ts';

interface ProcessCase {
  name: string;
  /** Arguments of node, after the input was written. */
  args(folder: string): string[];
  /** Writes the input. */
  prepare?(folder: string): void;
  /** At most so many milliseconds, and megabytes at the peak. */
  limit?: { ms: number; mb?: number };
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const podwire = join(root, 'apps/cli/bin/podwire.js');

function traceCase(name: string, limit: { ms: number; mb?: number }): ProcessCase {
  const size = SIZES[name];
  if (!size) throw new Error(`no size ${name}`);
  return {
    name: `trace-${name}`,
    prepare: (folder) => writeFileSync(join(folder, `${name}.json`), generateText(size)),
    args: (folder) => [podwire, 'trace', 'team-1/app-1-bench-0', 'app-0.team-0:80', '-f', join(folder, `${name}.json`)],
    limit,
  };
}

const CASES: readonly ProcessCase[] = [
  { name: 'bare-node', args: () => ['-e', '0'] },
  { name: 'help', args: () => [podwire, '--help'], limit: { ms: 100 } },
  traceCase('1k', { ms: 500 }),
  traceCase('10k', { ms: 2000 }),
  traceCase('30k', { ms: 6000, mb: 1500 }),
];

interface Program {
  name: string;
  path: string;
}

/** The caller's Node first. */
function nodes(): Program[] {
  const packaged = join(root, `node_modules/node-${process.platform}-${process.arch}/bin/node`);
  const paths = [process.env.PODWIRE_CALLER_NODE ?? process.execPath, packaged].filter((path) => existsSync(path));
  const found = new Map<string, Program>();
  for (const path of paths) {
    const version = execFileSync(path, ['--version'], { encoding: 'utf8' }).trim();
    const name = `node${version.slice(1).split('.')[0]}`;
    if (!found.has(name)) found.set(name, { name, path });
  }
  return [...found.values()];
}

function noteOf(runs: readonly Run[]): Pick<Row, 'note'> {
  const failed = runs.find((run) => run.exitCode !== 0);
  return failed ? { note: `FAILED with exit code ${failed.exitCode}` } : {};
}

async function* measure(one: ProcessCase, programs: readonly Program[], folder: string, quick: boolean) {
  one.prepare?.(folder);
  const args = one.args(folder);
  const runs = new Map<Program, Run[]>(programs.map((program) => [program, []]));
  // Alternately, so that what else the machine does falls on all alike. The first round only warms the file cache.
  for (let round = quick ? 1 : 0; round <= (quick ? 1 : 7); round++) {
    for (const program of programs) {
      const run = await runNode(program.path, args, false);
      if (round > 0) runs.get(program)?.push(run);
    }
  }
  for (const [program, done] of runs) {
    const name = `process ${one.name} ${program.name}`;
    const times: Row = {
      ...rowOf(
        name,
        'ms',
        done.map((run) => run.ms),
      ),
      ...noteOf(done),
    };
    yield one.limit ? { ...times, against: { figure: one.limit.ms, by: 'limit' as const } } : times;
    const { maxRss = Number.NaN, cpuMs = Number.NaN } = await runNode(program.path, args, true);
    const note = `highest resident memory; ${cpuMs} ms on the processor`;
    const memory: Row = { ...rowOf(`${name} memory`, 'MB', [maxRss / 1e6]), note };
    const mb = one.limit?.mb;
    yield mb === undefined ? memory : { ...memory, against: { figure: mb, by: 'limit' as const } };
  }
}

export const processes: Subject = {
  name: 'process',
  what: 'whole runs of the command: ms from start to exit, and memory in a run of its own',
  async *run({ quick }: Settings, wants) {
    execFileSync(process.execPath, [join(root, 'apps/cli/build.mjs')], { stdio: ['ignore', 2, 2] });
    const folder = mkdtempSync(join(tmpdir(), 'podwire-bench-'));
    try {
      const programs = nodes();
      const wanted = CASES.filter((one) => wants(`process ${one.name}`) && !(quick && one.name === 'trace-30k'));
      for (const one of wanted) yield* measure(one, programs, folder, quick);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
