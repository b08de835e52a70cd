/** Every step of a walk, one line each: the literal rule, the route, the header after each rewrite. */
import { type Hop, type PacketView, printPacket, type StepView, type WalkView } from '@podwire/model';
import type { Row } from './layout.ts';
import type { Style } from './style.ts';
import { fileText, objectText, placeText } from './words.ts';

function headerText(packet: PacketView): string {
  const info = packet.info === '' ? '' : ` ${packet.info}`;
  return `${printPacket(packet)}${info} ttl ${packet.ttl}`;
}

type Line = { what: string; body: string; object?: Extract<StepView, { kind: 'rule' }>['object'] };

/**
 * What a rule says itself is not said again, nor that a chain without a matching rule lets pass, unless everything is asked for.
 * `hasRules`: a rule of the step's table and hook was shown.
 */
function lineOf(step: StepView, hasRules: boolean, everything: boolean): Line | undefined {
  switch (step.kind) {
    case 'enter':
      return { what: step.link === undefined ? 'made here' : `in ${step.link}`, body: headerText(step.packet) };
    case 'conntrack':
      return { what: 'conntrack', body: `${step.state}${step.direction === 'reply' ? ', reply direction' : ''}` };
    case 'rule':
      return { what: `${step.table} ${step.hook}`, body: step.text, ...(step.object && { object: step.object }) };
    case 'chain':
      if (!everything && (step.by === 'rule' || (step.verdict === 'accept' && !hasRules))) return undefined;
      return {
        what: `${step.table} ${step.hook}`,
        body:
          step.by === 'policy'
            ? `policy ${step.verdict.toUpperCase()}`
            : `ended by the rule above: ${step.verdict.toUpperCase()}`,
      };
    case 'nat':
      if (step.by) return { what: step.by, body: `${step.what} ${step.from} > ${step.to}` };
      return { what: step.remembered ? 'nat, remembered' : 'nat', body: `${step.what} ${step.from} > ${step.to}` };
    case 'balance':
      return {
        what: step.link === undefined ? 'ebpf, socket' : `ebpf, ${step.link}`,
        body: step.to === undefined ? `${step.frontend} goes no further` : `${step.what} ${step.from} > ${step.to}`,
        ...(step.object && { object: step.object }),
      };
    case 'route': {
      const table = step.table === undefined ? '' : `  table ${step.table}`;
      const source = step.source === undefined ? '' : `  source ${step.source}`;
      const mtu = step.pathMtu === undefined ? '' : `  path MTU ${step.pathMtu}`;
      return {
        what: `route ${step.purpose}`,
        body: `${step.text ?? 'none'}${table}${source}${mtu}`,
        ...(step.object && { object: step.object }),
      };
    }
    case 'ipvs':
      return {
        what: `ipvs, ${step.how}`,
        body: step.server ?? step.service,
        ...(step.object && { object: step.object }),
      };
    case 'learn':
      return { what: 'learns', body: `path MTU ${step.mtu} to ${step.destination}` };
    case 'fragment':
    case 'reassemble':
      return { what: step.kind === 'fragment' ? 'a piece' : 'whole again', body: headerText(step.packet) };
    case 'bridge':
      return { what: 'bridge', body: `${step.bridge}: ${step.from ?? 'own stack'} > ${step.to ?? 'own stack'}` };
    case 'encapsulate':
      return { what: `into ${step.link}`, body: headerText(step.packet) };
    case 'decapsulate':
      return { what: `out of ${step.link}`, body: headerText(step.packet) };
    case 'unanswered':
      return {
        what: `${step.table} ${step.hook}`,
        body: `${step.text ?? `policy of ${step.chain}`}, which drops the neighbour's ${step.which}`,
        ...(step.object && { object: step.object }),
      };
    case 'transmit':
      return {
        what: `out ${step.link}`,
        body: step.to
          ? `> ${placeText(step.to.place)} ${step.to.link}, next hop ${step.nexthop}`
          : `next hop ${step.nexthop}, and nobody took it`,
      };
    case 'choice': {
      const total = step.weights?.reduce((sum, w) => sum + w, 0);
      const odds = total === undefined ? 'odds not known' : `${step.weights?.[step.taken]} of ${total}`;
      return { what: 'choice', body: `${step.taken + 1} of ${step.alternatives} taken (${odds}): ${step.construct}` };
    }
  }
}

function hopRows(hop: Hop, number: number, everything: boolean, style: Style): Row[] {
  const rows: Row[] = [];
  const matched = new Set<string>();
  let said = '';
  for (const step of hop.steps) {
    if (step.kind === 'rule') matched.add(`${step.table} ${step.hook}`);
    const hasRules = step.kind === 'chain' && matched.has(`${step.table} ${step.hook}`);
    const line = lineOf(step, hasRules, everything);
    if (!line) continue;
    const first = rows.length === 0;
    const because = line.object
      ? [objectText(line.object), fileText(line.object)].filter((t) => t !== '').join('  ')
      : '';
    rows.push({
      head: [first ? String(number).padStart(2) : '', first ? style(placeText(hop.place), 'bold') : '', line.what],
      body: line.body,
      // Rules in a row have the same object as a rule: it is named at the first.
      tail: because === said ? '' : style(because, 'dim'),
    });
    said = because;
    if (step.kind === 'nat' || (step.kind === 'balance' && step.to !== undefined))
      rows.push({ head: ['', '', ''], body: style(`now ${headerText(step.packet)}`, 'cyan') });
  }
  return rows;
}

/** Rows of one walk, and how it ended. */
export function walkRows(walk: WalkView, everything: boolean, style: Style): Row[] {
  const rows = walk.hops.flatMap((hop, i) => hopRows(hop, i + 1, everything, style));
  rows.push({
    head: ['', '', style(walk.verdict, walk.verdict === 'delivered' ? 'green' : 'red')],
    body: `${walk.reason}: ${headerText(walk.packet)}`,
  });
  return rows;
}
