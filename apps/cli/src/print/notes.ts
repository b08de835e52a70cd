/** Hints, caveats and assumptions at the end of an answer. */
import type { Hint, Note } from '@podwire/model';
import { layOut, type Row } from './layout.ts';
import type { Style } from './style.ts';
import { fileText } from './words.ts';

export function hintLines(hints: readonly Hint[], columns: number | undefined, style: Style): string[] {
  if (hints.length === 0) return [];
  const rows = hints.flatMap(({ text, mend, object }): Row[] => [
    { head: [style('!', 'yellow', 'bold')], body: text, ...(object && { tail: style(fileText(object), 'dim') }) },
    ...(mend === undefined ? [] : [{ head: [' '], body: style(mend, 'bold') }]),
  ]);
  return ['', ...layOut(rows, { columns })];
}

const TITLES: Readonly<Record<Note['kind'], string>> = {
  intended: 'as intended',
  caveat: 'not modelled',
  assumption: 'assumed',
};

/** Caveats in full; assumptions by their codes, unless all is asked for; `more` is the option that does. */
export function noteLines(
  notes: readonly Note[],
  everything: boolean,
  columns: number | undefined,
  style: Style,
  more = '--detailed',
): string[] {
  // The same of one host after another: the first stands for all.
  const isTold = (note: Note) =>
    everything || note.code !== 'redirects' || note === notes.find((n) => n.code === note.code);
  const full = notes.filter((n) => (n.kind !== 'assumption' || everything) && isTold(n));
  const rows = full.map((note): Row => {
    const settle = note.settle === undefined || note.kind === 'assumption' ? '' : ` (${note.settle})`;
    return {
      head: [style(note.code === 'policy-not-judged' ? 'not judged' : TITLES[note.kind], 'dim')],
      body: `${note.text}${settle}`,
      ...(note.object && { tail: style(fileText(note.object), 'dim') }),
    };
  });
  const assumptions = notes.filter((n) => n.kind === 'assumption');
  if (!everything && assumptions.length > 0) {
    rows.push({
      head: [style(TITLES.assumption, 'dim')],
      body: style(`${assumptions.map((n) => n.code).join(', ')}  (${more} says more)`, 'dim'),
    });
  }
  return rows.length === 0 ? [] : ['', ...layOut(rows, { columns })];
}
