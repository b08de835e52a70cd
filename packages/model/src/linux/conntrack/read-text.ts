/** Lines of `conntrack -L`, with or without `-o extended,id,ktimestamp,labels`, and of /proc/net/nf_conntrack. */
import type { ConntrackDetails, ConntrackEntry } from '@podwire/engine';
import { Protocol } from '@podwire/engine';
import { wholeNumber } from '../lines.ts';
import { natOf, protocolName, tupleOf } from './words.ts';

/** `src=... dst=... sport=...` of one direction, with its counters. */
type Direction = Record<string, string>;

interface Words {
  directions: Direction[];
  /** `mark`, `zone`, `use` ..., which belong to neither. */
  common: Record<string, string>;
  /** `UNREPLIED`, `ASSURED`, `start=...`. */
  flags: string[];
}

const OF_DIRECTION = new Set(['src', 'dst', 'sport', 'dport', 'type', 'code', 'id', 'srckey', 'dstkey']);
const COUNTERS = new Set(['packets', 'bytes']);
const COMMON = new Set([
  'mark',
  'secmark',
  'secctx',
  'zone',
  'zone-orig',
  'zone-reply',
  'delta-time',
  'helper',
  'use',
  'id',
  'labels',
]);

function sortWords(text: string): Words {
  const words: Words = { directions: [], common: {}, flags: [] };
  for (const [word = '', flag] of text.matchAll(/\[([^\]]*)\]|\S+/g)) {
    if (flag !== undefined) {
      words.flags.push(flag);
      continue;
    }
    const equals = word.indexOf('=');
    const name = word.slice(0, equals);
    const value = word.slice(equals + 1);
    if (equals < 0) throw new RangeError(`"${word}" is not understood`);
    if (name === 'src') words.directions.push({});
    const direction = words.directions.at(-1);
    if (direction && (COUNTERS.has(name) || (OF_DIRECTION.has(name) && isWanted(direction, name)))) {
      direction[name] = value;
    } else if (COMMON.has(name)) words.common[name] = value;
    else throw new RangeError(`"${word}" is not understood`);
  }
  return words;
}

/** ICMP has an `id` in each direction, and the entry has one of its own behind them. */
function isWanted(direction: Direction, name: string): boolean {
  return direction[name] === undefined && (name !== 'id' || direction.type !== undefined);
}

function countersOf(direction: Direction): { packets: number; bytes: number } | undefined {
  if (direction.packets === undefined) return undefined;
  return { packets: wholeNumber(direction.packets, 'counter'), bytes: wholeNumber(direction.bytes, 'counter') };
}

interface Head {
  protocol: number;
  timeout: number | undefined;
  state: string | undefined;
}

/** `ipv4     2 tcp      6 431999 ESTABLISHED `: all but the protocol's name and number may be missing. */
const HEAD = /^\s*(?:ipv[46]\s+\d+\s+)?([\w-]+)\s+(\d+)\s+(?:(\d+)\s+)?(?:([A-Z][A-Z0-9_]*)\s+)?(?=src=)/;

function detailsOf(words: Words): ConntrackDetails | undefined {
  const { common, flags } = words;
  const [original = {}, reply = {}] = words.directions.map(countersOf);
  const details: ConntrackDetails = {};
  if ('packets' in original) details.original = original as { packets: number; bytes: number };
  if ('packets' in reply) details.reply = reply as { packets: number; bytes: number };
  if (flags.includes('HW_OFFLOAD')) details.offload = 'hardware';
  else if (flags.includes('OFFLOAD')) details.offload = 'software';
  if (common.helper !== undefined) details.helper = common.helper;
  if (common.labels !== undefined) details.labels = common.labels;
  if (common.secctx !== undefined) details.secctx = common.secctx;
  if (common['zone-orig'] !== undefined) details.zoneDirection = 'ORIGINAL';
  if (common['zone-reply'] !== undefined) details.zoneDirection = 'REPLY';
  if (common['delta-time'] !== undefined) details.deltaTime = wholeNumber(common['delta-time'], 'time');
  const time = (name: string) => flags.find((flag) => flag.startsWith(`${name}=`))?.slice(name.length + 1);
  const [start, stop] = [time('start'), time('stop')];
  if (start !== undefined) details.start = start;
  if (stop !== undefined) details.stop = stop;
  if (common.use !== undefined) details.use = wholeNumber(common.use, 'count');
  if (common.id !== undefined) details.id = wholeNumber(common.id, 'id');
  return Object.keys(details).length > 0 ? details : undefined;
}

const FLAGS = /^(UNREPLIED|ASSURED|OFFLOAD|HW_OFFLOAD|start=.*|stop=.*)$/;

/** Throws RangeError. */
export function readEntry(line: string): ConntrackEntry {
  const m = HEAD.exec(line);
  if (!m) throw new RangeError('no connection');
  const protocol = wholeNumber(m[2], 'protocol', 255);
  const known = protocolName(protocol);
  const name = m[1] as string;
  if (known !== 'unknown' && name !== 'unknown' && name !== known)
    throw new RangeError(`protocol ${protocol} is ${known}`);
  const head: Head = { protocol, timeout: m[3] === undefined ? undefined : Number(m[3]), state: m[4] };
  const words = sortWords(line.slice(m[0].length));
  const strange = words.flags.find((flag) => !FLAGS.test(flag));
  if (strange !== undefined) throw new RangeError(`"[${strange}]" is not understood`);
  const [there, back] = words.directions;
  if (!there || !back || words.directions.length > 2) throw new RangeError('a connection has two directions');
  const original = tupleOf(there, protocol);
  const reply = tupleOf(back, protocol, original.family).tuple;
  const zone = words.common.zone ?? words.common['zone-orig'] ?? words.common['zone-reply'];
  const details = detailsOf(words);
  return {
    family: original.family,
    protocol,
    original: original.tuple,
    reply,
    ...(head.state !== undefined && (protocol === Protocol.TCP ? { tcpState: head.state } : { state: head.state })),
    ...(head.timeout !== undefined && { timeout: head.timeout }),
    seenReply: !words.flags.includes('UNREPLIED'),
    // An offloaded connection shows that alone; it was assured when it was handed over.
    assured: words.flags.some((flag) => flag === 'ASSURED' || flag.endsWith('OFFLOAD')),
    ...natOf(original.tuple, reply, protocol),
    mark: words.common.mark === undefined ? 0 : wholeNumber(words.common.mark, 'mark', 0xffffffff),
    zone: zone === undefined ? 0 : wholeNumber(zone, 'zone', 65535),
    ...(details && { details }),
  };
}
