/** One target, round after round, in a thread of its own, so that a hang can be ended from outside. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import { random } from '@podwire/engine/reference';
import { mutate } from './mutate.ts';
import { readers } from './readers.ts';
import { shrinkText } from './shrink.ts';
import { type Failure, type Target, tryText } from './trial.ts';
import { wasm } from './wasm.ts';

export const targets: readonly Target[] = [...readers, wasm];

export interface Task {
  target: string;
  seed: number;
  /** First round. */
  from: number;
  /** Rounds at most, and milliseconds of processor time at most. */
  rounds: number;
  ms: number;
  /** [round that it is at, 1 while it shrinks] for whoever watches. */
  shared: Int32Array;
}

export interface Found extends Failure {
  target: string;
  round: number;
  by: string[];
  size: number;
  /** Shrunk. */
  text: string;
}

export type Message = { found: Found } | { done: { rounds: number; growth?: string } };

/** Milliseconds of processor time so far, so that a busy machine tries as much as an idle one. */
export function busy(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The input of a round. */
export function inputOf(target: Target, seed: number, round: number): { text: string; by: string[] } {
  const r = random((Math.imul(seed, 0x9e3779b1) ^ Math.imul(round + 1, 0x85ebca6b)) >>> 0);
  if (target.generate) return { text: target.generate(r), by: [] };
  const others = targets.flatMap(({ seeds }) => seeds);
  return mutate(r.pick(target.seeds), r, others);
}

/** Bytes that are still held after garbage was collected. */
function held(gc: () => void): number {
  gc();
  return process.memoryUsage().heapUsed;
}

const SHRINK_MS = 8_000;
const TWICE_EVERY = 8;
const TWICE_LENGTH = 100_000;
/** Bytes that may stay behind in whatever is remembered for speed. */
const GROWTH = 24 * 2 ** 20;
/** Findings of one target after which it stops. */
const MOST = 5;

async function work(task: Task, tell: (message: Message) => void): Promise<void> {
  const target = targets.find(({ name }) => name === task.target);
  if (!target) throw new Error(`no target ${task.target}`);
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const kinds = new Set<string>();
  const started = busy();
  let settled: number | undefined;
  let round = task.from;
  for (; round < task.rounds && busy() - started < task.ms && kinds.size < MOST; round++) {
    Atomics.store(task.shared, 0, round);
    const { text, by } = inputOf(target, task.seed, round);
    const failure = await tryText(target, text, round % TWICE_EVERY === 0 && text.length < TWICE_LENGTH);
    if (failure && !kinds.has(signature(failure))) {
      kinds.add(signature(failure));
      Atomics.store(task.shared, 1, 1);
      const same = async (part: string) => {
        const again = await tryText(target, part, failure.kind === 'different');
        return again !== undefined && signature(again) === signature(failure);
      };
      const small = await shrinkText(text, same, SHRINK_MS);
      Atomics.store(task.shared, 1, 0);
      tell({ found: { ...failure, target: target.name, round, by, size: text.length, text: small } });
    }
    if (settled === undefined && (busy() - started > task.ms / 3 || round - task.from > task.rounds / 3))
      settled = held(gc);
  }
  const growth = settled === undefined ? 0 : held(gc) - settled;
  const grown = growth > GROWTH ? `${(growth / 2 ** 20).toFixed(0)} MiB more are held at the end` : undefined;
  tell({ done: { rounds: round - task.from, ...(grown !== undefined && { growth: grown }) } });
}

/** Failures that are the same fault: kind, and the message without what differs. */
function signature({ kind, what }: Failure): string {
  if (kind === 'slow') return kind;
  return `${kind} ${what
    .replace(/\[[\s\S]*\]/, '')
    .replace(/"[^"]*"|\d+/g, '')
    .slice(0, 120)}`;
}

if (parentPort) {
  const port = parentPort;
  await work(workerData as Task, (message) => port.postMessage(message));
}
