/** `podwire node read` as text. */
import type { DumpAnswer } from '@podwire/model';
import { layOut, type Row } from './layout.ts';
import { problemText } from './problems.ts';
import type { Style } from './style.ts';
import { count } from './words.ts';

interface DumpTextOptions {
  style: Style;
  columns: number | undefined;
  /** Long lists in full. */
  everything: boolean;
}

const SHOWN_MAX = 20;

function foundRow(
  { file, line, title, netns, items, lines, notUnderstood, note }: DumpAnswer['found'][number],
  style: Style,
): Row {
  const place = line === 1 ? file : `${file}:${line}`;
  const lost = notUnderstood === 0 ? '' : `  ${style(`${notUnderstood} not understood`, 'yellow')}`;
  const more = note === undefined ? '' : `  ${style(`(${note})`, 'dim')}`;
  const where = netns === undefined ? '' : `  in ${netns}`;
  return { head: [place, title], body: `${count(items, 'item')} in ${count(lines, 'line')}${where}${lost}${more}` };
}

function some<T>(all: readonly T[], everything: boolean): { shown: readonly T[]; left: number } {
  const shown = everything ? all : all.slice(0, SHOWN_MAX);
  return { shown, left: all.length - shown.length };
}

const PARTS = [
  'links',
  'addresses',
  'routes',
  'rules',
  'neighbors',
  'tables',
  'sets',
  'listeners',
  'connections',
  'sysctls',
] as const;

/** Ends with a line feed. */
export function dumpText(answer: DumpAnswer, { style, columns, everything }: DumpTextOptions): string {
  const { found, ignored, netnses, problems, lines } = answer;
  const printed = layOut(
    [
      {
        head: [style('read', 'bold')],
        body: `${count(found.length, 'dump')} in ${count(lines.all, 'line')}, ${lines.notUnderstood} of them not understood`,
      },
      ...netnses.map((netns): Row => {
        const parts = PARTS.filter((part) => netns[part] > 0).map((part) => `${netns[part]} ${part}`);
        return { head: [style(netns.name, 'bold')], body: parts.join(', ') };
      }),
    ],
    { columns },
  );
  const sections: [string, Row[]][] = [
    ['found', found.map((one) => foundRow(one, style))],
    ['not used', ignored.map(({ file, why }) => ({ head: [file], body: why }))],
  ];
  for (const [title, rows] of sections) {
    const { shown, left } = some(rows, everything || title === 'found');
    if (rows.length > 0) printed.push('', style(title, 'bold'), ...layOut(shown, { columns, indent: 2 }));
    if (left > 0) printed.push(style(`  and ${left} more: -o wide`, 'dim'));
  }
  if (problems.length > 0) {
    const { shown, left } = some(problems, everything);
    printed.push('', style('problems', 'bold'));
    for (const problem of shown)
      printed.push(
        ...problemText(problem, style)
          .split('\n')
          .map((text) => `  ${text}`),
      );
    if (left > 0) printed.push(style(`  and ${left} more: -o wide`, 'dim'));
  }
  return `${printed.join('\n')}\n`;
}
