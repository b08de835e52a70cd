/** One record of `ip -j addr` to a link and its addresses. */
import { type Address, type Link, type LinkKind, parseAddress, type TunnelKind } from '@podwire/engine';
import { groupId, isKnownGroup, scopeOf } from './names.ts';
import type { AddressRecord, LinkRecord } from './print-link.ts';
import { isStacked, type StackData, type Stacked, stackOf } from './stack-data.ts';
import { isDetailed, type TunnelData, toTunnel } from './tunnel-data.ts';
import { type VxlanData, vxlanTunnel } from './vxlan-data.ts';

type Found = Partial<LinkRecord> & Pick<LinkRecord, 'ifname'>;

/** Two devices may not know each other and yet be joined by a number: kinds that sit on another device. */
const ON_ANOTHER = new Set([
  'vlan',
  'macvlan',
  'macvtap',
  'ipvlan',
  'ipvtap',
  'vxlan',
  'geneve',
  'gre',
  'ipip',
  'sit',
  'ip6tnl',
  'ip6gre',
  'gretap',
  'vti',
  'xfrm',
  'wireguard',
  'bareudp',
  'macsec',
  'dsa',
]);

/** Kinds that the machine has under the kernel's own name. */
const OWN = new Set<string>(['veth', 'bridge', 'dummy', 'vxlan', 'wireguard'] satisfies LinkKind[]);

/** What `-d` says of a link that stands on others or holds others. */
export function stackedRecord({ linkinfo }: Found): Stacked | undefined {
  const kind = linkinfo?.info_kind;
  return isStacked(kind) && linkinfo?.info_data ? stackOf(kind as string, linkinfo.info_data as StackData) : undefined;
}

function kindOf(record: Found): LinkKind {
  const kind = record.linkinfo?.info_kind;
  if (record.link_type === 'loopback' || record.flags?.includes('LOOPBACK')) return 'loopback';
  if (kind !== undefined && OWN.has(kind)) return kind as LinkKind;
  if (isDetailed(kind) && record.linkinfo?.info_data) return kind as TunnelKind;
  if (stackedRecord(record)) return kind as LinkKind;
  // A bond says so without details, too; a VRF has neighbours on its ports alone.
  if (kind === undefined && record.flags?.includes('MASTER') && !record.flags.includes('NOARP')) return 'bond';
  // Without details a veth shows by its other end alone.
  return kind === undefined && (record.link_index !== undefined || record.link_netns !== undefined) ? 'veth' : 'device';
}

/** Whether the device that stands behind the `@` is the other end of a wire. Without details a name with a dot is a VLAN's. */
function isPair(record: Found): boolean {
  const kind = record.linkinfo?.info_kind;
  if (kind !== undefined) return kind === 'veth';
  return !ON_ANOTHER.has(kind ?? '') && !record.ifname.includes('.') && record.flags?.includes('POINTOPOINT') !== true;
}

/** Throws RangeError. */
function tunnelOf(record: Found): Link['tunnel'] {
  const { info_kind: kind, info_data: data } = record.linkinfo ?? {};
  if (kind === 'vxlan') return vxlanTunnel((data ?? {}) as VxlanData);
  return isDetailed(kind) && data ? toTunnel(kind as TunnelKind, data as TunnelData) : undefined;
}

/** Kinds that stand on a link which `ip` names behind an `@`. */
const STANDING: ReadonlySet<LinkKind> = new Set(['vlan', 'macvlan', 'ipvlan']);

const NAME_MAX = 15;

/** Throws RangeError for what no interface can be. */
export function toLink(record: Found, netns: string | undefined): Link {
  const { flags = [], linkinfo } = record;
  if (record.ifname.length > NAME_MAX || record.ifname === '') throw new RangeError('no interface has such a name');
  const up = flags.includes('UP');
  const port = linkinfo?.info_slave_data as { hairpin?: boolean; isolated?: boolean } | undefined;
  const kind = kindOf(record);
  const loopback = kind === 'loopback';
  const joined = record.link !== undefined && netns !== undefined && !loopback && isPair(record);
  const mac = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(record.address ?? '') ? record.address?.toLowerCase() : undefined;
  const stacked = kind === 'loopback' ? undefined : stackedRecord(record);
  const onAnother = STANDING.has(kind) && stacked?.strange === undefined && netns !== undefined;
  const tunnel = tunnelOf(record);
  return {
    name: record.ifname,
    kind: joined ? 'veth' : kind,
    ...(record.ifindex !== undefined && { index: record.ifindex }),
    ...(mac !== undefined && !loopback && { mac }),
    ...(record.mtu !== undefined && { mtu: record.mtu }),
    up,
    ...(up && !loopback && { carrier: flags.includes('LOWER_UP') }),
    ...(record.master !== undefined && { master: record.master }),
    ...(record.group !== undefined &&
      record.group !== 'default' &&
      isKnownGroup(record.group) && { group: groupId(record.group) }),
    ...(port?.hairpin === true && { hairpin: true }),
    ...(port?.isolated === true && { isolated: true }),
    ...(onAnother && record.link !== undefined && { lower: { netns, link: record.link } }),
    ...stacked?.fields,
    ...(tunnel && { tunnel }),
    ...(joined && { peer: { netns, link: record.link ?? '' } }),
  };
}

/** Throws RangeError, and `IpRefusal` for a scope that is none. */
export function toAddress(link: string, a: AddressRecord): Address {
  const length = a.family === 'inet' ? 32 : 128;
  const own = a.address === undefined ? a.prefixlen : length;
  const isAddress = (text: string | undefined) =>
    text === undefined || parseAddress(text)?.family === (length === 32 ? 4 : 6);
  if (typeof a.local !== 'string' || !isAddress(a.local)) throw new RangeError(`"${String(a.local)}" is no address`);
  const wrong = [a.address, a.broadcast].find((text) => !isAddress(text));
  if (wrong !== undefined) throw new RangeError(`"${wrong}" is no address`);
  if (!(a.prefixlen >= 0 && a.prefixlen <= length)) throw new RangeError(`${a.local}: no length of a prefix`);
  return {
    link,
    address: `${a.local}/${own}`,
    scope: scopeOf(a.scope),
    ...(a.address !== undefined && { peer: `${a.address}/${a.prefixlen}` }),
    ...(a.broadcast !== undefined && { broadcast: a.broadcast }),
    ...(a.family === 'inet' && { secondary: a.secondary === true }),
    ...(a.deprecated && { deprecated: true }),
    ...(a.noprefixroute && { noprefixroute: true }),
    ...(a.metric !== undefined && { metric: a.metric }),
  };
}
