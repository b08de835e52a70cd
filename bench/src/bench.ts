/** `bench [--only NAME,...] [--quick] [--seed N] [-o table|json] [--list]`: measures subjects one after the other, one row a case. */
import { parseArgs } from 'node:util';
import { algebra } from './algebra.ts';
import { chains } from './chain.ts';
import { conntrack } from './conntrack.ts';
import { describeHost, loadNow } from './host.ts';
import { lpm } from './lpm.ts';
import { processes } from './processes.ts';
import { printHost, printJson, printTable, type Report } from './report.ts';
import type { Row, Subject } from './row.ts';
import { yardstick } from './yardstick.ts';

const SUBJECTS: readonly Subject[] = [yardstick, processes, lpm, conntrack, chains, algebra];

const USAGE = `bench [--only NAME,...] [--quick] [--seed N] [-o table|json] [--list]

  --only NAME,...  cases whose name begins with one of these words: "lpm", "lpm k8s4 tab", "process help"
  --quick          smaller inputs and few runs, to see that all of it works
  --seed N         for everything drawn at random (default 1)
  -o table|json    what to print (default table)
  --list           the subjects

`;

function readOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      output: { type: 'string', short: 'o', default: 'table' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const seed = Number(values.seed);
  if (!Number.isInteger(seed) || seed < 0) throw new Error(`--seed ${values.seed}: not a number`);
  if (values.output !== 'table' && values.output !== 'json') throw new Error(`-o ${values.output}: table or json`);
  return { ...values, seed, only: values.only?.split(',').map((name) => name.trim()) };
}

/** True if a name and what is asked for begin alike, word by word: the subject of a case is wanted, and the cases of a subject. */
function beginsAlike(name: string, wanted: string): boolean {
  const words = wanted.split(' ');
  return name.split(' ').every((word, i) => words[i] === undefined || words[i] === word);
}

/** Smaller inputs are not what the target was measured with. */
function withoutTarget({ against, ...row }: Row): Row {
  return against?.by === 'limit' ? { ...row, against } : row;
}

async function main(args: readonly string[]): Promise<number> {
  const { only, quick, seed, output, list, help } = readOptions(args);
  if (help) process.stdout.write(USAGE);
  if (list) for (const { name, what } of SUBJECTS) process.stdout.write(`${name.padEnd(10)} ${what}\n`);
  if (help || list) return 0;
  const wants = (name: string) => only === undefined || only.some((wanted) => beginsAlike(name, wanted));
  const before = loadNow();
  const rows: Row[] = [];
  for (const subject of SUBJECTS) {
    if (!wants(subject.name)) continue;
    process.stderr.write(`${subject.what}\n`);
    for await (const row of subject.run({ quick, seed }, wants))
      if (wants(row.name)) rows.push(quick ? withoutTarget(row) : row);
  }
  if (rows.length === 0) throw new Error(`--only ${only}: no such case`);
  const report: Report = { host: describeHost(import.meta.dirname, before), seed, quick, rows };
  process.stdout.write(output === 'json' ? printJson(report) : `${printHost(report)}\n${printTable(rows)}`);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
