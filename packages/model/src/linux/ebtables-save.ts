/** `ebtables-save` and `ebtables-restore` text to tables and back. */
import type { Table } from '@podwire/engine';
import {
  type DumpOptions,
  type DumpText,
  dumpTools,
  ebtables,
  type PrintOptions,
  printDump,
  readDump,
} from './rule-dump/index.ts';

/** Lines whose tool is not said are ebtables'. */
export function parseEbtablesSave(text: string, options: DumpOptions = {}): DumpText {
  return readDump(text, dumpTools(ebtables), options);
}

/** As ebtables-save prints them but for its comment lines with the date. */
export function printEbtablesSave(tables: readonly Table[], options: PrintOptions = {}): string {
  return tables
    .filter((table) => table.family === 'bridge' && table.syntax !== 'nft')
    .map((table) => printDump(table, ebtables, options))
    .join('');
}
