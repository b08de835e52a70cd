/** Whose address the receivers see, and where and why it is not the client's. */
import type { Outcome, Receiver } from '@podwire/model';
import type { Row } from './layout.ts';
import type { Style } from './style.ts';
import { count, fileText, objectText, placeText } from './words.ts';

/** Receivers of which the same is to be said. */
function alike(receivers: readonly Receiver[]): Receiver[][] {
  const groups = new Map<string, Receiver[]>();
  for (const receiver of receivers) {
    const { sourceKept, sourceLost } = receiver;
    const key = sourceKept ? 'kept' : (sourceLost?.code ?? 'lost');
    groups.set(key, [...(groups.get(key) ?? []), receiver]);
  }
  return [...groups.values()];
}

const SHOWN_MAX = 3;

/** `pod shop/a and pod shop/b see 10.244.1.5`. */
function seenText(receivers: readonly Receiver[]): string {
  const bySeen = new Map<string, string[]>();
  for (const { place, sees, beyond } of receivers) {
    const again =
      beyond?.address === undefined ? 'the address of a router beyond' : `${beyond.address} (its ExternalIP)`;
    const address = beyond ? `${sees.address}, or rather ${again}` : sees.address;
    const names = bySeen.get(address) ?? [];
    if (!names.includes(placeText(place))) bySeen.set(address, [...names, placeText(place)]);
  }
  const parts = [...bySeen].map(([address, names]) => {
    const [name] = names;
    const who = names.length <= 2 ? names.join(' and ') : count(names.length, 'receiver');
    return `${who} ${names.length === 1 && name !== undefined ? 'sees' : 'see'} ${address}`;
  });
  const more = parts.length > SHOWN_MAX ? [count(parts.length - SHOWN_MAX, 'other')] : [];
  return [...parts.slice(0, SHOWN_MAX), ...more].join(', ');
}

/** A row for each way in which it is kept or lost, with the rule and what would keep it. */
export function clientRows(outcomes: readonly Outcome[], everything: boolean, style: Style): Row[] {
  const receivers = outcomes.flatMap(({ receiver }) => receiver ?? []);
  return alike(receivers).flatMap((group): Row[] => {
    const [{ sourceKept, sourceLost }] = group as [Receiver];
    const seen = seenText(group);
    if (sourceKept || !sourceLost) return [{ head: ['client', sourceKept ? 'kept' : 'lost'], body: seen }];
    const { place, text, keep, rule, object } = sourceLost;
    const others = new Set(group.map((one) => one.sourceLost?.place.name)).size - 1;
    const at = `${placeText(place)}${others > 0 ? ` and ${count(others, 'other')}` : ''}`;
    const tail = object ? { tail: style(`${objectText(object)}  ${fileText(object)}`, 'dim') } : {};
    const rows: Row[] = [{ head: ['client', 'lost'], body: `at ${at}: ${text}`, ...tail }];
    rows.push({ head: ['', ''], body: seen });
    if (everything && rule !== undefined) rows.push({ head: ['', 'by'], body: rule });
    if (keep !== undefined) rows.push({ head: ['', 'keep'], body: keep });
    return rows;
  });
}
