/** What the readers of `ip` output share: a JSON list or lines of text become records, and what is not understood a problem. */
import type { Problem } from '../../problem.ts';

export interface ReadOptions {
  /** Named in problems. */
  file?: string;
}

/** A problem with one line of a file that is not understood. */
export function complaint(code: string, message: string, line: number | undefined, { file }: ReadOptions): Problem {
  return {
    severity: 'error',
    code,
    message,
    ...(line !== undefined && { line }),
    ...(file !== undefined && { file }),
  };
}

/** In the order of the file, whether reading the line or using what it said failed. */
export function byLine(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
}

export interface Read<T> {
  record: T;
  /** 1-based; absent for JSON. */
  line?: number;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
}

/** `-j` prints one list; otherwise each line is a record that `readLine` reads or throws at. */
export function readRecords<T>(
  text: string,
  readLine: (line: string) => T,
  code: string,
  problems: Problem[],
  options: ReadOptions,
): Read<T>[] {
  if (text.trimStart().startsWith('[')) {
    try {
      const list: unknown = JSON.parse(text);
      // `ip -j` prints empty objects for what a filter left out.
      return Array.isArray(list) ? list.filter(isRecord).map((record) => ({ record: record as T })) : [];
    } catch (error) {
      problems.push(complaint(code, `not JSON: ${error instanceof Error ? error.message : error}`, undefined, options));
      return [];
    }
  }
  const records: Read<T>[] = [];
  let number = 0;
  for (const line of text.split('\n')) {
    number++;
    if (line.trim() !== '') {
      try {
        records.push({ record: readLine(line), line: number });
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        problems.push(complaint(code, `line not understood: ${why}: ${line.trim()}`, number, options));
      }
    }
    // Lines that were folded into this one.
    number += line.split('\u0000').length - 1;
  }
  return records;
}
