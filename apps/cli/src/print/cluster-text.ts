/** `podwire cluster` as text. */
import type { ClusterAnswer } from '@podwire/model';
import { layOut, type Row } from './layout.ts';
import { problemText } from './problems.ts';
import type { Style } from './style.ts';
import { count } from './words.ts';

interface ClusterTextOptions {
  style: Style;
  columns: number | undefined;
  /** Long lists in full. */
  everything: boolean;
}

const SHOWN_MAX = 12;

const MODES: Readonly<Record<ClusterAnswer['mode'], string>> = {
  snapshot: 'snapshot: Pods and Nodes are those of the input',
  design: 'design: Pods, Nodes and EndpointSlices are made from the workloads, as controllers would',
  mixed: 'mixed: some Pods and Nodes are in the input, the others are made',
};

const NAMES: Readonly<Record<string, readonly [string, string]>> = {
  nodes: ['node', 'nodes'],
  namespaces: ['namespace', 'namespaces'],
  pods: ['pod', 'pods'],
  workloads: ['workload', 'workloads'],
  services: ['Service', 'Services'],
  endpointSlices: ['EndpointSlice', 'EndpointSlices'],
  networkPolicies: ['NetworkPolicy', 'NetworkPolicies'],
  configMaps: ['ConfigMap', 'ConfigMaps'],
};

function section(title: string, rows: readonly Row[], { style, columns, everything }: ClusterTextOptions): string[] {
  if (rows.length === 0) return [];
  const shown = everything ? rows : rows.slice(0, SHOWN_MAX);
  const more = rows.length - shown.length;
  return [
    '',
    style(title, 'bold'),
    ...layOut(shown, { columns, indent: 2 }),
    ...(more > 0 ? [style(`  and ${more} more: -o wide`, 'dim')] : []),
  ];
}

export function clusterText(answer: ClusterAnswer, options: ClusterTextOptions): string {
  const { style, columns } = options;
  const { read } = answer;
  const counts = Object.entries(answer.counts)
    .filter(([, n]) => n > 0)
    .map(([what, n]) => count(n, ...(NAMES[what] ?? ([what, what] as const))));
  const lines = layOut(
    [
      {
        head: [style('read', 'bold')],
        body: `${count(read.objects, 'object')} in ${count(read.documents, 'document')} of ${count(read.files, 'file')}`,
      },
      { head: [style('mode', 'bold')], body: MODES[answer.mode] },
      { head: [style('holds', 'bold')], body: counts.length === 0 ? 'nothing that answers use' : counts.join(', ') },
    ],
    { columns },
  );
  lines.push(
    ...section(
      'settings',
      answer.settings.map(({ name, value, how, why, file, line }) => ({
        head: [name, style(how, how === 'assumed' ? 'yellow' : 'green')],
        body: `${value === '' ? 'none' : value}  ${style(`(${why})`, 'dim')}`,
        ...(file !== undefined && { tail: style(`${file}:${line}`, 'dim') }),
      })),
      { ...options, everything: true },
    ),
    ...section(
      'assumed',
      answer.assumptions.map(({ code, text, settle, count: n }) => ({
        head: [code, `${n}x`],
        body: settle === undefined ? `${text}.` : `${text}. ${style(`To settle it: ${settle}`, 'dim')}`,
      })),
      { ...options, everything: true },
    ),
    ...section(
      'not modelled',
      answer.notModelled.map(({ what, count: n }) => ({ head: [`${n}x`], body: what })),
      options,
    ),
    ...section(
      'kinds that no answer uses',
      answer.unused
        .filter(({ kind }) => !answer.notModelled.some((n) => n.what === kind))
        .map(({ kind, count: n }) => ({ head: [`${n}x`], body: kind })),
      options,
    ),
    ...section(
      'ignored',
      answer.ignored.map(({ file, document, why }) => ({
        head: [document === undefined ? file : `${file} document ${document + 1}`],
        body: why,
      })),
      options,
    ),
  );
  const problems = answer.problems.filter((p) => options.everything || p.severity !== 'info');
  if (problems.length > 0) {
    const shown = options.everything ? problems : problems.slice(0, SHOWN_MAX);
    lines.push('', style('problems', 'bold'));
    for (const problem of shown) {
      const rows = problemText(problem, style)
        .split('\n')
        .map((body): Row => ({ head: [], body }));
      lines.push(...layOut(rows, { columns, indent: 2 }));
    }
    if (shown.length < problems.length)
      lines.push(style(`  and ${problems.length - shown.length} more: -o wide`, 'dim'));
  }
  return `${lines.join('\n')}\n`;
}
