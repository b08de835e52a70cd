/** Findings, the worst first; each with where it stands and what to change. */
import type { DoctorAnswer, Finding } from '@podwire/model';
import { layOut, type Row } from './layout.ts';
import type { Style, Tone } from './style.ts';
import { fileText } from './words.ts';

export interface DoctorTextOptions {
  style: Style;
  /** Columns of the terminal; undefined: lines are never broken. */
  columns: number | undefined;
  /** Notes, too. */
  everything: boolean;
}

const TONES: Readonly<Record<Finding['rank'], Tone>> = { broken: 'red', suspect: 'yellow', note: 'dim' };

function rowsOf({ rank, text, mend, object }: Finding, style: Style): Row[] {
  const file = object === undefined ? '' : fileText(object);
  return [
    { head: [style(rank, TONES[rank], 'bold')], body: text, ...(file !== '' && { tail: style(file, 'dim') }) },
    ...(mend === undefined ? [] : [{ head: [''], body: style(mend, 'bold') }]),
  ];
}

export function doctorText({ summary, findings }: DoctorAnswer, options: DoctorTextOptions): string {
  const { style, columns, everything } = options;
  const shown = everything ? findings : findings.filter(({ rank }) => rank !== 'note');
  const lines = layOut(
    shown.flatMap((finding) => rowsOf(finding, style)),
    { columns },
  );
  const notes = findings.length - shown.length;
  const more = notes === 0 ? '' : style(`  ${notes} ${notes === 1 ? 'note' : 'notes'} (-o wide)`, 'dim');
  return `${[...lines, ...(lines.length > 0 ? [''] : []), `${style(summary, 'bold')}${more}`].join('\n')}\n`;
}
