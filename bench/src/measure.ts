import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';

/** A whole process, timed from spawn to exit. */
export interface Run {
  ms: number;
  exitCode: number;
  /** High-water mark of resident memory in bytes; only where asked for. */
  maxRss?: number;
}

const REPORT_RSS =
  'data:text/javascript,process.on("exit",()=>process.stderr.write("\\nmax-rss "+process.resourceUsage().maxRSS*1024+"\\n"))';

/** Runs `node ARGS` once. With `memory`, a preloaded line reports the peak; such a run should not be timed. */
export async function runNode(node: string, args: readonly string[], memory: boolean): Promise<Run> {
  const started = performance.now();
  const child = spawn(node, memory ? ['--import', REPORT_RSS, ...args] : args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let tail = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-4096);
  });
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? -1));
  });
  const ms = performance.now() - started;
  const rss = /max-rss (\d+)\n/.exec(tail)?.[1];
  return rss === undefined ? { ms, exitCode } : { ms, exitCode, maxRss: Number(rss) };
}

export interface Spread {
  min: number;
  median: number;
  max: number;
}

/** Throws for an empty list. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (i: number): number => {
    const value = sorted[i];
    if (value === undefined) throw new Error('no measurements');
    return value;
  };
  return { min: at(0), median: at(Math.floor((sorted.length - 1) / 2)), max: at(sorted.length - 1) };
}
