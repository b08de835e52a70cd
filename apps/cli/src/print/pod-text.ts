/** `podwire pod` as text: what is shared, the containers with their ports, and what clashes. */
import type { ContainerView, PodFindingView, PodNetworkAnswer } from '@podwire/model';
import { layOut, type Row } from './layout.ts';
import { noteLines } from './notes.ts';
import type { Style } from './style.ts';
import { fileText, objectText } from './words.ts';

interface PodTextOptions {
  style: Style;
  columns: number | undefined;
  /** Assumptions in full. */
  everything: boolean;
}

const ROLES: Readonly<Record<ContainerView['role'], string>> = {
  container: 'container',
  init: 'init container: ends before the next starts',
  sidecar: 'sidecar: an init container that keeps running',
};

function portText({ port, protocol, name, hostPort, hostIP }: ContainerView['ports'][number]): string {
  const host = hostPort === undefined ? '' : `, host port ${hostIP === undefined ? '' : `${hostIP}:`}${hostPort}`;
  return `${port}/${protocol}${name === undefined ? '' : ` ${name}`}${host}`;
}

function containerRows({ name, role, ports, listens }: ContainerView, style: Style): Row[] {
  return [
    { head: [style(name, 'bold')], body: style(ROLES[role], 'dim') },
    ...ports.map(
      (port): Row => ({
        head: ['  declares'],
        body: portText(port),
        tail: style(fileText(port.object), 'dim'),
      }),
    ),
    ...listens.map(
      ({ address, port, protocol, text }): Row => ({
        head: ['  listens'],
        body: `${address.includes(':') ? `[${address}]` : address}:${port}/${protocol}`,
        tail: style(text, 'dim'),
      }),
    ),
  ];
}

function findingRows({ severity, text, mend, object, other }: PodFindingView, style: Style): Row[] {
  return [
    {
      head: [style(severity, severity === 'error' ? 'red' : 'yellow', 'bold')],
      body: text,
      ...(object && { tail: style(fileText(object), 'dim') }),
    },
    ...(other
      ? [{ head: [''], body: style(`the other: ${objectText(other)}`, 'dim'), tail: style(fileText(other), 'dim') }]
      : []),
    ...(mend === undefined ? [] : [{ head: [''], body: style(mend, 'bold') }]),
  ];
}

/** The whole text, with a line feed at its end. */
export function podText(answer: PodNetworkAnswer, { style, columns, everything }: PodTextOptions): string {
  const { summary, node, network, addresses, processes, containers, neighbours, findings, notes } = answer;
  const lines = layOut([{ head: [], body: style(summary, 'bold') }], { columns });
  const facts: Row[] = [
    { head: ['network'], body: network === 'node' ? "its node's" : 'its own, shared by its containers' },
    ...(node === undefined ? [] : [{ head: ['node'], body: node }]),
    { head: ['addresses'], body: addresses.join(', ') || 'none' },
    { head: ['processes'], body: processes === 'shared' ? 'seen by each other' : 'apart' },
    ...(neighbours.length === 0 ? [] : [{ head: ['beside it'], body: neighbours.join(', ') }]),
  ];
  lines.push(...layOut(facts, { columns, indent: 2 }), '', style('containers', 'bold'));
  lines.push(
    ...layOut(
      containers.flatMap((container) => containerRows(container, style)),
      { columns, indent: 2 },
    ),
  );
  if (findings.length > 0) {
    lines.push('', style('findings', 'bold'));
    lines.push(
      ...layOut(
        findings.flatMap((finding) => findingRows(finding, style)),
        { columns, indent: 2 },
      ),
    );
  }
  lines.push(...noteLines(notes, everything, columns, style, '-o wide'));
  return `${lines.join('\n')}\n`;
}
