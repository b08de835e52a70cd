/** Rows of columns. Where the terminal ends, a row's body goes on below itself; elsewhere lines are never broken. */
import { displayWidth, padEnd, wrap } from './width.ts';

export interface Row {
  /** Short cells, each column as wide as its widest. */
  head: readonly string[];
  body: string;
  /** What belongs at the end of the line, such as a file and line. */
  tail?: string;
}

export interface Layout {
  /** Columns of the terminal; undefined: lines are never broken. */
  columns: number | undefined;
  /** Blanks before each row. */
  indent?: number;
}

const GAP = '  ';
/** A body wider than this does not push the tails of the others out. */
const BODY_ALIGN_MAX = 64;
/** With less room than this the body starts on a line of its own. */
const BODY_MIN = 28;

/** Both ends of a packet stay on one line: `A > B` breaks nowhere. */
const GLUE = '\u00a0';
function glued(text: string): string {
  return text.replaceAll(' > ', `${GLUE}>${GLUE}`);
}

function headWidths(rows: readonly Row[]): number[] {
  const widths: number[] = [];
  for (const { head } of rows) {
    head.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, displayWidth(cell));
    });
  }
  return widths;
}

/** Both ends of a packet stay together where they have room. */
function wrapBody(body: string, room: number): string[] {
  const parts = wrap(glued(body), room);
  return parts.every((part) => displayWidth(part) <= room) ? parts : wrap(body, room);
}

/** A tail below its body; further left where a long path would not fit. */
function under(tail: string, inner: string, columns: number, indent: number): string[] {
  const fits = wrap(tail, columns - inner.length).every((part) => displayWidth(part) <= columns - inner.length);
  const start = fits ? inner : ' '.repeat(indent + 4);
  return wrap(tail, columns - start.length).map((part) => start + part);
}

function broken(start: string, row: Row, columns: number, indent: number): string[] {
  const room = columns - displayWidth(start);
  const lines: string[] = [];
  let inner = ' '.repeat(displayWidth(start));
  let parts: string[];
  if (room >= BODY_MIN) {
    parts = wrapBody(row.body, room);
    lines.push(start + parts[0]);
    lines.push(...parts.slice(1).map((part) => inner + part));
  } else {
    inner = ' '.repeat(indent + 4);
    parts = wrapBody(row.body, columns - inner.length);
    const cells = ' '.repeat(indent);
    lines.push(
      ...wrap(start.trim(), columns - indent).map((part) => cells + part),
      ...parts.map((part) => inner + part),
    );
  }
  if (row.tail) {
    const last = lines[lines.length - 1] as string;
    if (displayWidth(last) + GAP.length + displayWidth(row.tail) <= columns) {
      lines[lines.length - 1] = `${last}${GAP}${row.tail}`;
    } else {
      lines.push(...under(row.tail, inner, columns, indent));
    }
  }
  return lines;
}

/** One line or more for each row. */
export function layOut(rows: readonly Row[], { columns, indent = 0 }: Layout): string[] {
  const widths = headWidths(rows);
  const bodies = rows.filter((r) => r.tail).map((r) => displayWidth(r.body));
  const align = Math.max(0, ...bodies.filter((w) => w <= BODY_ALIGN_MAX));
  return rows.flatMap((row) => {
    const cells = row.head.map((cell, i) => padEnd(cell, widths[i] as number) + GAP).join('');
    const start = ' '.repeat(indent) + cells;
    const line = row.tail ? `${start}${padEnd(row.body, align)}${GAP}${row.tail}` : start + row.body;
    if (columns === undefined || displayWidth(line) <= columns) return [line.trimEnd()];
    return broken(start, row, columns, indent).map((part) => part.replaceAll(GLUE, ' ').trimEnd());
  });
}
