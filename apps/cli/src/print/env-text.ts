/** `podwire env` as text: each container with its variables, and where each comes from. */
import type { ContainerEnvironment, EnvironmentAnswer, VariableView } from '@podwire/model';
import { layOut, type Row } from './layout.ts';
import { hintLines, noteLines } from './notes.ts';
import type { Style, Tone } from './style.ts';
import { fileText, objectText } from './words.ts';

interface EnvTextOptions {
  style: Style;
  columns: number | undefined;
  /** Assumptions in full. */
  everything: boolean;
}

const STARTS: Readonly<Record<ContainerEnvironment['starts'], readonly [string, Tone]>> = {
  yes: ['starts', 'green'],
  no: ['cannot be started', 'red'],
  unknown: ['starts if what it refers to is there', 'yellow'],
};

const SOURCES: Readonly<Record<VariableView['source'], string>> = {
  env: 'env',
  field: 'field of the Pod',
  resource: 'resources',
  configMap: 'ConfigMap',
  secret: 'Secret',
  file: 'file',
  envFrom: 'envFrom',
  service: 'Service',
};

function valueText({ value, secret, unknown }: VariableView, style: Style): string {
  if (secret) return style('(secret)', 'dim');
  if (unknown !== undefined) return style(`(not known: ${unknown})`, 'yellow');
  // Line feeds and the like would break the table.
  return /[\p{Cc}]/u.test(value ?? '') ? JSON.stringify(value) : (value ?? '');
}

function sourceText({ source, object, key }: VariableView): string {
  if (!object) return key === undefined ? SOURCES[source] : `${SOURCES[source]} key ${key}`;
  return `${source === 'envFrom' ? 'envFrom ' : ''}${objectText(object)}${key === undefined ? '' : ` key ${key}`}`;
}

function variableRows(variable: VariableView, style: Style): Row[] {
  const rows: Row[] = [
    {
      head: [variable.name],
      body: valueText(variable, style),
      tail: style(`${sourceText(variable)}${variable.object ? `  ${fileText(variable.object)}` : ''}`, 'dim'),
    },
  ];
  if (variable.note !== undefined) rows.push({ head: [''], body: style(variable.note, 'yellow') });
  return rows;
}

/** The whole text, with a line feed at its end. */
export function envText(answer: EnvironmentAnswer, { style, columns, everything }: EnvTextOptions): string {
  const { pod, containers, summary, serviceLinks, notes } = answer;
  const lines = layOut([{ head: [style(objectText(pod), 'bold')], body: summary }], { columns });
  if (!serviceLinks)
    lines.push(
      ...layOut([{ head: [], body: 'enableServiceLinks is false: of Services only kubernetes is here.' }], { columns }),
    );
  for (const { name, init, starts, variables, problems } of containers) {
    const [word, tone] = STARTS[starts];
    lines.push('', `${style(`${init ? 'init container' : 'container'} ${name}`, 'bold')}  ${style(word, tone)}`);
    lines.push(
      ...layOut(
        variables.flatMap((variable) => variableRows(variable, style)),
        { columns, indent: 2 },
      ),
    );
    lines.push(...hintLines(problems, columns, style).filter((line) => line !== ''));
  }
  lines.push(...noteLines(notes, everything, columns, style, '-o wide'));
  return `${lines.join('\n')}\n`;
}
