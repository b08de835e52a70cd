/** Names of ipset's types, and the words behind an entry (ipset's lib/ipset_*.c, lib/print.c). */
import type { IpSet, IpSetEntry } from '@podwire/engine';
import { lookUp, wholeNumber } from '../lines.ts';

const TYPES = new Set([
  'bitmap:ip',
  'bitmap:ip,mac',
  'bitmap:port',
  'hash:ip',
  'hash:mac',
  'hash:ip,mac',
  'hash:net',
  'hash:net,net',
  'hash:ip,port',
  'hash:net,port',
  'hash:ip,port,ip',
  'hash:ip,port,net',
  'hash:ip,mark',
  'hash:net,port,net',
  'hash:net,iface',
  'list:set',
]);

/** Older names, which ipset still takes. */
const ALIASES: Readonly<Record<string, string>> = {
  ipmap: 'bitmap:ip',
  macipmap: 'bitmap:ip,mac',
  portmap: 'bitmap:port',
  iphash: 'hash:ip',
  nethash: 'hash:net',
  netportnethash: 'hash:net,port,net',
  ipporthash: 'hash:ip,port',
  ipportiphash: 'hash:ip,port,ip',
  ipportnethash: 'hash:ip,port,net',
  setlist: 'list:set',
};

export function typeOf(word: string | undefined): string {
  const type = lookUp(ALIASES, word) ?? word ?? '';
  if (!TYPES.has(type)) throw new RangeError(`"${word ?? ''}" is no type of set`);
  return type;
}

/** Options as they stand behind the type; `family` is read, all are kept as text. */
export function setOf(name: string, type: string, options: readonly string[]): IpSet {
  const at = options.indexOf('family');
  const family = at < 0 ? undefined : options[at + 1];
  return {
    name,
    type,
    ...(family === 'inet6' || family === 'inet' ? { family } : {}),
    entries: [],
    ...(options.length > 0 && { options: options.join(' ') }),
  };
}

/** A word, or what stands between quotation marks. */
const WORD = /"([^"]*)"|(\S+)/g;

function splitEntry(text: string): { word: string; isQuoted: boolean }[] {
  return [...text.matchAll(WORD)].map((m) => ({ word: m[1] ?? m[2] ?? '', isQuoted: m[1] !== undefined }));
}

/** `10.0.0.1 timeout 5 nomatch packets 0 bytes 0 comment "a b"`. Throws RangeError. */
export function readEntry(text: string): IpSetEntry {
  const words = splitEntry(text);
  const first = words.shift();
  if (first === undefined) throw new RangeError('no element');
  const entry: IpSetEntry = { value: first.word };
  for (let next = words.shift(); next !== undefined; next = words.shift()) {
    const value = () => words.shift()?.word;
    switch (next.word) {
      case 'nomatch':
        entry.nomatch = true;
        break;
      case 'timeout':
        entry.timeout = wholeNumber(value(), 'timeout');
        break;
      case 'packets':
        entry.counters = { packets: wholeNumber(value(), 'counter'), bytes: entry.counters?.bytes ?? 0 };
        break;
      case 'bytes':
        entry.counters = { packets: entry.counters?.packets ?? 0, bytes: wholeNumber(value(), 'counter') };
        break;
      case 'comment':
        entry.comment = value() ?? '';
        break;
      case 'skbmark':
      case 'skbprio':
        entry[next.word] = value() ?? '';
        break;
      case 'skbqueue':
        entry.skbqueue = wholeNumber(value(), 'queue', 65535);
        break;
      case 'before':
      case 'after':
        // Where a member of a list was put when it was added; the order of the lines says it already.
        value();
        break;
      default:
        throw new RangeError(`"${next.word}" is not understood`);
    }
  }
  return entry;
}

/** The words of an entry in ipset's own order. */
export function entryWords(entry: IpSetEntry): [name: string, value?: string | number][] {
  const { value: _value, timeout, nomatch, counters, comment, skbmark, skbprio, skbqueue } = entry;
  const words: [string, (string | number)?][] = [];
  if (timeout !== undefined) words.push(['timeout', timeout]);
  if (nomatch) words.push(['nomatch']);
  if (counters) words.push(['packets', counters.packets], ['bytes', counters.bytes]);
  if (comment !== undefined) words.push(['comment', `"${comment}"`]);
  if (skbmark !== undefined) words.push(['skbmark', skbmark]);
  if (skbprio !== undefined) words.push(['skbprio', skbprio]);
  if (skbqueue !== undefined) words.push(['skbqueue', skbqueue]);
  return words;
}
