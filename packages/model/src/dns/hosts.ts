/** CoreDNS's `hosts` plugin: a table of names in a file or in the Corefile itself (plugin/hosts). */
import { canonical } from '../net/cidr.ts';
import type { Directive } from './corefile.ts';
import { absolute, reverseAddress, zoneOf } from './names.ts';
import { addressRecord, addressType, type DnsQuestion, type DnsResponse } from './record.ts';

export interface HostsTable {
  zones: readonly string[];
  ttl: number;
  fallthrough: readonly string[];
  reverse: boolean;
  /** Absolute names in lower case. */
  addresses: Map<string, string[]>;
  names: Map<string, string[]>;
  /** The file it reads, where that is not in the input. */
  unread?: string;
}

const TTL = 3600;
const OPTIONS = new Set(['fallthrough', 'fallthrough_unsupported', 'no_reverse', 'ttl', 'reload']);

function push(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

function addLine(table: HostsTable, words: readonly string[]): void {
  const end = words.findIndex((word) => word.startsWith('#'));
  const [first, ...names] = end < 0 ? words : words.slice(0, end);
  const address = canonical(first);
  if (address === undefined) return;
  for (const name of names) {
    push(table.addresses, absolute(name).toLowerCase(), address);
    push(table.names, address, absolute(name).toLowerCase());
  }
}

/** `zonesOf` makes zones of a directive's words; `file` finds a file beside the Corefile. */
export function hostsTable(
  directive: Directive,
  serverZones: readonly string[],
  file: (path: string) => string | undefined,
): HostsTable {
  const [path, ...zones] = directive.args;
  const table: HostsTable = {
    zones: zones.length > 0 ? zones.map((zone) => absolute(zone).toLowerCase()) : serverZones,
    ttl: TTL,
    fallthrough: [],
    reverse: true,
    addresses: new Map(),
    names: new Map(),
  };
  if (path !== undefined) {
    const text = file(path);
    if (text === undefined) table.unread = path;
    for (const line of (text ?? '').split('\n')) addLine(table, line.trim().split(/\s+/));
  }
  for (const words of directive.lines) {
    const [word = '', ...rest] = words;
    if (!OPTIONS.has(word)) addLine(table, words);
    if (word === 'ttl') table.ttl = Number(rest[0] ?? TTL);
    if (word === 'no_reverse') table.reverse = false;
    if (word === 'fallthrough')
      table.fallthrough = rest.length > 0 ? rest.map((zone) => absolute(zone).toLowerCase()) : ['.'];
  }
  return table;
}

/** Undefined: left to the plugins behind. */
export function answerHosts(table: HostsTable, { name, type }: DnsQuestion): DnsResponse | undefined {
  const lower = name.toLowerCase();
  const response = (part: Partial<DnsResponse>): DnsResponse => ({
    rcode: 'NOERROR',
    answer: [],
    authority: [],
    additional: [],
    truncated: false,
    ...part,
  });
  if (type === 'PTR') {
    const names = table.reverse ? (table.names.get(reverseAddress(lower) ?? '') ?? []) : [];
    if (names.length === 0) return undefined;
    return response({ answer: names.map((rdata) => ({ name, type, ttl: table.ttl, rdata })) });
  }
  if (zoneOf(table.zones, lower) === undefined) return undefined;
  const addresses = table.addresses.get(lower) ?? [];
  const answer = addresses
    .filter((address) => addressType(address) === type)
    .map((address) => addressRecord(name, table.ttl, address));
  if (addresses.length > 0) return response({ answer });
  if (zoneOf(table.fallthrough, lower) !== undefined) return undefined;
  if (table.unread !== undefined) return response({ unknown: `the file ${table.unread} of the hosts plugin` });
  // Without an SOA record there is no way to say NXDOMAIN.
  return response({ rcode: 'SERVFAIL' });
}
