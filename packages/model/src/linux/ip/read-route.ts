/** `ip route show` text, plain or `-j`, to routing tables: the inverse of `print-route.ts`. */
import { type Family, formatPrefix, type Nexthop, type Route, type RouteTable, type Scope } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { looksLikeJsonList } from '../json-list.ts';
import { MAIN_TABLE } from './host.ts';
import { scopeOf, type TableNames, tableIdOf } from './names.ts';
import type { NexthopRecord, RouteRecord } from './print-route.ts';
import { byLine, complaint, type ReadOptions, readRecords } from './read-records.ts';
import { EXTRA_KEYS, extraOfRecord, takeExtra } from './route-extra.ts';
import { addressOf, prefixOf } from './words.ts';

const TYPES: readonly Route['type'][] = [
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
];

const FLAGS = ['onlink', 'dead', 'linkdown', 'pervasive', 'offload', 'trap', 'rt_offload', 'rt_trap'];

type Gateway = Pick<RouteRecord, 'gateway' | 'via'>;

function readGateway(words: string[]): Gateway {
  const word = words.shift() ?? '';
  if (word === 'inet' || word === 'inet6') return { via: { family: word, host: words.shift() ?? '' } };
  return { gateway: word };
}

/** What stands between `encap` and the way out, as it is. */
export function takeEncap(words: string[]): string {
  const taken: string[] = [];
  while (words.length > 0 && words[0] !== 'via' && words[0] !== 'dev') taken.push(words.shift() as string);
  if (taken.length === 0) throw new RangeError('an encapsulation without a name');
  return taken.join(' ');
}

/** Where the tool's JSON says both destinations by one name, the one of the route is lost. */
const AMBIGUOUS = new Set(['ip', 'ip6', 'mpls']);

function readNexthop(words: string[]): NexthopRecord {
  const nexthop: NexthopRecord = { flags: [] };
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === 'via') Object.assign(nexthop, readGateway(words));
    else if (word === 'encap') nexthop.encap = takeEncap(words);
    else if (word === 'dev') nexthop.dev = words.shift() ?? '';
    else if (word === 'weight') nexthop.weight = Number(words.shift());
    else if (FLAGS.includes(word)) nexthop.flags.push(word);
    else if (word === 'realm' || word === 'realms') words.shift();
    else throw new RangeError(`"${word}" is not understood`);
  }
  return nexthop;
}

/** One line of text; the nexthops of a route stand on lines of their own behind it. */
function readLine(line: string): ReadRoute {
  const [head = '', ...paths] = line.split('\n').map((part) => part.trim());
  const words = head.split(/\s+/).filter((word) => word !== '');
  const type = TYPES.find((name) => name === words[0]);
  if (type) words.shift();
  const record: ReadRoute = { ...(type && { type }), dst: words.shift() ?? '', flags: [] };
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const value = () => words.shift() ?? '';
    if (word === 'via') Object.assign(record, readGateway(words));
    else if (word === 'dev') record.dev = value();
    else if (word === 'table') record.table = value();
    else if (word === 'proto') record.protocol = value();
    else if (word === 'scope') record.scope = value();
    else if (word === 'src') record.prefsrc = value();
    else if (word === 'metric') record.metric = Number(value());
    else if (word === 'tos') record.tos = value();
    else if (word === 'nhid') record.nhid = Number(value());
    else if (word === 'mtu') {
      if (words[0] === 'lock') record.locked = words.shift() === 'lock';
      record.metrics = [{ mtu: Number(value()) }];
    } else if (word === 'pref' && words[0] === 'medium') record.pref = words.shift() as 'medium';
    else if (FLAGS.includes(word)) record.flags.push(word);
    else if (word === 'cache' || /^<.*>$/.test(word)) continue;
    else if (word === 'encap') record.encap = takeEncap(words);
    else {
      const extra = takeExtra(word, words);
      if (extra === undefined) throw new RangeError(`"${word}" is not understood`);
      record.extra = record.extra === undefined ? extra : `${record.extra} ${extra}`;
    }
  }
  const hops = paths.filter((path) => path.startsWith('nexthop '));
  if (hops.length) record.nexthops = hops.map((path) => readNexthop(path.split(/\s+/).slice(1)));
  return record;
}

function toNexthop({ dev, gateway, via, flags, weight, encap }: NexthopRecord): Nexthop[] {
  if (dev === undefined) return [];
  const to = gateway ?? via?.host;
  return [
    {
      dev,
      ...(to !== undefined && { via: to }),
      ...(weight !== undefined && weight !== 1 && { weight }),
      ...(flags?.includes('onlink') && { onlink: true }),
      ...(encap !== undefined && { encap }),
    },
  ];
}

const REJECTS: readonly string[] = ['blackhole', 'unreachable', 'prohibit', 'throw'];

/** Of the kernel's own last route, which says that there is none. */
const UNREACHABLE_METRIC = 0xffffffff;

type ReadRoute = RouteRecord & { extra?: string; locked?: boolean };

const RECORD_KEYS = [
  'encap',
  'locked',
  'extra',
  'type',
  'dst',
  'nhid',
  'tos',
  'gateway',
  'via',
  'dev',
  'table',
  'protocol',
  'scope',
  'prefsrc',
  'metric',
  'flags',
  'nexthops',
  'nh_info',
  ...EXTRA_KEYS,
];

/** A line tells its family by its addresses; `default` of IPv6 by what the kernel never prints for IPv4. */
function familyOf(record: ReadRoute): Family {
  const { dst, gateway, via, nexthops, pref, metric, prefsrc } = record;
  if (dst.includes(':')) return 6;
  if (dst.includes('.')) return 4;
  const gateways = [gateway, prefsrc, ...(nexthops ?? []).map((n) => n.gateway)];
  if (via?.family === 'inet6' || nexthops?.some((n) => n.via)) return 4;
  if (gateways.some((g) => g?.includes(':'))) return 6;
  return pref !== undefined || metric === UNREACHABLE_METRIC ? 6 : 4;
}

function toRoute(record: ReadRoute, family: Family, complain: (message: string) => void): Route | undefined {
  if (record.encap !== undefined && AMBIGUOUS.has(record.encap))
    throw new RangeError(`a route with encap ${record.encap}: JSON does not tell its destination, give the text`);
  const strange = Object.keys(record).filter((key) => !RECORD_KEYS.includes(key));
  if (strange.length) complain(`route to ${record.dst}: ${strange.join(', ')} not understood`);
  const type = TYPES.find((name) => name === (record.type ?? 'unicast'));
  if (!type) {
    complain(`route to ${record.dst}: type ${record.type} not understood`);
    return undefined;
  }
  const destination = formatPrefix(prefixOf(record.dst, family));
  const gateways = [record, ...(record.nexthops ?? [])].flatMap((n) => [n.gateway, n.via?.host, record.prefsrc]);
  for (const text of gateways) if (text !== undefined) addressOf(text);
  const single: NexthopRecord = { ...record };
  delete single.weight;
  const reject = REJECTS.includes(type);
  const extra = record.extra ?? extraOfRecord(record);
  const metric = record.metric ?? (family === 6 && type !== 'unicast' ? 0 : undefined);
  return {
    family,
    type,
    destination,
    ...(metric !== undefined && { metric }),
    ...(record.tos !== undefined && { tos: Number(record.tos) }),
    scope: scopeOf(record.scope ?? 'global') satisfies Scope,
    protocol: record.protocol ?? 'boot',
    ...(record.prefsrc !== undefined && { prefsrc: record.prefsrc }),
    ...(record.metrics?.[0]?.mtu !== undefined && { mtu: record.metrics[0].mtu }),
    ...(record.locked && { mtuLocked: true }),
    ...(record.nhid !== undefined && { nhid: record.nhid }),
    ...(extra !== undefined && { extra }),
    nexthops: reject ? [] : record.nexthops ? record.nexthops.flatMap(toNexthop) : toNexthop(single),
  };
}

export interface RouteReadOptions extends ReadOptions {
  /** The table of routes that name none; main where absent. */
  table?: number;
  /** Ids of tables by names of the host's own (`/etc/iproute2/rt_tables`). */
  tableNames?: TableNames;
}

/** Tables in the order in which they are first met. Without a family each line tells its own, as `ip route show table all` prints both. */
export function readIpRoute(
  text: string,
  family: Family | undefined,
  options: RouteReadOptions = {},
): { tables: RouteTable[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const tables = new Map<number, RouteTable>();
  const joined = looksLikeJsonList(text) ? text : text.replace(/\r?\n[ \t]+(?=nexthop |nh_info |cache\b)/g, '\u0000');
  const unfold = (line: string) => readLine(line.replaceAll('\u0000', '\n'));
  for (const { record, line } of readRecords<ReadRoute>(joined, unfold, 'ip-route', problems, options)) {
    const complain = (message: string) => problems.push(complaint('ip-route', message, line, options));
    try {
      if (typeof record.dst !== 'string') throw new RangeError('a route without a destination');
      const route = toRoute(record, family ?? familyOf(record), complain);
      // It stands in the table for source routing that no other route is in, and rejects what there is no route for anyway.
      if (!route || record.metric === UNREACHABLE_METRIC) continue;
      const id = record.table === undefined ? (options.table ?? MAIN_TABLE) : tableIdOf(String(record.table), options);
      const table = tables.get(id) ?? { id, routes: [] };
      table.routes.push(route);
      tables.set(id, table);
    } catch (error) {
      complain(error instanceof Error ? error.message : String(error));
    }
  }
  return { tables: [...tables.values()], problems: byLine(problems) };
}
