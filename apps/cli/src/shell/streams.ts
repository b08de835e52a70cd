/** Where a command reads and writes. Data goes to `out`, everything else to `err`, so that pipes stay clean. */
import type { Readable } from 'node:stream';
import type { ColorMode } from '../print/style.ts';

export interface Output {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

export interface Streams {
  input: Readable;
  out: Output;
  err: Output;
  env: NodeJS.ProcessEnv;
  /** `--color`. */
  color: ColorMode;
}

/** Columns of a terminal; undefined where the output goes elsewhere and must not be broken. */
export function columnsOf(output: Output): number | undefined {
  return output.isTTY ? Math.max(40, output.columns ?? 80) : undefined;
}
