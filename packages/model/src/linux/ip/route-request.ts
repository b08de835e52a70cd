/** `ip route add ...` as iproute2 reads it (ip/iproute.c:iproute_modify), before the kernel sees it. */
import { type Family, formatPrefix, type Route, type Scope } from '@podwire/engine';
import { LOCAL_TABLE, MAIN_TABLE } from './host.ts';
import { protocolWord, scopeOf, tableId } from './names.ts';
import { IpRefusal } from './refusal.ts';
import { addressOf, prefixOf, type Words } from './words.ts';

export type RouteVerb = 'add' | 'replace' | 'change' | 'append' | 'prepend' | 'delete';

export interface NexthopRequest {
  dev?: string;
  via?: string;
  weight: number;
  onlink: boolean;
}

export interface RouteRequest {
  verb: RouteVerb;
  family: Family;
  type: Route['type'];
  typeGiven: boolean;
  destination: string;
  table: number;
  metric?: number;
  tos?: number;
  /** As given; what the kernel is told otherwise is in `scope`. */
  scopeGiven: boolean;
  scope: Scope;
  protocol?: string;
  prefsrc?: string;
  mtu?: number;
  mtuLocked?: boolean;
  nhid?: number;
  /** One, or what stood behind each `nexthop`. */
  nexthops: NexthopRequest[];
  multipath: boolean;
}

const TYPES: Readonly<Record<string, Route['type']>> = {
  unicast: 'unicast',
  local: 'local',
  broadcast: 'broadcast',
  anycast: 'anycast',
  multicast: 'multicast',
  blackhole: 'blackhole',
  unreachable: 'unreachable',
  prohibit: 'prohibit',
  throw: 'throw',
};

function readVia(words: Words, family: Family | undefined): string {
  if (words.take('inet6')) return words.address(6);
  if (words.take('inet')) return words.address(4);
  return addressOf(words.next('gateway'), family);
}

/** `nexthop via A dev B weight N onlink`, up to the next `nexthop`. */
function readNexthop(words: Words, family: Family | undefined): NexthopRequest {
  const nexthop: NexthopRequest = { weight: 1, onlink: false };
  for (;;) {
    if (words.take('via')) nexthop.via = readVia(words, family);
    else if (words.take('dev')) nexthop.dev = words.next('device');
    else if (words.take('weight')) nexthop.weight = words.number('weight', 65536);
    else if (words.take('onlink')) nexthop.onlink = true;
    else return nexthop;
  }
}

/** Scope where none is given (IPv4). */
function defaultScope(type: Route['type'], bare: boolean): Scope {
  if (type === 'local') return 'host';
  if (type === 'broadcast' || type === 'multicast' || type === 'anycast') return 'link';
  return type === 'unicast' && bare ? 'link' : 'global';
}

export function readRoute(words: Words, verb: RouteVerb, asked: Family | undefined): RouteRequest {
  let family = asked;
  let destination: string | undefined;
  let scope: Scope | undefined;
  let table: number | undefined;
  const single: NexthopRequest = { weight: 1, onlink: false };
  const paths: NexthopRequest[] = [];
  const type = TYPES[words.peek() ?? ''];
  if (type) words.next();
  const request: Partial<RouteRequest> = {};
  while (!words.done) {
    const word = words.next();
    switch (word) {
      case 'via':
        single.via = readVia(words, family);
        break;
      case 'dev':
      case 'oif':
        single.dev = words.next('device');
        break;
      case 'onlink':
        single.onlink = true;
        break;
      case 'nexthop':
        paths.push(readNexthop(words, family));
        break;
      case 'table':
        table = tableId(words.next('table'));
        break;
      case 'metric':
      case 'preference':
      case 'priority':
        request.metric = words.number('metric');
        break;
      case 'tos':
      case 'dsfield':
        request.tos = words.number('tos', 255, 16);
        break;
      case 'scope':
        scope = scopeOf(words.next('scope'));
        break;
      case 'proto':
      case 'protocol':
        request.protocol = protocolWord(words.next('protocol'));
        break;
      case 'src':
        request.prefsrc = words.address(family);
        break;
      case 'mtu':
        if (words.take('lock')) request.mtuLocked = true;
        request.mtu = words.number('mtu');
        break;
      case 'nhid':
        request.nhid = words.number('nhid');
        break;
      case 'pref':
        if (!words.take('medium')) throw new IpRefusal('router preferences other than medium are not modelled');
        break;
      default: {
        if (destination !== undefined) {
          throw new IpRefusal(`Error: either "to" is duplicate, or "${word}" is a garbage.`);
        }
        const text = word === 'to' ? words.next('destination') : word;
        const prefix = prefixOf(text, family);
        // `default` alone is of no family.
        if (!['default', 'any', 'all'].includes(text)) family = prefix.family;
        destination = prefix.length === 0 && text.indexOf('/') < 0 ? '' : formatPrefix(prefix);
      }
    }
  }
  const gateway = single.via ?? paths[0]?.via;
  family ??= gateway?.includes(':') ? 6 : 4;
  const bare = single.via === undefined && paths.length === 0 && request.nhid === undefined;
  const kind = type ?? 'unicast';
  return {
    ...request,
    verb,
    family,
    type: kind,
    typeGiven: type !== undefined,
    destination: destination ? destination : family === 4 ? '0.0.0.0/0' : '::/0',
    table: table || (kind === 'local' || kind === 'broadcast' || kind === 'anycast' ? LOCAL_TABLE : MAIN_TABLE),
    scopeGiven: scope !== undefined,
    scope: scope ?? (family === 6 ? 'global' : defaultScope(kind, bare)),
    nexthops: paths.length ? paths : [single],
    multipath: paths.length > 0,
  };
}
