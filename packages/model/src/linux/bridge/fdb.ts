/** `bridge fdb show`, text or `-j`, with or without `-d -s` (iproute2's bridge/fdb.c). */
import { type FdbEntry, parseAddress } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { eachLine, type Line, type LineOptions, linesOf, wholeNumber, wordsOf } from '../lines.ts';
import { recordsOf } from './records.ts';

/** An entry as listed: what a table holds, whose it is, and whether it was learnt. */
export interface ListedFdbEntry extends FdbEntry {
  /** The bridge whose table it stands in. */
  master?: string;
  /** In the device's own table: VXLAN's, or the filter of a network card. */
  self?: boolean;
  /** `permanent` in a bridge's table: an address of the bridge or port itself. Absent: learnt. */
  state?: 'permanent' | 'static';
}

export interface ReadFdb {
  entries: ListedFdbEntry[];
  problems: Problem[];
}

const MAC = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i;
/** Words that tell how an entry came about; none of them changes where a frame goes. */
const FLAGS = new Set(['router', 'extern_learn', 'offload', 'sticky', 'stale', 'locked', 'added_by_user', 'blackhole']);

interface FdbRecord {
  mac?: unknown;
  ifname?: unknown;
  dst?: unknown;
  vlan?: unknown;
  flags?: unknown;
  master?: unknown;
  state?: unknown;
}

const JSON_KEYS = new Set([
  'mac',
  'ifname',
  'dst',
  'vlan',
  'flags',
  'master',
  'state',
  'used',
  'updated',
  'port',
  'vni',
  'src_vni',
  'viaIf',
  'linkNetNsId',
  'nhid',
]);

/** Forwarding by these is not modelled. */
const UNMODELLED = new Set(['port', 'vni', 'src_vni', 'via', 'viaIf', 'nhid']);

function readLine(line: string): ListedFdbEntry {
  const [mac = '', ...words] = wordsOf(line);
  if (!MAC.test(mac)) throw new RangeError(`"${mac}" is no link-layer address`);
  const entry: ListedFdbEntry = { mac: mac.toLowerCase(), link: '' };
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    // Some versions print the word twice.
    if (word === 'dev' && words[0] !== 'dev') entry.link = words.shift() ?? '';
    else if (word === 'dev') continue;
    else if (word === 'dst') entry.dst = words.shift() ?? '';
    else if (word === 'vlan') entry.vlan = wholeNumber(words.shift(), 'VLAN', 4095);
    else if (word === 'master') entry.master = words.shift() ?? '';
    else if (word === 'self') entry.self = true;
    else if (word === 'permanent' || word === 'static') entry.state = word;
    else if (word === 'used' || word === 'link-netnsid') words.shift();
    else if (UNMODELLED.has(word)) throw new RangeError(`"${word}" is not modelled`);
    else if (!FLAGS.has(word)) throw new RangeError(`"${word}" is not understood`);
  }
  return checked(entry);
}

function checked(entry: ListedFdbEntry): ListedFdbEntry {
  if (entry.link === '') throw new RangeError('no device');
  if (entry.dst !== undefined && !parseAddress(entry.dst)) throw new RangeError(`"${entry.dst}" is no address`);
  return entry;
}

function fromRecord(record: FdbRecord): ListedFdbEntry {
  const { mac, ifname, dst, vlan, flags, master, state } = record;
  const strange = Object.keys(record).find((key) => !JSON_KEYS.has(key) || UNMODELLED.has(key));
  if (strange !== undefined) throw new RangeError(`"${strange}" is not understood`);
  if (typeof mac !== 'string' || !MAC.test(mac)) throw new RangeError('no link-layer address');
  const words = Array.isArray(flags) ? flags : [];
  const other = words.find((word) => word !== 'self' && word !== 'master' && !FLAGS.has(String(word)));
  if (other !== undefined) throw new RangeError(`"${String(other)}" is not understood`);
  return checked({
    mac: mac.toLowerCase(),
    link: typeof ifname === 'string' ? ifname : '',
    ...(typeof dst === 'string' && { dst }),
    ...(typeof vlan === 'number' && { vlan }),
    ...(typeof master === 'string' && { master }),
    ...(words.includes('self') && { self: true }),
    ...((state === 'permanent' || state === 'static') && { state }),
  });
}

export function readBridgeFdb(text: string, options: LineOptions = {}): ReadFdb {
  const problems: Problem[] = [];
  const entries: ListedFdbEntry[] = [];
  const records = recordsOf<FdbRecord>(text, 'bridge-fdb', problems, options);
  if (records) {
    for (const record of records) {
      const line: Line = { text: JSON.stringify(record), number: options.firstLine ?? 1 };
      eachLine([line], 'bridge-fdb', problems, options, () => entries.push(fromRecord(record)));
    }
  } else {
    const read = (line: Line) => entries.push(readLine(line.text));
    eachLine(linesOf(text, options), 'bridge-fdb', problems, options, read);
  }
  return { entries, problems };
}

const isMulticast = (mac: string) => (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;

/**
 * What of a listing the machine needs told: static entries of bridges, and where VXLAN sends. Learnt entries, a port's own addresses and
 * the filters of network cards are what Linux makes by itself.
 */
export function staticEntries(entries: readonly ListedFdbEntry[], isVxlan: (link: string) => boolean): FdbEntry[] {
  return entries
    .filter(({ link, dst, self, state, mac }) => {
      if (isVxlan(link)) return self === true && dst !== undefined;
      return self !== true && state === 'static' && !isMulticast(mac);
    })
    .map(({ mac, link, dst, vlan }) => ({
      mac,
      link,
      ...(dst !== undefined && { dst }),
      ...(vlan !== undefined && { vlan }),
    }));
}

/** `bridge fdb show`. */
export function printBridgeFdb(entries: readonly ListedFdbEntry[]): string {
  return entries
    .map(({ mac, link, dst, vlan, self, master, state }) => {
      const word = (name: string, value: string | number | undefined) =>
        value === undefined ? '' : ` ${name} ${value}`;
      const own = self ? ' self' : '';
      return `${mac} dev ${link}${word('dst', dst)}${word('vlan', vlan)}${own}${word('master', master)} ${state ?? ''}\n`;
    })
    .join('');
}

/** `bridge -j fdb show`. */
export function fdbRecords(entries: readonly ListedFdbEntry[]): object[] {
  return entries.map(({ mac, link, dst, vlan, self, master, state }) => ({
    mac,
    ifname: link,
    ...(dst !== undefined && { dst }),
    ...(vlan !== undefined && { vlan }),
    flags: self ? ['self'] : [],
    ...(master !== undefined && { master }),
    state: state ?? '',
  }));
}
