/** Connections as `conntrack -L` prints them (libnetfilter_conntrack's snprintf_default.c, snprintf_xml.c), and the kernel's own list. */
import type { ConntrackDetails, ConntrackEntry, Tuple } from '@podwire/engine';
import { escapeXml } from '../xml.ts';
import { portWords, protocolName } from './words.ts';

export interface ConntrackForm {
  /** `-o extended`: the family stands first. */
  extended?: boolean;
  /** `-o id`. */
  id?: boolean;
  /** `-o ktimestamp`. */
  timestamp?: boolean;
  /** `-o labels`. */
  labels?: boolean;
}

const FAMILY_NUMBER = { 4: 2, 6: 10 } as const;

function tupleWords(tuple: Tuple, protocol: number): string[] {
  const ends = [`src=${tuple.saddr}`, `dst=${tuple.daddr}`];
  return [...ends, ...portWords(tuple, protocol).map(([name, value]) => `${name}=${value}`)];
}

function counterWords(counters: ConntrackDetails['original']): string[] {
  return counters ? [`packets=${counters.packets}`, `bytes=${counters.bytes}`] : [];
}

function word(name: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [`${name}=${value}`];
}

function statusWords({ assured, details }: ConntrackEntry): string[] {
  if (details?.offload === 'hardware') return ['[HW_OFFLOAD]'];
  if (details?.offload === 'software') return ['[OFFLOAD]'];
  return assured ? ['[ASSURED]'] : [];
}

function times({ start, stop }: ConntrackDetails): string[] {
  return [...(start === undefined ? [] : [`[start=${start}]`]), ...(stop === undefined ? [] : [`[stop=${stop}]`])];
}

function head(entry: ConntrackEntry, extended: boolean): string {
  const family = extended ? `${`ipv${entry.family}`.padEnd(8)} ${FAMILY_NUMBER[entry.family]} ` : '';
  return `${family}${protocolName(entry.protocol).padEnd(8)} ${entry.protocol} `;
}

function entryText(entry: ConntrackEntry, { extended = false, id, timestamp, labels }: ConntrackForm): string {
  const { details = {}, protocol } = entry;
  const zone = (direction: ConntrackDetails['zoneDirection']) =>
    details.zoneDirection === direction && (entry.zone !== 0 || direction !== undefined) ? entry.zone : undefined;
  const state = entry.tcpState ?? entry.state;
  const words = [
    ...(entry.timeout === undefined ? [] : [String(entry.timeout)]),
    ...(state === undefined ? [] : [state]),
    ...tupleWords(entry.original, protocol),
    ...word('zone-orig', zone('ORIGINAL')),
    ...counterWords(details.original),
    ...(entry.seenReply ? [] : ['[UNREPLIED]']),
    ...tupleWords(entry.reply, protocol),
    ...word('zone-reply', zone('REPLY')),
    ...counterWords(details.reply),
    ...statusWords(entry),
    `mark=${entry.mark}`,
    ...word('secctx', details.secctx),
    ...word('zone', zone(undefined)),
    ...word('delta-time', details.deltaTime),
    ...(timestamp ? times(details) : []),
    ...word('helper', details.helper),
    ...word('use', details.use),
    ...(id ? word('id', details.id) : []),
    ...(labels ? word('labels', details.labels) : []),
  ];
  return head(entry, extended) + words.join(' ');
}

/** `conntrack -L`, without the line that counts them. */
export function printConntrack(entries: readonly ConntrackEntry[], form: ConntrackForm = {}): string {
  return entries.map((entry) => `${entryText(entry, form)}\n`).join('');
}

/** /proc/net/nf_conntrack: as the extended form, with the zone always there. */
export function printProcConntrack(entries: readonly ConntrackEntry[]): string {
  return entries
    .map((entry) => {
      const text = entryText(entry, { extended: true });
      return `${entry.zone === 0 ? text.replace(/ mark=\d+/, (mark) => `${mark} zone=0`) : text}\n`;
    })
    .join('');
}

function tag(name: string, value: string | number | undefined): string {
  return value === undefined ? '' : `<${name}>${escapeXml(String(value))}</${name}>`;
}

function directionXml(entry: ConntrackEntry, direction: 'original' | 'reply'): string {
  const { protocol, family, details = {} } = entry;
  const tuple = entry[direction];
  const ports = portWords(tuple, protocol).map(([name, value]) => tag(name, value));
  const counters = details[direction];
  const isZone = details.zoneDirection === (direction === 'original' ? 'ORIGINAL' : 'REPLY');
  return (
    `<meta direction="${direction}">` +
    `<layer3 protonum="${FAMILY_NUMBER[family]}" protoname="ipv${family}">${tag('src', tuple.saddr)}${tag('dst', tuple.daddr)}</layer3>` +
    `<layer4 protonum="${protocol}" protoname="${protocolName(protocol)}">${ports.join('')}</layer4>` +
    (isZone ? tag('zone', entry.zone) : '') +
    (counters ? `<counters>${tag('packets', counters.packets)}${tag('bytes', counters.bytes)}</counters>` : '') +
    '</meta>'
  );
}

function flowXml(entry: ConntrackEntry): string {
  const { details = {} } = entry;
  const labels = details.labels?.split(',').map((label) => tag('label', label));
  const stamps = tag('start', details.start) + tag('stop', details.stop);
  const offload = details.offload === 'hardware' ? '<hw_offload/>' : details.offload ? '<offload/>' : '';
  return (
    `<flow>${directionXml(entry, 'original')}${directionXml(entry, 'reply')}<meta direction="independent">` +
    tag('state', entry.tcpState ?? entry.state) +
    tag('timeout', entry.timeout) +
    tag('mark', entry.mark) +
    tag('secctx', details.secctx) +
    (entry.zone !== 0 && details.zoneDirection === undefined ? tag('zone', entry.zone) : '') +
    tag('use', details.use) +
    tag('id', details.id) +
    (offload === '' && entry.assured ? '<assured/>' : offload) +
    (entry.seenReply ? '' : '<unreplied/>') +
    tag('deltatime', details.deltaTime) +
    (stamps === '' ? '' : `<timestamp>${stamps}</timestamp>`) +
    tag('helper', details.helper) +
    (labels ? `<labels>${labels.join('')}</labels>` : '') +
    '</meta></flow>\n'
  );
}

/** `conntrack -L -o xml`. */
export function printConntrackXml(entries: readonly ConntrackEntry[]): string {
  return `<?xml version="1.0" encoding="utf-8"?>\n<conntrack>\n${entries.map(flowXml).join('')}</conntrack>\n`;
}
