/** Keys of `meta`, `ct`, `rt`, `socket` and `ipsec`, each with its type (nft(8), PRIMARY EXPRESSIONS). */
import { type Datatype, types } from './datatypes.ts';

export interface Key {
  type: Datatype;
  bits: number;
  /** The largest value, where it is below what the bits hold. */
  max?: number;
  /** Written without `meta`. */
  bare?: boolean;
  /** Which header follows at which layer: `ll`: the network header, `nh`: the transport header. */
  selects?: 'device' | 'll' | 'nh';
}

const key = (type: Datatype, bits = type.bits, more: Partial<Key> = {}): Key => ({ type, bits, ...more });
const int = types.integer;

/** Words of the language alone: none that every object has. */
const words = <T>(rows: Record<string, T>): Readonly<Record<string, T>> => Object.assign(Object.create(null), rows);

export const metaKeys: Readonly<Record<string, Key>> = words({
  length: key(int, 32),
  protocol: key(types.etherType, 16, { selects: 'll' }),
  nfproto: key(types.nfProto, 8, { selects: 'll' }),
  l4proto: key(types.protocol, 8, { selects: 'nh' }),
  priority: key(types.classid),
  mark: key(types.mark),
  iif: key(types.interfaceIndex, 32, { bare: true }),
  iifname: key(types.interfaceName, 128, { bare: true }),
  iiftype: key(types.deviceType, 16, { selects: 'device' }),
  oif: key(types.interfaceIndex, 32, { bare: true }),
  oifname: key(types.interfaceName, 128, { bare: true }),
  oiftype: key(types.deviceType, 16),
  skuid: key(types.user),
  skgid: key(types.group),
  nftrace: key(int, 1),
  rtclassid: key(types.realm),
  ibrname: key(types.interfaceName),
  obrname: key(types.interfaceName),
  pkttype: key(types.packetType),
  cpu: key(int, 32),
  iifgroup: key(types.deviceGroup, 32, { bare: true }),
  oifgroup: key(types.deviceGroup, 32, { bare: true }),
  cgroup: key(int, 32),
  random: key(int, 32),
  ipsec: key(types.boolean, 1),
  iifkind: key(types.interfaceName),
  oifkind: key(types.interfaceName),
  ibrpvid: key(int, 16),
  ibrvproto: key(types.etherType),
  time: key(types.date, 64),
  day: key(types.day, 8, { max: 6 }),
  hour: key(types.hour, 32),
  secmark: key(int, 32),
  sdif: key(types.interfaceIndex),
  sdifname: key(types.interfaceName),
  broute: key(int, 1),
});

/** Other names that are read. */
export const metaAliases: Readonly<Record<string, string>> = words({
  secpath: 'ipsec',
  ibridgename: 'ibrname',
  obridgename: 'obrname',
  ibriport: 'ibrname',
  obriport: 'obrname',
});

/** Keys that may be written without `meta`. */
export const bareMeta: ReadonlySet<string> = new Set([
  'mark',
  'iif',
  'iifname',
  'iiftype',
  'oif',
  'oifname',
  'oiftype',
  'skuid',
  'skgid',
  'nftrace',
  'rtclassid',
  'ibriport',
  'obriport',
  'ibrname',
  'obrname',
  'pkttype',
  'cpu',
  'iifgroup',
  'oifgroup',
  'cgroup',
  'time',
  'day',
  'hour',
]);

export interface CtKey extends Key {
  /** `original` or `reply` must, may or cannot be said. */
  direction: 'needed' | 'optional' | 'either' | 'none';
  settable?: boolean;
}

const ct = (type: Datatype, bits: number, direction: CtKey['direction'], more: Partial<CtKey> = {}): CtKey => ({
  type,
  bits,
  direction,
  ...more,
});

export const ctKeys: Readonly<Record<string, CtKey>> = words({
  state: ct(types.ctState, 32, 'none'),
  direction: ct(types.ctDirection, 8, 'none'),
  status: ct(types.ctStatus, 32, 'none'),
  mark: ct(types.mark, 32, 'none', { settable: true }),
  expiration: ct(types.time, 32, 'none'),
  helper: ct(types.string, 128, 'none'),
  l3proto: ct(types.nfProto, 8, 'either', { selects: 'll' }),
  saddr: ct(int, 0, 'needed'),
  daddr: ct(int, 0, 'needed'),
  protocol: ct(types.protocol, 8, 'either', { selects: 'nh' }),
  'proto-src': ct(types.service, 16, 'needed'),
  'proto-dst': ct(types.service, 16, 'needed'),
  label: ct(types.ctLabel, 128, 'none', { settable: true }),
  bytes: ct(int, 64, 'optional'),
  packets: ct(int, 64, 'optional'),
  avgpkt: ct(int, 64, 'optional'),
  zone: ct(int, 16, 'optional', { settable: true }),
  event: ct(types.ctEvent, 32, 'none', { settable: true }),
  'ip saddr': ct(types.ipv4, 32, 'needed'),
  'ip daddr': ct(types.ipv4, 32, 'needed'),
  'ip6 saddr': ct(types.ipv6, 128, 'needed'),
  'ip6 daddr': ct(types.ipv6, 128, 'needed'),
  secmark: ct(int, 32, 'none', { settable: true }),
  id: ct(int, 32, 'none'),
});

export const rtKeys: Readonly<Record<string, Key>> = words({
  classid: key(types.realm),
  mtu: key(int, 16),
  ipsec: key(types.boolean, 1),
  'ip nexthop': key(types.ipv4),
  'ip6 nexthop': key(types.ipv6),
});

export const socketKeys: Readonly<Record<string, Key>> = words({
  transparent: key(int, 8, { max: 1 }),
  mark: key(types.mark),
  wildcard: key(int, 8, { max: 1 }),
  cgroupv2: key(types.cgroup),
});

export const ipsecKeys: Readonly<Record<string, Key>> = words({
  reqid: key(int, 32),
  spi: key(int, 32),
  'ip saddr': key(types.ipv4),
  'ip daddr': key(types.ipv4),
  'ip6 saddr': key(types.ipv6),
  'ip6 daddr': key(types.ipv6),
});

export const fibResults: Readonly<Record<string, Key>> = words({
  oif: key(types.interfaceIndex),
  oifname: key(types.interfaceName),
  type: key(types.routeType),
  check: key(types.boolean, 1),
});
