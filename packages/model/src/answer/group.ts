/** Puts together what meets the same fate: sources first, then destinations whose sources fall into the same groups. */
import type { DestinationEnd, SourceEnd } from './answer.ts';
import type { Destination } from './destinations.ts';
import type { Ending } from './outcome.ts';
import type { Send } from './paths.ts';
import type { Judged } from './verdicts.ts';

/** The fate of one source on its way to one destination. */
export interface Fate extends Judged {
  source: SourceEnd;
  destination: Destination;
  /** In the order of the ways; none where nothing could be sent. */
  endings: Ending[];
  /** What was sent, to be sent again when the walks are told. */
  send?: Send;
  summary: string;
}

/** Whose address the receiver sees, in words that mean the same for every source and every way in. */
function sourceSeen({ receiver }: Ending): string {
  if (!receiver) return '';
  if (receiver.sourceKept) return 'own';
  return receiver.sees.address === receiver.address ? 'receiver' : 'translated';
}

function receiverKey(outcome: Ending, { source, destination }: Fate): string {
  const { receiver } = outcome;
  if (!receiver) return '';
  const { name } = receiver.place;
  if (name === source.place.name) return 'the source itself';
  // Asked by its own address, "the one that was meant" is the same fate for each of several pods or nodes.
  const own = destination.end.addressKind === 'podIP' || destination.end.addressKind === 'nodeIP';
  if (own && (name === destination.pod || name === destination.node)) return 'the one meant';
  return `${receiver.place.kind} ${name} ${receiver.address} ${receiver.port}`;
}

function decisiveKey({ decisive }: Ending): string {
  if (!decisive) return '';
  const { object, place } = decisive;
  if (object) return `${object.kind} ${object.namespace} ${object.name} ${object.field}`;
  return `${place?.kind} ${decisive.text ?? ''}`;
}

/** Equal for fates that read the same. */
function fateKey(fate: Fate): string {
  return JSON.stringify([
    fate.verdict,
    fate.reason,
    fate.source.place.kind,
    fate.endings.map((o) => [
      o.odds,
      o.conditions.map((c) => [c.construct, c.holds]),
      o.verdict,
      o.reason,
      o.direction,
      o.symptom,
      receiverKey(o, fate),
      sourceSeen(o),
      o.verdict === 'delivered' ? '' : decisiveKey(o),
    ]),
  ]);
}

/** What makes destinations comparable: the same kind of address of the same port of the same object, or the same kind of end. */
function destinationKey({ end, service, family }: Destination): string {
  return JSON.stringify([end.addressKind, end.protocol, end.port, service?.key, service?.port, family]);
}

export interface FateGroup {
  fates: Fate[];
  sources: SourceEnd[];
  destinations: DestinationEnd[];
}

/** `fates` come destination by destination, in each of them source by source; that order is kept. */
export function groupFates(fates: readonly Fate[], ungrouped: boolean): FateGroup[] {
  if (ungrouped) {
    return fates.map((fate) => ({ fates: [fate], sources: [fate.source], destinations: [fate.destination.end] }));
  }
  const byDestination = new Map<Destination, Map<string, Fate[]>>();
  for (const fate of fates) {
    const ofDestination = byDestination.get(fate.destination) ?? new Map<string, Fate[]>();
    byDestination.set(fate.destination, ofDestination);
    const key = fateKey(fate);
    const alike = ofDestination.get(key);
    if (alike) alike.push(fate);
    else ofDestination.set(key, [fate]);
  }
  const merged = new Map<string, FateGroup[]>();
  for (const [destination, parts] of byDestination) {
    const partition = [...parts].map(([key, alike]) => [key, alike.map((f) => f.source.name)]);
    const key = `${destinationKey(destination)}${JSON.stringify(partition)}`;
    const groups = merged.get(key);
    if (!groups) {
      merged.set(
        key,
        [...parts.values()].map((alike) => ({
          fates: alike,
          sources: alike.map((f) => f.source),
          destinations: [destination.end],
        })),
      );
      continue;
    }
    [...parts.values()].forEach((alike, i) => {
      const group = groups[i] as FateGroup;
      group.fates.push(...alike);
      group.destinations.push(destination.end);
    });
  }
  return [...merged.values()].flat();
}
