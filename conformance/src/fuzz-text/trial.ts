/** One input for one reader: does it end in time, without an exception, and twice with the same result? */

import type { Random } from '@podwire/engine/reference';

/** A reader of texts, or something else that takes texts. */
export interface Target {
  name: string;
  /** Texts that it understands. */
  seeds: readonly string[];
  /** Reads it. Throws only where it is broken: refusals that are documented are taken inside. Returns what was read. */
  run(text: string): unknown;
  /** Makes inputs itself instead of damaging `seeds`. */
  generate?(r: Random): string;
}

export interface Failure {
  kind: 'exception' | 'slow' | 'different';
  what: string;
}

/** Seconds of processor time for a text of up to a million characters; longer ones may take longer in proportion. */
const SECONDS = 2;
const SIZE = 1_000_000;

const secondsFor = (text: string): number => SECONDS * Math.max(1, text.length / SIZE);

function plain(_key: string, value: unknown): unknown {
  if (value instanceof Map || value instanceof Set) return [...value];
  if (typeof value === 'bigint') return `${value}n`;
  return value;
}

/** Processor time, so that a busy machine is no finding. */
async function timed(target: Target, text: string): Promise<{ seconds: number; result: unknown }> {
  const before = process.cpuUsage();
  const result = await target.run(text);
  const { user, system } = process.cpuUsage(before);
  return { seconds: (user + system) / 1e6, result };
}

/** `twice`: compare two runs. `most`: seconds of processor time that it may take. */
export async function tryText(
  target: Target,
  text: string,
  twice: boolean,
  most = secondsFor(text),
): Promise<Failure | undefined> {
  try {
    const first = await timed(target, text);
    let { seconds } = first;
    // What was slow once may have waited for the collector of garbage.
    for (let i = 0; i < 2 && seconds > most; i++) seconds = Math.min(seconds, (await timed(target, text)).seconds);
    if (seconds > most) return { kind: 'slow', what: `${seconds.toFixed(1)} s for ${text.length} characters` };
    if (!twice) return undefined;
    const one = JSON.stringify(first.result, plain);
    const two = JSON.stringify(await target.run(text), plain);
    return one === two ? undefined : { kind: 'different', what: `two results: ${firstDifference(one, two)}` };
  } catch (error) {
    const what = error instanceof Error ? `${error.name}: ${error.message}${at(error)}` : String(error);
    return { kind: 'exception', what: what.slice(0, 600) };
  }
}

/** Where the exception came from. */
function at(error: Error): string {
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? [];
  const short = frames
    .slice(0, 3)
    .map((line) => line.trim().replace(/\(?(?:file:\/\/)?\/\S*\/([^/]+\/[^/)]+)\)?$/, '$1'));
  return short.length > 0 ? ` ${short.join(' ')}` : '';
}

function firstDifference(one: string, two: string): string {
  let i = 0;
  while (i < one.length && one[i] === two[i]) i++;
  const part = (text: string) => text.slice(Math.max(0, i - 60), i + 60);
  return `${part(one)} | ${part(two)}`;
}
