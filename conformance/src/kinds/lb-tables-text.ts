/** Tables as text: columns stand below the names of the first line. */

export interface TextTable {
  columns: string[];
  rows: string[][];
}

function columnsOf(line: string): { name: string; start: number }[] {
  return [...line.matchAll(/\S+/g)].map(({ 0: name, index }) => ({ name, start: index }));
}

/** Undefined where there is no line with names. */
export function readTable(text: string): TextTable | undefined {
  const [head, ...lines] = text.split('\n').filter((line) => line.trim() !== '');
  if (head === undefined) return undefined;
  const columns = columnsOf(head);
  const rows = lines.map((line) =>
    columns.map((_, index) => line.slice(index === 0 ? 0 : columns[index]?.start, columns[index + 1]?.start).trimEnd()),
  );
  return { columns: columns.map(({ name }) => name), rows };
}

const PADDING = 3;

/** Every column but the last as wide as its widest cell and three more. */
export function writeTable({ columns, rows }: TextTable): string {
  const lines = [columns, ...rows];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => (line[index] ?? '').length)) + PADDING);
  const last = columns.length - 1;
  const shown = lines.map((line) =>
    line.map((cell, index) => (index === last ? cell : cell.padEnd(Math.max(widths[index] ?? 0, 5)))).join(''),
  );
  return shown.map((line) => `${line}\n`).join('');
}

/** Those columns alone, named without regard to case; an unknown one is undefined. */
export function pickColumns(
  table: { columns: readonly string[]; rows: readonly string[][] },
  names: readonly string[],
): TextTable | undefined {
  const indexes = names.map((name) => table.columns.findIndex((column) => column.toLowerCase() === name.toLowerCase()));
  if (indexes.includes(-1)) return undefined;
  return { columns: [...names], rows: table.rows.map((row) => indexes.map((index) => row[index] ?? '')) };
}
