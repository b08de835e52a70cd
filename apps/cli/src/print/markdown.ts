/** An answer as markdown that pastes into an issue or a pull request. */
import {
  hostPort,
  type Outcome,
  printPacket,
  stagesOf,
  type TraceAnswer,
  type TraceGroup,
  typicalOutcome,
} from '@podwire/model';
import { fileText, objectText, oddsText, placeText } from './words.ts';

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [
    `| ${header.join(' | ')} |`,
    `| ${header.map(() => '---').join(' | ')} |`,
    ...rows.map((r) => `| ${r.map(cell).join(' | ')} |`),
  ];
}

function code(text: string): string {
  return text === '' ? '' : `\`${text.replaceAll('`', "'")}\``;
}

function stageTable(outcome: Outcome): string[] {
  const forward = stagesOf(outcome.forward);
  const reply = outcome.reply ? stagesOf(outcome.reply, true) : [];
  const rows = [...forward, ...reply].map((stage, i) => [
    String(i + 1),
    `${i >= forward.length ? 'reply: ' : ''}${placeText(stage.place)}`,
    stage.stage,
    code(stage.text),
    stage.object ? `${objectText(stage.object)} ${fileText(stage.object)}`.trim() : '',
  ]);
  return table(['', 'where', 'what', 'how', 'because of'], rows);
}

function endpointTable(outcomes: readonly Outcome[]): string[] {
  if (outcomes.length < 2 || outcomes.every((o) => !o.receiver)) return [];
  const rows = outcomes.map(({ odds, verdict, receiver, reason }) => [
    oddsText(odds),
    verdict,
    receiver ? `${placeText(receiver.place)} ${code(hostPort(receiver.address, receiver.port))}` : reason,
    receiver ? `${code(receiver.sees.address)}${receiver.sourceKept ? '' : ' (translated)'}` : '',
  ]);
  return ['', ...table(['odds', 'verdict', 'endpoint', 'sees source'], rows)];
}

function groupLines(group: TraceGroup): string[] {
  const typical = typicalOutcome(group.outcomes, group.verdict);
  const first = typical?.forward.hops[0]?.steps[0];
  const sources = group.sources.map((s) => code(s.name)).join(', ');
  const destinations = group.destinations
    .map((d) => code(d.address === undefined ? d.name : `${d.name} ${hostPort(d.address, d.port ?? 0)}`))
    .join(', ');
  const { decisive } = group;
  return [
    `### ${group.verdict.toUpperCase()}: ${sources} to ${destinations}`,
    '',
    ...(first?.kind === 'enter' ? [code(printPacket(first.packet)), ''] : []),
    group.summary,
    ...(decisive?.object
      ? ['', `Because of ${objectText(decisive.object)} ${code(fileText(decisive.object))}`.trim()]
      : []),
    ...(typical ? ['', ...stageTable(typical)] : []),
    ...endpointTable(group.outcomes),
    '',
  ];
}

export function traceMarkdown(answer: TraceAnswer): string {
  const lines = [
    `## ${answer.verdict.toUpperCase()}: ${answer.question.from} to ${answer.question.to}`,
    '',
    answer.summary,
    '',
    ...answer.groups.flatMap(groupLines),
  ];
  for (const { text, mend, object } of answer.hints) {
    lines.push(
      `- **${text}**${mend === undefined ? '' : ` ${mend}`}${object?.file ? ` (${code(fileText(object))})` : ''}`,
    );
  }
  for (const { kind, text } of answer.notes) lines.push(`- ${kind}: ${text}`);
  return `${lines.join('\n').trimEnd()}\n`;
}
