/** What all readers of a tool's text share: its lines, however they end, and a problem for each that is not understood. */
import type { Problem } from '../problem.ts';
import { withoutKeys } from './secrets.ts';

export interface LineOptions {
  /** Named in problems. */
  file?: string;
  /** Number of the text's first line in its file; 1 where absent. */
  firstLine?: number;
}

export interface Line {
  /** Without its line end; blanks at its end are taken off, those at its begin are kept. */
  text: string;
  /** As its file counts. */
  number: number;
}

/** Lines that are not blank. */
export function linesOf(text: string, { firstLine = 1 }: LineOptions = {}): Line[] {
  const lines: Line[] = [];
  let number = firstLine;
  for (const raw of text.split('\n')) {
    const line = raw.trimEnd();
    if (line !== '') lines.push({ text: line, number });
    number++;
  }
  return lines;
}

export function wordsOf(line: string): string[] {
  return line.split(/\s+/).filter((word) => word !== '');
}

const SHOWN = 120;

/** A line as a problem quotes it: keys of WireGuard, whichever reader met them, are nobody's business. */
export function quoted(line: string): string {
  const text = withoutKeys(line.trim());
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text;
}

/** No tool prints longer ones, but for JSON and XML; patterns may take long at them. */
export const LINE_MAX = 8192;

/** Reads line by line; a line at which `read` throws becomes a problem. */
export function eachLine(
  lines: readonly Line[],
  code: string,
  problems: Problem[],
  { file }: LineOptions,
  read: (line: Line) => void,
): void {
  for (const line of lines) {
    try {
      if (line.text.length > LINE_MAX) throw new RangeError(`it has ${line.text.length} characters`);
      read(line);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      problems.push({
        severity: 'error',
        code,
        message: `line not understood: ${error.message}: ${quoted(line.text)}`,
        line: line.number,
        ...(file !== undefined && { file }),
      });
    }
  }
}

/** What a table has under a word of the text: nothing that every object has by itself (`constructor`). */
export function lookUp<T>(table: Readonly<Record<string, T>>, word: string | undefined): T | undefined {
  return word !== undefined && Object.hasOwn(table, word) ? table[word] : undefined;
}

/** A whole number from 0 to `max`. Throws RangeError, `what` names it. */
export function wholeNumber(text: string | undefined, what: string, max = Number.MAX_SAFE_INTEGER): number {
  const value = text !== undefined && /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= max)) throw new RangeError(`"${text ?? ''}" is no ${what}`);
  return value;
}
