/** Rows as a table for people, and as JSON. */
import type { Host } from './host.ts';
import { type Row, ratioOf } from './row.ts';

export interface Report {
  host: Host;
  seed: number;
  quick: boolean;
  rows: Row[];
}

const HEAD = ['case', 'unit', 'fastest', 'median', 'against', 'ratio', 'note'];
/** Columns of numbers. */
const RIGHT = new Set([2, 3, 4, 5]);

/** Three significant digits, no exponent. */
function printNumber(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function cellsOf(row: Row): string[] {
  const ratio = ratioOf(row);
  return [
    row.name,
    row.unit,
    printNumber(row.min),
    printNumber(row.median),
    row.against ? `${row.against.by} ${printNumber(row.against.figure)}` : '',
    ratio === undefined ? '' : ratio.toFixed(2),
    row.note ?? '',
  ];
}

export function printTable(rows: readonly Row[]): string {
  const lines = [HEAD, ...rows.map(cellsOf)];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((cells) => (cells[column] as string).length)));
  return lines
    .map((cells) => {
      const padded = cells.map((cell, i) =>
        RIGHT.has(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
      );
      return `${padded.join('  ').trimEnd()}\n`;
    })
    .join('');
}

export function printHost({ host, seed, quick }: Report): string {
  const { before, after } = host.load;
  const lines = [
    `${host.cpu}, ${host.cores} cores, Node ${host.node} (V8 ${host.v8})`,
    `commit ${host.commit ?? 'unknown'}, seed ${seed}, load ${before.toFixed(2)} before and ${after.toFixed(2)} after`,
  ];
  if (quick) lines.push('quick: smaller inputs, few runs; nothing to compare');
  if (host.busy) lines.push('BUSY: more work than cores; the figures say little about this program');
  return `${lines.join('\n')}\n`;
}

/** `ratio` is measured figure / figure it stands against: the fastest run for targets, the median for limits. */
export function printJson(report: Report): string {
  const rows = report.rows.map((row) => {
    const ratio = ratioOf(row);
    return ratio === undefined ? row : { ...row, ratio };
  });
  return `${JSON.stringify({ ...report, rows }, null, 2)}\n`;
}
