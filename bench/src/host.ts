/** Where figures were measured. */
import { spawnSync } from 'node:child_process';
import { cpus, loadavg } from 'node:os';

export interface Host {
  cpu: string;
  cores: number;
  node: string;
  v8: string;
  /** Revision of the source; absent outside a checkout. */
  commit?: string;
  /** Average of runnable processes in the last minute, before and after. */
  load: { before: number; after: number };
  /** More work than cores, before or after: figures are then upper bounds at best. */
  busy: boolean;
}

function commitOf(folder: string): string | undefined {
  const { status, stdout } = spawnSync('git', ['rev-parse', '--short=12', 'HEAD'], { cwd: folder, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** The load now; `describeHost` wants it from before the measurements. */
export function loadNow(): number {
  return loadavg()[0] as number;
}

export function describeHost(folder: string, before: number): Host {
  const cores = cpus();
  const after = loadNow();
  const commit = commitOf(folder);
  return {
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    node: process.versions.node,
    v8: process.versions.v8,
    ...(commit === undefined ? {} : { commit }),
    load: { before, after },
    // The measurement itself is one of the runnable processes.
    busy: Math.max(before, after - 1) > cores.length,
  };
}
