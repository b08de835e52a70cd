/** Who answers, how likely, and which source address each sees. */
import { hostPort, type Outcome } from '@podwire/model';
import type { Row } from './layout.ts';
import type { Style } from './style.ts';
import { oddsText, placeText, verdictText } from './words.ts';

const SHOWN_MAX = 10;

function conditionText(outcome: Outcome): string {
  const parts = outcome.conditions.map((c) => `${c.holds ? 'if' : 'unless'} ${c.construct}`);
  return parts.length === 0 ? '' : `  ${parts.join(', ')}`;
}

/** The node a packet from outside came in at, where that was a choice. */
function entryOf(outcome: Outcome): string | undefined {
  if (outcome.forward.hops[0]?.place.kind !== 'external') return undefined;
  return outcome.forward.hops.find((hop) => hop.place.kind === 'node')?.place.name;
}

/** Who had the connection, where that was another. */
function hadText({ before, receiver }: Outcome): string {
  const had = before?.receiver?.place;
  if (!had || had.name === receiver?.place.name) return '';
  return `, before at ${placeText(had)}`;
}

/** A row for each way; none where all of them end alike and with nobody. */
export function endpointRows(outcomes: readonly Outcome[], everything: boolean, style: Style): Row[] {
  const alike = new Set(outcomes.map((o) => `${o.verdict} ${o.reason}`)).size === 1;
  if (outcomes.length < 2 || (alike && outcomes.every((o) => !o.receiver))) return [];
  const entries = new Set(outcomes.map(entryOf));
  const shown = everything ? outcomes : outcomes.slice(0, SHOWN_MAX);
  const rows = shown.map((outcome): Row => {
    const { receiver } = outcome;
    const node = receiver?.place.node ?? '';
    const sees = receiver
      ? `sees ${receiver.sees.address}${receiver.sourceKept ? '' : ', not the sender'}`
      : outcome.reason;
    return {
      head: [
        oddsText(outcome.odds),
        outcome.verdict === 'delivered' ? style('ok', 'green') : verdictText(outcome.verdict, style),
        receiver ? placeText(receiver.place) : '-',
        node,
        receiver ? hostPort(receiver.address, receiver.port) : '',
      ],
      body: `${sees}${hadText(outcome)}${entries.size > 1 ? `, came in at ${entryOf(outcome)}` : ''}${conditionText(outcome)}`,
    };
  });
  if (shown.length < outcomes.length) {
    rows.push({
      head: ['', '', `and ${outcomes.length - shown.length} more`, '', ''],
      body: style('--detailed lists them', 'dim'),
    });
  }
  return rows;
}
