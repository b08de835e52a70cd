/** `arptables-save` and `arptables-restore` text to tables and back. */
import type { Table } from '@podwire/engine';
import {
  arptables,
  type DumpOptions,
  type DumpText,
  dumpTools,
  type PrintOptions,
  printDump,
  readDump,
} from './rule-dump/index.ts';

/** Lines whose tool is not said are arptables'. */
export function parseArptablesSave(text: string, options: DumpOptions = {}): DumpText {
  return readDump(text, dumpTools(arptables), options);
}

/** As arptables-save prints them but for its comment lines with the date. */
export function printArptablesSave(tables: readonly Table[], options: PrintOptions = {}): string {
  return tables
    .filter((table) => table.family === 'arp' && table.syntax !== 'nft')
    .map((table) => printDump(table, arptables, options))
    .join('');
}
