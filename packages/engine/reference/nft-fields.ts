/** What the packet's headers, its devices and its connection say: nft_payload.c, nft_meta.c, nft_ct.c, nft_rt.c. */
import {
  type ArpField,
  type CtField,
  CtState,
  type HeaderField,
  Hook,
  type MetaField,
  type Packet,
  Protocol,
  type TableFamily,
  type Tuple,
} from '../src/index.ts';
import { isLimitedBroadcast, isMulticast } from './addresses.ts';
import { isLater } from './fragment.ts';
import { address, ether, ifname, integer, type Value } from './nft-value.ts';
import type { Arp, Device, Frame, Skb } from './state.ts';
import { carriesFrames } from './tunnel-ends.ts';
import { hasPorts, isIcmp } from './tuple.ts';

const ETHERTYPES = { 4: 0x0800, 6: 0x86dd } as const;
const ETHERTYPE_ARP = 0x0806;
const NFPROTO = { 4: 2, 6: 10 } as const;
const NFPROTO_ARP = 3;
const NFPROTO_NETDEV = 5;
const NFPROTO_BRIDGE = 7;
const ARPHRD_ETHER = 1;
const ARPHRD_LOOPBACK = 772;
const UDP_LITE = 136;
const DCCP = 33;
const IPV6_HEADER = 40;
const IPV4_HEADER = 20;
const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;
const NEXTHDR_FRAGMENT = 44;
const ETHERNET_HEADER = 14;

/** `iph->frag_off`: flags, and the offset in units of eight bytes. */
const fragOff = ({ dontFragment, fragment }: Packet): number =>
  (dontFragment ? DONT_FRAGMENT : 0) | (fragment?.more ? MORE_FRAGMENTS : 0) | ((fragment?.offset ?? 0) >>> 3);

type Reader = (skb: Skb) => Value | undefined;

const ipv4 =
  (read: (packet: Skb['packet']) => number): Reader =>
  ({ packet }) =>
    packet.family === 4 ? integer(read(packet)) : undefined;
const ipv6 =
  (read: (packet: Skb['packet']) => number): Reader =>
  ({ packet }) =>
    packet.family === 6 ? integer(read(packet)) : undefined;
const port =
  (side: 'sport' | 'dport'): Reader =>
  ({ packet }) =>
    (hasPorts(packet.protocol) || packet.protocol === DCCP) && !isLater(packet) ? integer(packet[side]) : undefined;
const icmp =
  (field: 'icmpType' | 'icmpCode' | 'icmpId'): Reader =>
  ({ packet }) =>
    isIcmp(packet.protocol) && !isLater(packet) ? integer(packet[field]) : undefined;
const addressOf =
  (family: 4 | 6, side: 'saddr' | 'daddr'): Reader =>
  ({ packet }) =>
    packet.family === family ? address(packet[side]) : undefined;

/**
 * The frame it leaves in, below IP, or came in by a wire; what was made here has none yet, but for a tunnel's outer packet: that of the frame
 * within (skb->mac_header).
 */
function frameOf({ indev, macSource, macTarget, leaving, question, payload }: Skb): Frame | undefined {
  const group = question?.group;
  if (leaving) return group === undefined ? leaving : { ...leaving, target: group };
  if (payload && !indev) return carriesFrames(payload.device) ? payload.frame : undefined;
  const came = macSource !== undefined && indev?.link.kind !== 'loopback';
  return came ? { source: macSource, target: group ?? macTarget } : undefined;
}

const etherType = ({ arp, packet }: Skb): number => (arp ? ETHERTYPE_ARP : ETHERTYPES[packet.family]);

const etherOf = (text: string | undefined) => (text === undefined ? undefined : ether(text));

const headerReaders: Record<Exclude<HeaderField, ArpField>, Reader> = {
  'ether saddr': (skb) => etherOf(frameOf(skb)?.source),
  'ether daddr': (skb) => etherOf(frameOf(skb)?.target),
  'ether type': (skb) => (frameOf(skb) ? integer(etherType(skb)) : undefined),
  'ip saddr': addressOf(4, 'saddr'),
  'ip daddr': addressOf(4, 'daddr'),
  'ip protocol': ipv4((p) => p.protocol),
  'ip ttl': ipv4((p) => p.ttl),
  'ip tos': ipv4((p) => p.tos),
  'ip length': ipv4((p) => p.length),
  'ip version': ipv4(() => 4),
  'ip hdrlength': ipv4(() => IPV4_HEADER / 4),
  'ip frag-off': ipv4(fragOff),
  'ip6 saddr': addressOf(6, 'saddr'),
  'ip6 daddr': addressOf(6, 'daddr'),
  'ip6 nexthdr': ipv6((p) => (p.fragment ? NEXTHDR_FRAGMENT : p.protocol)),
  'ip6 hoplimit': ipv6((p) => p.ttl),
  'ip6 tclass': ipv6((p) => p.tos),
  'ip6 length': ipv6((p) => p.length - IPV6_HEADER),
  'ip6 version': ipv6(() => 6),
  'th sport': port('sport'),
  'th dport': port('dport'),
  'tcp flags': ({ packet }) =>
    packet.protocol === Protocol.TCP && !isLater(packet) ? integer(packet.tcpFlags) : undefined,
  'udp length': ({ packet }) => {
    const { protocol, family, length, fragment } = packet;
    if ((protocol !== Protocol.UDP && protocol !== UDP_LITE) || isLater(packet)) return undefined;
    // The first piece says how long the whole datagram is.
    return integer((fragment?.whole ?? length) - (family === 4 ? IPV4_HEADER : IPV6_HEADER));
  },
  'icmp type': icmp('icmpType'),
  'icmp code': icmp('icmpCode'),
  'icmp id': icmp('icmpId'),
};

const ETHERNET_ADDRESS = 6;
const IPV4_ADDRESS = 4;

const arpReaders: Record<ArpField, (arp: Arp, packet: Skb['packet']) => Value> = {
  'arp htype': () => integer(ARPHRD_ETHER),
  'arp ptype': () => integer(ETHERTYPES[4]),
  'arp hlen': () => integer(ETHERNET_ADDRESS),
  'arp plen': () => integer(IPV4_ADDRESS),
  'arp operation': ({ operation }) => integer(operation),
  'arp saddr ether': ({ sender }) => ether(sender),
  'arp daddr ether': ({ target }) => ether(target),
  'arp saddr ip': (_, packet) => address(packet.saddr),
  'arp daddr ip': (_, packet) => address(packet.daddr),
};

const isArpField = (field: string): field is ArpField => field in arpReaders;

export function loadHeader(skb: Skb, field: HeaderField): Value | undefined {
  const { arp, packet } = skb;
  if (isArpField(field)) return arp && arpReaders[field](arp, packet);
  return arp && !field.startsWith('ether ') ? undefined : headerReaders[field](skb);
}

export const isHeaderField = (field: string): field is HeaderField => field in headerReaders || field in arpReaders;

/** ARPHRD_*. */
/** The bridge that the device is a port of (nft_meta_get_bridge); bonds and VRFs are none. */
function bridgeOf(device: Device | undefined): Value | undefined {
  const master = device?.master;
  return master?.link.kind === 'bridge' ? ifname(master.name) : undefined;
}

/**
 * The device that the packet itself names (`skb->dev`), whose type `meta iiftype` gives since Linux 5.16 (NFT_META_IFTYPE): on its way out the one
 * that it leaves by; a packet that was just made has none, unless it asks for a neighbour or has come out of a tunnel.
 */
function ownDevice({ indev, outdev, question, payload }: Skb, family: TableFamily, hook: Hook): Device | undefined {
  if (hook === Hook.POSTROUTING || hook === Hook.EGRESS) return outdev;
  if (hook !== Hook.OUTPUT) return indev;
  return family === 'bridge' || family === 'arp' || question ? outdev : payload?.device;
}

const linkType = (device: Device | undefined): Value | undefined =>
  device && integer(device.link.kind === 'loopback' ? ARPHRD_LOOPBACK : ARPHRD_ETHER);

/** The name of the driver; a physical device and `lo` have none that they would tell. */
function linkKind(device: Device | undefined): Value | undefined {
  const kind = device?.link.kind;
  if (kind === undefined || kind === 'device' || kind === 'loopback') return undefined;
  return ifname(kind === 'tap' ? 'tun' : kind);
}

/** Received packets alone know that they were for many, or for another host: as the port or device sees it (eth_type_trans). */
function packetType({ packet, indev, macTarget, arp, question }: Skb, family: TableFamily, hook: Hook): number {
  if (!indev || indev.link.kind === 'loopback') return 0;
  if (arp && question?.group !== undefined) return 1;
  if (isMulticast(packet.family, packet.daddr)) return 2;
  if (packet.family === 4 && isLimitedBroadcast(packet.daddr)) return 1;
  const isFrame = family === 'bridge' || hook === Hook.INGRESS;
  if (!isFrame || macTarget === undefined || macTarget === indev.mac) return 0;
  return family === 'bridge' && macTarget === indev.master?.mac ? 0 : 3;
}

export type OwnerField = 'meta skuid' | 'meta skgid';

/** Whose socket made the packet (nft_meta_get_eval_skugid): nobody knows where it does not say, nor at INPUT, where it may have found its socket already. */
export function loadOwner({ packet, socket }: Skb, hook: Hook, field: OwnerField): Value | 'unknown' | undefined {
  if (hook === Hook.INPUT) return 'unknown';
  if (socket !== 'process') return undefined;
  const id = field === 'meta skuid' ? packet.owner?.uid : packet.owner?.gid;
  return id === undefined ? 'unknown' : integer(id);
}

export function loadMeta(
  skb: Skb,
  family: TableFamily,
  hook: Hook,
  field: Exclude<MetaField, OwnerField>,
): Value | undefined {
  const { packet, indev, outdev } = skb;
  switch (field) {
    case 'meta length':
      // On its way out of a device the packet has its Ethernet header in front (tried).
      return integer(packet.length + (hook === Hook.EGRESS ? ETHERNET_HEADER : 0));
    case 'meta protocol':
      return integer(etherType(skb));
    case 'meta nfproto':
      if (family === 'bridge') return integer(NFPROTO_BRIDGE);
      if (family === 'arp') return integer(NFPROTO_ARP);
      return integer(family === 'netdev' ? NFPROTO_NETDEV : NFPROTO[packet.family]);
    case 'meta l4proto':
      return skb.arp ? undefined : integer(packet.protocol);
    case 'meta mark':
      return integer(packet.mark >>> 0);
    case 'meta iif':
      return integer(indev?.index ?? 0);
    case 'meta oif':
      return integer(outdev?.index ?? 0);
    case 'meta iifname':
      return ifname(indev?.name ?? '');
    case 'meta oifname':
      return ifname(outdev?.name ?? '');
    case 'meta iiftype':
      return linkType(ownDevice(skb, family, hook));
    case 'meta oiftype':
      return linkType(outdev);
    case 'meta iifkind':
      return linkKind(indev);
    case 'meta oifkind':
      return linkKind(outdev);
    case 'meta ibrname':
      return bridgeOf(indev);
    case 'meta ibrhwaddr':
      return indev?.master?.link.kind === 'bridge' ? ether(indev.master.mac) : undefined;
    case 'meta obrname':
      return bridgeOf(outdev);
    case 'meta pkttype':
      return integer(packetType(skb, family, hook));
  }
}

/** IPS_* of include/uapi/linux/netfilter/nf_conntrack_common.h. */
function statusOf(connection: NonNullable<NonNullable<Skb['ct']>['connection']>): number {
  const bits: [boolean, number][] = [
    [connection.expected === true, 1],
    [connection.seenReply, 2],
    [connection.assured, 4],
    [connection.confirmed, 8],
    [connection.snat, 16],
    [connection.dnat, 32],
    [connection.srcDone, 128],
    [connection.dstDone, 256],
  ];
  return bits.reduce((sum, [holds, bit]) => sum | (holds ? bit : 0), 0);
}

function tupleField(tuple: Tuple, part: string): Value {
  if (part === 'saddr' || part === 'daddr') return address(tuple[part]);
  return integer(part === 'proto-src' ? tuple.sport : tuple.dport);
}

export function loadCt({ ct }: Skb, field: CtField): Value | undefined {
  if (field === 'ct state') return integer(ct?.state ?? CtState.INVALID);
  const connection = ct?.connection;
  if (!ct || !connection) return undefined;
  const { zone, tuples } = connection;
  switch (field) {
    case 'ct status':
      return integer(statusOf(connection));
    case 'ct direction':
      return integer(ct.direction);
    case 'ct mark':
      return integer(connection.mark >>> 0);
    case 'ct zone':
      return integer(zone.id);
    case 'ct original zone':
      return integer(zone.original ? zone.id : 0);
    case 'ct reply zone':
      return integer(zone.reply ? zone.id : 0);
    case 'ct l3proto':
      return integer(NFPROTO[connection.family]);
    case 'ct protocol':
      return integer(connection.protocol);
    default: {
      const [, direction, part = ''] = field.split(' ');
      return tupleField(tuples[direction === 'original' ? 0 : 1], part);
    }
  }
}

/** The gateway of the packet's route, which it has from routing on, or its destination (rt_nexthop). */
export function loadNexthop(skb: Skb, table: TableFamily, family: 4 | 6): Value | undefined {
  // Tables of bridges and devices have no such thing (nft_pf).
  if (table === 'bridge' || table === 'netdev' || table === 'arp') return undefined;
  if (!skb.route || skb.packet.family !== family) return undefined;
  const { kind, gateway } = skb.route;
  return address(
    kind === 'unicast' && gateway !== undefined && gateway.includes(':') === (family === 6)
      ? gateway
      : skb.packet.daddr,
  );
}
