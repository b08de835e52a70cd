/** An answer as text: the verdict first, then where the packet went, who answers, what was assumed, what would change it. */
import {
  type DestinationEnd,
  hostPort,
  type Outcome,
  printPacket,
  type SourceEnd,
  type Stage,
  stagesOf,
  type TraceAnswer,
  type TraceGroup,
  typicalOutcome,
} from '@podwire/model';
import { changeRows } from './changes.ts';
import { clientRows } from './client.ts';
import { endpointRows } from './endpoints.ts';
import { layOut, type Row } from './layout.ts';
import { hintLines, noteLines } from './notes.ts';
import { walkRows } from './steps.ts';
import type { Style } from './style.ts';
import { displayWidth } from './width.ts';
import { count, fileText, objectText, placeText, verdictText } from './words.ts';

export type Level = 'minimal' | 'summary' | 'detailed' | 'all';

export interface TextOptions {
  level: Level;
  style: Style;
  /** Columns of the terminal; undefined: lines are never broken. */
  columns: number | undefined;
  /** What the user typed to get here: `podwire`, `kubectl podwire`. */
  name: string;
}

function some(names: readonly string[], what: string): string {
  const [first] = names;
  return names.length <= 1 ? (first ?? '') : `${first} and ${count(names.length - 1, `more ${what}`, `more ${what}s`)}`;
}

function sourcesText(sources: readonly SourceEnd[]): string {
  const kind = sources[0]?.place.kind;
  return some(
    sources.map((s) => s.name),
    kind === 'pod' ? 'pod' : 'source',
  );
}

function destinationsText(destinations: readonly DestinationEnd[]): string {
  const names = [...new Set(destinations.map((d) => d.name))];
  const name = some(names, 'destination');
  return names.length === 1 && destinations.length > 1
    ? `${name} (${count(destinations.length, 'address', 'addresses')})`
    : name;
}

/** `tcp 10.244.1.7:40000 > 10.96.14.2:80`: the packet as it was sent. */
function packetText(group: TraceGroup): string {
  const first = typicalOutcome(group.outcomes, group.verdict)?.forward.hops[0]?.steps[0];
  if (first?.kind === 'enter') return printPacket(first.packet);
  const { protocol, address, port } = group.destinations[0] as DestinationEnd;
  return address === undefined ? protocol : `${protocol} to ${hostPort(address, port ?? 0)}`;
}

/** One line, or two where the terminal is too narrow for one. */
function headline(group: TraceGroup, answer: TraceAnswer, { style, columns }: TextOptions): string[] {
  const receivers = group.outcomes.flatMap((o) => (o.receiver ? [`${o.receiver.address} ${o.receiver.port}`] : []));
  const endpoints = new Set(receivers).size;
  const ways = group.outcomes.length;
  const assumed = answer.notes.filter((n) => n.kind === 'assumption').length;
  const facts = [
    `ct=${answer.question.connection}`,
    ...(ways > 1 && endpoints > 0 ? [count(endpoints, 'endpoint')] : []),
    ...(ways > endpoints && ways > 1 ? [count(ways, 'way')] : []),
    assumed === 0 ? 'exact' : count(assumed, 'assumption'),
  ];
  const verdict = `${verdictText(group.verdict, style)}  `;
  const ends = style(`${sourcesText(group.sources)} > ${destinationsText(group.destinations)}`, 'bold');
  const packet = `${packetText(group)}   ${style(facts.join('  '), 'dim')}`;
  const line = `${verdict}${ends}   ${packet}`;
  if (columns === undefined || displayWidth(line) <= columns) return [line];
  const indent = displayWidth(verdict);
  return [
    ...layOut([{ head: [], body: `${verdict}${ends}` }], { columns }),
    ...layOut([{ head: [], body: packet }], { columns, indent }),
  ];
}

function refText(stage: Stage, style: Style): string {
  if (!stage.object) return '';
  const file = fileText(stage.object);
  return style(file === '' ? objectText(stage.object) : `${objectText(stage.object)}  ${file}`, 'dim');
}

/** Numbers run on from the forward walk to the reply, so that a line can be named. */
function stageRows(stages: readonly Stage[], from: number, style: Style): Row[] {
  return stages.flatMap((stage, i): Row[] => {
    const head = [String(from + i).padStart(2), placeText(stage.place), stage.stage];
    const rows: Row[] = [{ head, body: stage.text, tail: refText(stage, style) }];
    if (stage.packet) rows.push({ head: ['', '', ''], body: style(`now ${printPacket(stage.packet)}`, 'cyan') });
    return rows;
  });
}

function summaryLines(outcome: Outcome, { style, columns }: TextOptions): string[] {
  const forward = stagesOf(outcome.forward);
  const rows = stageRows(forward, 1, style);
  if (outcome.reply) {
    rows.push({ head: ['', style('reply', 'dim'), ''], body: '' });
    rows.push(...stageRows(stagesOf(outcome.reply, true), forward.length + 1, style));
  }
  return layOut(rows, { columns, indent: 1 });
}

function detailedLines(outcome: Outcome, everything: boolean, { style, columns }: TextOptions): string[] {
  const lines = [
    style('forward', 'bold'),
    ...layOut(walkRows(outcome.forward, everything, style), { columns, indent: 1 }),
  ];
  if (outcome.reply) {
    lines.push(style('reply', 'bold'), ...layOut(walkRows(outcome.reply, everything, style), { columns, indent: 1 }));
  }
  if (outcome.conntrack.length > 0) {
    lines.push(style('conntrack afterwards', 'bold'));
    const rows = outcome.conntrack.flatMap(({ place, entries }) =>
      entries.map(({ text }): Row => ({ head: [placeText(place)], body: text })),
    );
    lines.push(...layOut(rows, { columns, indent: 1 }));
  }
  return lines;
}

function outcomeLines(group: TraceGroup, options: TextOptions): string[] {
  const { level, columns, style } = options;
  const typical = typicalOutcome(group.outcomes, group.verdict);
  if (!typical) return [];
  // Where ways end differently, one of each end is shown.
  const shown =
    level === 'all'
      ? group.outcomes
      : group.outcomes.filter(
          (o, i) =>
            o === typical ||
            (group.verdict !== o.verdict && group.outcomes.findIndex((p) => p.verdict === o.verdict) === i),
        );
  const lines = shown.flatMap((outcome) => {
    const title = shown.length > 1 ? [`${verdictText(outcome.verdict, style)}  ${outcome.reason}`] : [];
    return [
      ...title,
      ...(level === 'summary' ? summaryLines(outcome, options) : detailedLines(outcome, level === 'all', options)),
    ];
  });
  const endpoints = endpointRows(group.outcomes, level !== 'summary', style);
  if (endpoints.length > 0) lines.push(style('endpoints', 'bold'), ...layOut(endpoints, { columns, indent: 1 }));
  const client = clientRows(group.outcomes, level !== 'summary', style);
  if (client.length > 0) lines.push(...layOut(client, { columns }));
  return lines;
}

/** What happened since the connection was made, and what kube-proxies made of it. */
function pastRows({ changes = [] }: TraceAnswer, { outcomes }: TraceGroup, style: Style): Row[] {
  const rows = changeRows(changes, style);
  const forgotten = new Set(
    outcomes.flatMap(({ before }) =>
      (before?.forgotten ?? []).flatMap(({ place, entries }) =>
        entries.map(({ text }) => `${placeText(place)} forgets ${text}`),
      ),
    ),
  );
  for (const text of forgotten) rows.push({ head: ['kube-proxy'], body: text });
  return rows;
}

function groupLines(group: TraceGroup, answer: TraceAnswer, options: TextOptions): string[] {
  const { style, level } = options;
  if (level === 'minimal') {
    const ends = `${sourcesText(group.sources)} > ${destinationsText(group.destinations)}`;
    return layOut(
      [{ head: [verdictText(group.verdict, style), group.reason], body: `${ends}   ${packetText(group)}` }],
      options,
    );
  }
  const lines = headline(group, answer, options);
  const past = pastRows(answer, group, style);
  if (past.length > 0) lines.push(style('before the packet', 'bold'), ...layOut(past, { ...options, indent: 1 }));
  if (group.verdict !== 'delivered') {
    const symptom = group.symptom === undefined ? '' : `  The client sees: ${group.symptom}.`;
    lines.push(...layOut([{ head: [], body: `${group.summary}${symptom}` }], { ...options, indent: 2 }));
    if (group.decisive?.object) {
      const { object } = group.decisive;
      lines.push(
        ...layOut([{ head: [style('because of', 'dim')], body: objectText(object), tail: fileText(object) }], {
          ...options,
          indent: 2,
        }),
      );
    }
  }
  return [...lines, ...outcomeLines(group, options)];
}

/** What to type next; for people at a terminal only. */
function moreText({ reason, verdict }: TraceAnswer, name: string): string {
  const explain = verdict === 'delivered' ? '' : `  |  ${name} explain ${reason}`;
  return `More: --detailed  |  -o markdown${explain}`;
}

/** The whole text, with a line feed at its end. */
export function traceText(answer: TraceAnswer, options: TextOptions): string {
  const { level, style, columns, name } = options;
  const blocks = answer.groups.map((group) => groupLines(group, answer, options));
  const lines = level === 'minimal' ? blocks.flat() : blocks.flatMap((block, i) => (i === 0 ? block : ['', ...block]));
  if (level !== 'minimal') {
    if (answer.groups.length > 1) lines.push('', `${verdictText(answer.verdict, style)}  ${answer.summary}`);
    lines.push(...hintLines(answer.hints, columns, style));
    lines.push(...noteLines(answer.notes, level !== 'summary', columns, style));
    if (columns !== undefined && level === 'summary') lines.push(style(moreText(answer, name), 'dim'));
  }
  return `${lines.join('\n')}\n`;
}
