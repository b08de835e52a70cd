/** `podwire compare` as text: one block for each reason, one row for each thing that changes. */
import {
  type CompareAnswer,
  type DifferenceReason,
  type DifferenceSide,
  differenceReasons,
  type FlowDifference,
  hostPort,
} from '@podwire/model';
import { layOut, type Row } from './layout.ts';
import type { Style } from './style.ts';
import { count, fileText, verdictText } from './words.ts';

interface CompareTextOptions {
  style: Style;
  columns: number | undefined;
  everything: boolean;
}

/** Rows of one reason that are shown unless everything is asked for. */
const SHOWN_MAX = 12;

/** Endpoints and sources are told where both sides have some, and they differ. */
function sideText(
  { verdict, symptom, endpoints }: DifferenceSide,
  tells: FlowDifference['differs'],
  style: Style,
): string {
  const word = verdictText(verdict, style);
  if (endpoints.length === 0) return symptom === undefined ? word : `${word} (${symptom})`;
  const reached = [...new Set(endpoints.map((e) => hostPort(e.address, e.port)))];
  const to = tells.includes('endpoints') ? reached.join(', ') : count(reached.length, 'endpoint');
  const sees = tells.includes('source') ? ` seen as ${[...new Set(endpoints.map((e) => e.sees))].join(', ')}` : '';
  return `${word} ${to}${sees}`;
}

function sideTexts({ sides, differs }: FlowDifference, style: Style): string[] {
  const tells = sides.every(({ endpoints }) => endpoints.length > 0) ? differs : [];
  return sides.map((side) => sideText(side, tells, style));
}

/** Of these every Service has the same. */
const OF_ALL: ReadonlySet<DifferenceReason> = new Set(['closed-cluster-ip-port', 'ping-to-cluster-ip']);

/** Differences that read alike but for who sends and to which address. */
function grouped(differences: readonly FlowDifference[], style: Style): FlowDifference[][] {
  const groups = new Map<string, FlowDifference[]>();
  for (const difference of differences) {
    const { to, reason } = difference;
    const what = OF_ALL.has(reason) ? reason : `${to.name} ${to.addressKind}`;
    const key = [what, ...sideTexts(difference, style)].join('\n');
    const group = groups.get(key);
    if (group) group.push(difference);
    else groups.set(key, [difference]);
  }
  return [...groups.values()];
}

/** The first, and how many more. */
function some(values: readonly string[]): string {
  const each = [...new Set(values)];
  return each.length > 1 ? `${each[0]} and ${each.length - 1} more` : (each[0] ?? '');
}

function rowOf(group: readonly FlowDifference[], modes: CompareAnswer['modes'], style: Style): Row {
  const first = group[0] as FlowDifference;
  const { to } = first;
  const address = some(
    group.map((d) => (d.to.protocol === 'icmp' ? `${d.to.address}` : hostPort(d.to.address ?? '', d.to.port ?? 0))),
  );
  const [left, right] = sideTexts(first, style).map((text, i) => `${modes[i]} ${text}`);
  const file = to.object ? fileText(to.object) : '';
  return {
    head: [some(group.map((d) => d.from.name)), some(group.map((d) => d.to.name)), `${address} ${to.protocol}`],
    body: `${left}; ${right}`,
    ...(file !== '' && { tail: style(file, 'dim') }),
  };
}

export function compareText(answer: CompareAnswer, { style, columns, everything }: CompareTextOptions): string {
  const { modes, differences, flows, notes, cluster } = answer;
  const lines = [
    `${style(`${modes[0]} > ${modes[1]}`, 'bold')}  ${differences.length} of ${count(flows, 'flow')} to ${count(cluster.services, 'Service')} ${differences.length === 1 ? 'fares' : 'fare'} differently`,
  ];
  for (const reason of Object.keys(differenceReasons) as DifferenceReason[]) {
    const ours = differences.filter((difference) => difference.reason === reason);
    if (ours.length === 0) continue;
    const rows = grouped(ours, style).map((group) => rowOf(group, modes, style));
    const shown = everything ? rows : rows.slice(0, SHOWN_MAX);
    lines.push(
      '',
      ...layOut([{ head: [style(reason, 'bold')], body: `${ours.length}x  ${differenceReasons[reason]}` }], {
        columns,
      }),
      ...layOut(shown, { columns, indent: 2 }),
    );
    if (shown.length < rows.length) lines.push(style(`  and ${rows.length - shown.length} more: -o wide`, 'dim'));
  }
  for (const { code, text, settle } of notes) {
    const body = settle === undefined ? text : `${text} ${style(`To settle it: ${settle}`, 'dim')}`;
    lines.push('', ...layOut([{ head: [style(code, 'yellow')], body }], { columns }));
  }
  return `${lines.join('\n')}\n`;
}
