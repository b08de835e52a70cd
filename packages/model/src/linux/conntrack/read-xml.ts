/** `conntrack -L -o xml`: a `flow` with three `meta` each (libnetfilter_conntrack's snprintf_xml.c). */
import type { ConntrackDetails, ConntrackEntry } from '@podwire/engine';
import { Protocol } from '@podwire/engine';
import { wholeNumber } from '../lines.ts';
import { childOf, type Element, textOf } from '../xml.ts';
import { natOf, tupleOf } from './words.ts';

function meta(flow: Element, direction: string): Element {
  const found = flow.children.find((c) => c.name === 'meta' && c.attributes.direction === direction);
  if (!found) throw new RangeError(`no ${direction} direction`);
  return found;
}

function fieldsOf(element: Element): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const layer of element.children) {
    if (layer.name === 'layer3' || layer.name === 'layer4') {
      for (const { name, text } of layer.children) fields[name] = text;
    }
  }
  return fields;
}

function countersOf(element: Element): { packets: number; bytes: number } | undefined {
  const counters = childOf(element, 'counters');
  if (!counters) return undefined;
  const value = (name: string) => wholeNumber(textOf(counters, name), 'counter');
  return { packets: value('packets'), bytes: value('bytes') };
}

const KNOWN = new Set([
  'state',
  'timeout',
  'mark',
  'secmark',
  'secctx',
  'zone',
  'use',
  'id',
  'unreplied',
  'assured',
  'offload',
  'hw_offload',
  'deltatime',
  'timestamp',
  'helper',
  'labels',
  'when',
]);

function detailsOf(flow: Element, common: Element): ConntrackDetails | undefined {
  const details: ConntrackDetails = {};
  const number = (name: string) => {
    const text = textOf(common, name);
    return text === undefined ? undefined : wholeNumber(text, name);
  };
  const put = <K extends keyof ConntrackDetails>(key: K, value: ConntrackDetails[K] | undefined) => {
    if (value !== undefined) details[key] = value;
  };
  put('original', countersOf(meta(flow, 'original')));
  put('reply', countersOf(meta(flow, 'reply')));
  if (childOf(common, 'hw_offload')) details.offload = 'hardware';
  else if (childOf(common, 'offload')) details.offload = 'software';
  put('helper', textOf(common, 'helper'));
  const labels = childOf(common, 'labels')?.children.map((label) => label.text);
  put('labels', labels?.join(','));
  put('secctx', textOf(common, 'secctx'));
  put('deltaTime', number('deltatime'));
  const times = childOf(common, 'timestamp');
  put('start', textOf(times, 'start'));
  put('stop', textOf(times, 'stop'));
  put('use', number('use'));
  put('id', number('id'));
  return Object.keys(details).length > 0 ? details : undefined;
}

/** A zone of one direction stands beside its tuple. */
function zoneOf(flow: Element): { zone: number; zoneDirection?: ConntrackDetails['zoneDirection'] } {
  const text = (name: string) => textOf(meta(flow, name), 'zone');
  const of = (value: string) => wholeNumber(value, 'zone', 65535);
  const [both, original, reply] = [text('independent'), text('original'), text('reply')];
  if (both !== undefined) return { zone: of(both) };
  if (original !== undefined) return { zone: of(original), zoneDirection: 'ORIGINAL' };
  return reply === undefined ? { zone: 0 } : { zone: of(reply), zoneDirection: 'REPLY' };
}

/** Throws RangeError. */
export function readFlow(flow: Element): ConntrackEntry {
  const [there, back, common] = [meta(flow, 'original'), meta(flow, 'reply'), meta(flow, 'independent')];
  const strange = common.children.find(({ name }) => !KNOWN.has(name));
  if (strange) throw new RangeError(`<${strange.name}> is not understood`);
  const protocol = wholeNumber(childOf(there, 'layer4')?.attributes.protonum, 'protocol', 255);
  const original = tupleOf(fieldsOf(there), protocol);
  const reply = tupleOf(fieldsOf(back), protocol, original.family).tuple;
  const state = textOf(common, 'state');
  const timeout = textOf(common, 'timeout');
  const { zone, zoneDirection } = zoneOf(flow);
  const details = detailsOf(flow, common);
  const all = zoneDirection ? { ...details, zoneDirection } : details;
  return {
    family: original.family,
    protocol,
    original: original.tuple,
    reply,
    ...(state !== undefined && (protocol === Protocol.TCP ? { tcpState: state } : { state })),
    ...(timeout !== undefined && { timeout: wholeNumber(timeout, 'timeout') }),
    seenReply: !childOf(common, 'unreplied'),
    assured: ['assured', 'offload', 'hw_offload'].some((name) => childOf(common, name)),
    ...natOf(original.tuple, reply, protocol),
    mark: wholeNumber(textOf(common, 'mark') ?? '0', 'mark', 0xffffffff),
    zone,
    ...(all && { details: all }),
  };
}
