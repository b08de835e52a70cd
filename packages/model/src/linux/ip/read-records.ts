/** What the readers of `ip` output share: a JSON list or lines of text become records, and what is not understood a problem. */
import type { Problem } from '../../problem.ts';
import { readJsonList } from '../json-list.ts';
import { LINE_MAX, type LineOptions, quoted } from '../lines.ts';
import { strangeValue } from './json-types.ts';

export type ReadOptions = LineOptions;

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

/** What people write behind a line: `# the gateway`, `<-- should be gone`. No tool prints such. */
export function withoutRemark(line: string): string {
  return line.replace(/\s(?:#|\/\/|<-+|←)\s.*$/, '').trimEnd();
}

/** `-j` prints one list; otherwise each line is a record that `readLine` reads or throws at. */
export function readRecords<T extends object>(
  text: string,
  readLine: (line: string) => T,
  code: string,
  problems: Problem[],
  options: ReadOptions,
): Read<T>[] {
  const list = readJsonList<T>(text);
  const isSound = (record: T): boolean => {
    const strange = strangeValue(record);
    if (strange !== undefined)
      problems.push(
        complaint(code, `"${strange}" of a record is not what ip prints there`, options.firstLine, options),
      );
    return strange === undefined;
  };
  if (list) {
    if (list.damage !== undefined) {
      problems.push(complaint(code, `not JSON: ${list.damage}`, options.firstLine, options));
    }
    return list.records.filter(isSound).map((record) => ({ record }));
  }
  const records: Read<T>[] = [];
  let number = (options.firstLine ?? 1) - 1;
  for (const raw of text.split('\n')) {
    number++;
    const line = withoutRemark(raw);
    if (line !== '') {
      try {
        if (line.length > LINE_MAX) throw new RangeError(`it has ${line.length} characters`);
        records.push({ record: readLine(line), line: number });
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        problems.push(complaint(code, `line not understood: ${why}: ${quoted(line)}`, number, options));
      }
    }
    // Lines that were folded into this one.
    number += raw.split('\u0000').length - 1;
  }
  return records;
}
