import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';

/** A whole process, timed from spawn to exit. */
export interface Run {
  ms: number;
  exitCode: number;
  /** High-water mark of resident memory in bytes, and time on the processor; only where asked for. */
  maxRss?: number;
  cpuMs?: number;
}

const REPORT =
  'data:text/javascript,process.on("exit",()=>{const u=process.resourceUsage();process.stderr.write(' +
  '"\\nused "+u.maxRSS*1024+" "+Math.round((u.userCPUTime+u.systemCPUTime)/1000)+"\\n")})';

/** Runs `node ARGS` once. With `usage`, a preloaded line reports memory and processor time; such a run should not be timed. */
export async function runNode(node: string, args: readonly string[], usage: boolean): Promise<Run> {
  const started = performance.now();
  const child = spawn(node, usage ? ['--import', REPORT, ...args] : args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let tail = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-4096);
  });
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? -1));
  });
  const ms = performance.now() - started;
  const used = /used (\d+) (\d+)\n/.exec(tail);
  return used ? { ms, exitCode, maxRss: Number(used[1]), cpuMs: Number(used[2]) } : { ms, exitCode };
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
