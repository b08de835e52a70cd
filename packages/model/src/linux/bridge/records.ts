/** Lists that `bridge -j` prints. */
import type { Problem } from '../../problem.ts';
import { readJsonList } from '../json-list.ts';
import { eachLine, type LineOptions } from '../lines.ts';

/** Undefined where the text is no JSON list; a damaged one is a problem, what came before the damage is read. */
export function recordsOf<T extends object>(
  text: string,
  code: string,
  problems: Problem[],
  options: LineOptions,
): T[] | undefined {
  const list = readJsonList<T>(text);
  if (list?.damage !== undefined) {
    eachLine([{ text: '', number: options.firstLine ?? 1 }], code, problems, options, () => {
      throw new RangeError(`not JSON (${list.damage})`);
    });
  }
  return list?.records;
}
