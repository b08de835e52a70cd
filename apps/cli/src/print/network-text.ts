/** A line for each requirement, and under it the pairs that break it. */
import type { NetworkAnswer, Requirement } from '@podwire/model';
import { layOut, type Row } from './layout.ts';
import type { Style, Tone } from './style.ts';
import { fileText } from './words.ts';

export interface NetworkTextOptions {
  style: Style;
  /** Columns of the terminal; undefined: lines are never broken. */
  columns: number | undefined;
}

const MARKS: Readonly<Record<Requirement['holds'], readonly [string, Tone]>> = {
  yes: ['holds', 'green'],
  no: ['BROKEN', 'red'],
  undecided: ['undecided', 'yellow'],
};

function rowsOf(one: Requirement, style: Style): Row[] {
  const [mark, tone] = MARKS[one.holds];
  const counts =
    one.broken > 0
      ? `${one.broken} of ${one.asked} packets sent, for ${one.pairs} pairs`
      : `${one.pairs} pairs${one.notAsked === 0 ? '' : `, ${one.notAsked} not asked about`}`;
  const examples = one.counterexamples.map(({ from, to, summary, decisive }): Row => {
    const file = decisive?.object === undefined ? '' : fileText(decisive.object);
    return { head: [''], body: `${from} > ${to}: ${summary}`, ...(file !== '' && { tail: style(file, 'dim') }) };
  });
  return [{ head: [style(mark, tone, 'bold')], body: one.text, tail: style(counts, 'dim') }, ...examples];
}

export function networkText({ summary, requirements }: NetworkAnswer, { style, columns }: NetworkTextOptions): string {
  const lines = layOut(
    requirements.flatMap((one) => rowsOf(one, style)),
    { columns },
  );
  return `${[...lines, '', style(summary, 'bold')].join('\n')}\n`;
}
