/** The answer to `why` as text: the finding first, then the chain with a mark for each link, then the mend. */
import type { ChainLink, Fault, ObjectRef, Unseen, WhyAnswer } from '@podwire/model';
import { changeRows } from './changes.ts';
import { layOut, type Row } from './layout.ts';
import type { Style, Tone } from './style.ts';
import { fileText, objectText, verdictText } from './words.ts';

export interface WhyTextOptions {
  style: Style;
  /** Columns of the terminal; undefined: lines are never broken. */
  columns: number | undefined;
}

const MARKS: Readonly<Record<ChainLink['status'], readonly [string, Tone]>> = {
  ok: ['ok', 'green'],
  broken: ['BROKEN', 'red'],
  doubtful: ['doubt', 'yellow'],
  unseen: ['not seen', 'yellow'],
  'not-reached': ['-', 'dim'],
};

function tailOf(object: ObjectRef | undefined, style: Style): { tail?: string } {
  const file = object === undefined ? '' : fileText(object);
  return file === '' ? {} : { tail: style(file, 'dim') };
}

function chainRows(chain: readonly ChainLink[], style: Style): Row[] {
  return chain.map(({ link, status, text, object }): Row => {
    const [mark, tone] = MARKS[status];
    const isBroken = status === 'broken';
    return {
      head: [style(mark, tone, ...(isBroken ? (['bold'] as const) : [])), isBroken ? style(link, 'bold') : link],
      body: text,
      ...tailOf(isBroken ? object : undefined, style),
    };
  });
}

/** What `kubectl` would be given. */
function patchText({ patch }: Fault): string | undefined {
  if (!patch) return undefined;
  const { kind, namespace, name } = patch.object;
  const inside = namespace === undefined ? '' : ` -n ${namespace}`;
  return `kubectl patch ${kind.toLowerCase()} ${name}${inside} --type merge -p '${JSON.stringify(patch.merge)}'`;
}

function faultRows(fault: Fault, style: Style): Row[] {
  const rows: Row[] = [];
  const label = (text: string) => [style(text, 'dim')];
  if (fault.object) rows.push({ head: label('blame'), body: objectText(fault.object), ...tailOf(fault.object, style) });
  else if (fault.setting !== undefined) rows.push({ head: label('blame'), body: fault.setting });
  if (fault.mend !== undefined) rows.push({ head: label('mend'), body: style(fault.mend, 'bold') });
  const patch = patchText(fault);
  if (patch !== undefined) rows.push({ head: label(''), body: patch });
  if (fault.proved) rows.push({ head: label('proof'), body: 'with this one thing changed, the packet arrives' });
  return rows;
}

function unseenLines(unseen: readonly Unseen[], { style, columns }: WhyTextOptions): string[] {
  // What a design has to be given is told by its codes where lines are short.
  const shown = columns === undefined ? unseen : unseen.filter(({ madeUp }) => !madeUp);
  const rows = shown.map(
    ({ what, command }): Row => ({ head: [style('not seen', 'dim')], body: what, tail: style(command, 'dim') }),
  );
  const rest = unseen.filter((one) => !shown.includes(one)).map(({ code }) => code);
  if (rest.length > 0)
    rows.push({
      head: [style('assumed', 'dim')],
      body: style(`${[...new Set(rest)].join(', ')}  (-o wide says more)`, 'dim'),
    });
  return rows.length === 0 ? [] : ['', ...layOut(rows, { columns })];
}

/** The whole text, with a line feed at its end. */
export function whyText(answer: WhyAnswer, { style, columns }: WhyTextOptions): string {
  const { verdict, summary, symptom, changes = [], chain, fault, also, intended, unseen, question } = answer;
  const ends = style(`${question.from} > ${question.to}`, 'bold');
  const lines = layOut([{ head: [verdictText(verdict, style)], body: ends }], { columns });
  const seen = symptom === undefined ? '' : `  The client sees: ${symptom}.`;
  lines.push(...layOut([{ head: [], body: `${summary}${seen}` }], { columns, indent: 2 }));
  if (fault) lines.push(...layOut(faultRows(fault, style), { columns, indent: 2 }));
  if (changes.length > 0)
    lines.push('', style('before the packet', 'bold'), ...layOut(changeRows(changes, style), { columns, indent: 1 }));
  lines.push('', ...layOut(chainRows(chain, style), { columns, indent: 1 }));
  if (also.length > 0) {
    const rows = also.map(
      (one): Row => ({ head: [style('also', 'dim')], body: one.text, ...tailOf(one.object, style) }),
    );
    lines.push('', ...layOut(rows, { columns }));
  }
  if (intended) {
    const rows = [{ head: [style('as intended', 'dim')], body: `${intended.text} ${intended.setting}` }];
    lines.push('', ...layOut(rows, { columns }));
  }
  lines.push(...unseenLines(unseen, { style, columns }));
  return `${lines.join('\n')}\n`;
}
