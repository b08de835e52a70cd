/** `ip link show` and `ip addr show`: records as `ip -j` prints them, and lines (iproute2's ip/ipaddress.c). */
import { type Address, addressesOf, isSecondary, type Link, type Netns } from '@podwire/engine';
import { familyOf, findLink, type Host, hasCarrier, isUp, linkIndex, linksOf } from './host.ts';
import { groupName, scopeNumber } from './names.ts';
import { isStacked, type StackData, stackDataOf, stackText } from './stack-data.ts';
import { dataOf, isDetailed, type TunnelData, tunnelText } from './tunnel-data.ts';
import { type VxlanData, vxlanData, vxlanText } from './vxlan-data.ts';

const FOREVER = 4294967295;
const LOOPBACK_MTU = 65536;

export interface AddressRecord {
  family: 'inet' | 'inet6';
  local: string;
  /** The remote address of a point-to-point address. */
  address?: string;
  prefixlen: number;
  metric?: number;
  broadcast?: string;
  scope: string;
  secondary?: true;
  deprecated?: true;
  noprefixroute?: true;
  label?: string;
  valid_life_time: number;
  preferred_life_time: number;
}

/** One element of `ip -j link show`; with `addr_info` of `ip -j addr show`. */
export interface LinkRecord {
  ifindex: number;
  /** The other end, in the same namespace. */
  link?: string;
  /** The other end's index, in another one. */
  link_index?: number;
  ifname: string;
  flags: string[];
  mtu: number;
  qdisc: string;
  master?: string;
  operstate: string;
  linkmode?: string;
  group: string;
  txqlen: number;
  link_type: string;
  /** None for devices without any. */
  address?: string;
  broadcast?: string;
  /** Namespace of the other end. */
  link_netns?: string;
  /** With `-d`. */
  linkinfo?: { info_kind?: string; info_data?: object; info_slave_kind?: string; info_slave_data?: object };
  addr_info?: AddressRecord[];
}

/** A locally administered address for a link that was given none: the same each time for the same names. */
function inventedMac(netns: string, link: string): string {
  let hash = 0x811c9dc5;
  for (const c of `${netns} ${link}`) hash = Math.imul(hash ^ (c.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  const bytes = [0x02, 0, hash >>> 24, (hash >>> 16) & 255, (hash >>> 8) & 255, hash & 255];
  return bytes.map((b) => b.toString(16).padStart(2, '0')).join(':');
}

/** Types of devices without link-layer addresses (ARPHRD_*), as `ip` names them. */
const LINK_TYPES: Readonly<Partial<Record<Link['kind'], string>>> = {
  ipip: 'ipip',
  gre: 'gre',
  sit: 'sit',
  ip6tnl: 'tunnel6',
  wireguard: 'none',
};

function flagsOf(host: Host, link: Link): string[] {
  const up = isUp(link);
  if (link.kind === 'loopback') return up ? ['LOOPBACK', 'UP', 'LOWER_UP'] : ['LOOPBACK'];
  const carrier = hasCarrier(host, link);
  if (LINK_TYPES[link.kind]) {
    const isPair = link.kind === 'wireguard' || link.tunnel?.remote !== undefined;
    return [...(isPair ? ['POINTOPOINT'] : []), 'NOARP', ...(up ? ['UP', 'LOWER_UP'] : [])];
  }
  const master = link.master === undefined ? undefined : findLink(host.netns, link.master);
  if (link.kind === 'vrf') return ['NOARP', 'MASTER', ...(up ? ['UP', 'LOWER_UP'] : [])];
  return [
    ...(up && !carrier ? ['NO-CARRIER'] : []),
    'BROADCAST',
    ...(link.kind === 'dummy' ? ['NOARP'] : ['MULTICAST']),
    ...(link.kind === 'bond' ? ['MASTER'] : []),
    ...(master?.kind === 'bond' ? ['SLAVE'] : []),
    ...(up ? ['UP'] : []),
    ...(up && carrier ? ['LOWER_UP'] : []),
  ];
}

function stateOf(host: Host, link: Link): string {
  if (!isUp(link)) return 'DOWN';
  if (link.kind === 'loopback' || link.kind === 'dummy' || link.tunnel) return 'UNKNOWN';
  return hasCarrier(host, link) ? 'UP' : 'DOWN';
}

function otherEnd(host: Host, link: Link): Pick<LinkRecord, 'link' | 'link_index'> {
  if (!link.peer) return {};
  if (link.peer.netns === host.netns.name) return { link: link.peer.link };
  const netns = host.world.get(link.peer.netns);
  const peer = netns && findLink(netns, link.peer.link);
  return netns && peer ? { link_index: linkIndex(netns, peer) } : {};
}

/** What the link is a port of, and how. */
function slaveOf({ netns }: Host, link: Link): Partial<NonNullable<LinkRecord['linkinfo']>> {
  const master = link.master === undefined ? undefined : findLink(netns, link.master);
  if (link.master === undefined) return {};
  if (master?.kind === 'vrf') return { info_slave_kind: 'vrf', info_slave_data: { table: master.table } };
  if (master?.kind === 'bond') return { info_slave_kind: 'bond', info_slave_data: {} };
  return {
    info_slave_kind: 'bridge',
    info_slave_data: { hairpin: link.hairpin === true, isolated: link.isolated === true },
  };
}

function infoOf(host: Host, link: Link): LinkRecord['linkinfo'] {
  const { kind } = link;
  const slave = slaveOf(host, link);
  // A device with a driver has no kind, but may be a port all the same.
  if (kind === 'device' || kind === 'loopback') return slave.info_slave_kind === undefined ? undefined : slave;
  const data = kind === 'vxlan' ? vxlanData(link.tunnel ?? {}) : (dataOf(link) ?? stackDataOf(link));
  return { info_kind: kind, ...(data && { info_data: data }), ...slave };
}

export interface LinkListing {
  /** `-d`. */
  details?: boolean;
}

/** Address and broadcast address; tunnels have the outer ones in their place. */
function lowAddresses({ netns }: Host, link: Link): Pick<LinkRecord, 'address' | 'broadcast'> {
  if (link.kind === 'loopback') return { address: '00:00:00:00:00:00', broadcast: '00:00:00:00:00:00' };
  if (link.kind === 'wireguard') return {};
  if (!LINK_TYPES[link.kind])
    return { address: link.mac ?? inventedMac(netns.name, link.name), broadcast: 'ff:ff:ff:ff:ff:ff' };
  const none = link.kind === 'ip6tnl' ? '::' : '0.0.0.0';
  return { address: link.tunnel?.local ?? none, broadcast: link.tunnel?.remote ?? none };
}

function linkRecord(host: Host, link: Link, listing: LinkListing = {}): LinkRecord {
  const loopback = link.kind === 'loopback';
  const linkinfo = listing.details ? infoOf(host, link) : undefined;
  const { peer } = link;
  return {
    ifindex: linkIndex(host.netns, link),
    ...otherEnd(host, link),
    ...(link.lower?.netns === host.netns.name && { link: link.lower.link }),
    ...(link.tunnel?.dev !== undefined && { link: link.tunnel.dev }),
    ifname: link.name,
    flags: flagsOf(host, link),
    mtu: link.mtu ?? (loopback ? LOOPBACK_MTU : 1500),
    qdisc: isUp(link) ? 'noqueue' : 'noop',
    ...(link.master !== undefined && { master: link.master }),
    operstate: stateOf(host, link),
    linkmode: 'DEFAULT',
    group: groupName(link.group ?? 0),
    txqlen: 1000,
    link_type: loopback ? 'loopback' : (LINK_TYPES[link.kind] ?? 'ether'),
    ...lowAddresses(host, link),
    ...(peer && peer.netns !== host.netns.name && { link_netns: peer.netns }),
    ...(linkinfo && { linkinfo }),
  };
}

function addressRecord(address: Address, all: readonly Address[]): AddressRecord {
  const [local = '', length = ''] = address.address.split('/');
  const v4 = familyOf(address.address) === 4;
  const [peer, peerLength] = address.peer?.split('/') ?? [];
  const scope = address.scope ?? (local === '::1' || local.startsWith('127.') ? 'host' : 'global');
  return {
    family: v4 ? 'inet' : 'inet6',
    local,
    ...(peer !== undefined && { address: peer }),
    prefixlen: Number(peerLength ?? length),
    ...(address.metric !== undefined && { metric: address.metric }),
    ...(address.broadcast !== undefined && { broadcast: address.broadcast }),
    scope,
    ...(isSecondary(address, all) && { secondary: true as const }),
    ...(address.deprecated && { deprecated: true as const }),
    ...(address.noprefixroute && { noprefixroute: true as const }),
    ...(v4 && { label: address.link }),
    valid_life_time: FOREVER,
    preferred_life_time: address.deprecated ? 0 : FOREVER,
  };
}

function worldOf(netns: Netns, world: readonly Netns[]): Host {
  return { netns, world: new Map([netns, ...world].map((n) => [n.name, n])) };
}

/** `ip -j link show`; `world` holds the other ends of veth pairs. */
export function linkRecords(netns: Netns, listing: LinkListing = {}, world: readonly Netns[] = []): LinkRecord[] {
  const host = worldOf(netns, world);
  return linksOf(netns)
    .map((link) => linkRecord(host, link, listing))
    .sort((a, b) => a.ifindex - b.ifindex);
}

/** IPv4 as it stands; IPv6 the farthest scope first, as the kernel keeps it. */
function ordered(own: readonly Address[]): Address[] {
  const scope = (a: Address) => scopeNumber(a.scope ?? 'global');
  const six = own.filter((a) => familyOf(a.address) === 6);
  return [...own.filter((a) => familyOf(a.address) === 4), ...six.sort((a, b) => scope(a) - scope(b))];
}

/** `ip -j addr show`. */
export function addressRecords(netns: Netns, listing: LinkListing = {}, world: readonly Netns[] = []): LinkRecord[] {
  const all = addressesOf(netns);
  return linkRecords(netns, listing, world).map(({ linkmode: _mode, ...record }) => {
    const own = all.filter((address) => address.link === record.ifname);
    return { ...record, addr_info: ordered(own).map((address) => addressRecord(address, all)) };
  });
}

/** Of an outer address the other end stands behind `peer`. */
function lowText({ link_type: type, address, broadcast, flags }: LinkRecord): string {
  if (address === undefined) return `link/${type} `;
  return `link/${type} ${address} ${flags.includes('POINTOPOINT') ? 'peer' : 'brd'} ${broadcast}`;
}

/** The lines of `-d` for a link that is more than a device, and for a port. */
function detailsText({ linkinfo }: LinkRecord): string {
  return kindText(linkinfo) + slaveText(linkinfo);
}

function slaveText(linkinfo: LinkRecord['linkinfo']): string {
  const { info_slave_kind: kind, info_slave_data: data } = linkinfo ?? {};
  if (kind === undefined) return '';
  const { table, hairpin, isolated } = data as { table?: number; hairpin?: boolean; isolated?: boolean };
  if (kind === 'vrf') return `    vrf_slave table ${table}\n`;
  if (kind === 'bond') return '    bond_slave\n';
  const onOff = (value: boolean | undefined) => (value ? 'on' : 'off');
  return `    bridge_slave hairpin ${onOff(hairpin)} isolated ${onOff(isolated)}\n`;
}

function kindText(linkinfo: LinkRecord['linkinfo']): string {
  const kind = linkinfo?.info_kind;
  if (kind === 'wireguard') return '    wireguard\n';
  if (kind === 'vxlan' && linkinfo?.info_data) return `    ${vxlanText(linkinfo.info_data as VxlanData)}\n`;
  if (kind === undefined) return '';
  if (!linkinfo?.info_data) return `    ${kind}\n`;
  if (isStacked(kind)) return `    ${stackText(kind, linkinfo.info_data as StackData)}\n`;
  if (!isDetailed(kind)) return '';
  return `    ${tunnelText(kind, linkinfo.info_data as TunnelData)}\n`;
}

function linkText(record: LinkRecord): string {
  const index = record.link_index === undefined ? '' : `@if${record.link_index}`;
  const other = record.link === undefined ? index : `@${record.link}`;
  const word = (name: string, value: string | undefined) => (value === undefined ? '' : ` ${name} ${value}`);
  return (
    `${record.ifindex}: ${record.ifname}${other}: <${record.flags.join(',')}> mtu ${record.mtu} qdisc ${record.qdisc}` +
    `${word('master', record.master)} state ${record.operstate}${word('mode', record.linkmode)} group ${record.group} ` +
    `qlen ${record.txqlen}\n` +
    `    ${lowText(record)}${word('link-netns', record.link_netns)}\n` +
    detailsText(record)
  );
}

const lifetime = (seconds: number) => (seconds === FOREVER ? 'forever' : `${seconds}sec`);

function addressText(a: AddressRecord): string {
  const word = (name: string, value: string | number | undefined) => (value === undefined ? '' : `${name} ${value} `);
  const where = a.address === undefined ? `${a.local}/${a.prefixlen}` : `${a.local} peer ${a.address}/${a.prefixlen}`;
  return (
    `    ${a.family} ${where} ${word('metric', a.metric)}${word('brd', a.broadcast)}scope ${a.scope} ` +
    (a.secondary ? 'secondary ' : '') +
    (a.deprecated ? 'deprecated ' : '') +
    (a.noprefixroute ? 'noprefixroute ' : '') +
    `${a.label ?? ''}\n       valid_lft ${lifetime(a.valid_life_time)} preferred_lft ${lifetime(a.preferred_life_time)}\n`
  );
}

/** `ip link show`; of `ip -d link show` the lines that say what a link is and what it is a port of. */
export function printLinks(netns: Netns, world: readonly Netns[] = [], listing: LinkListing = {}): string {
  return linkRecords(netns, listing, world).map(linkText).join('');
}

/** `ip addr show`. */
export function printAddresses(netns: Netns, world: readonly Netns[] = []): string {
  return addressRecords(netns, {}, world)
    .map((record) => linkText(record) + (record.addr_info ?? []).map(addressText).join(''))
    .join('');
}
