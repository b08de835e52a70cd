/** What both sides say about one event, as lists of text that can be compared. */
import { type Packet, Protocol, TcpFlag } from '@podwire/engine';
import { endText } from '../oracle/seen.ts';
import { VXLAN_PORT } from './values.ts';
import { isError } from './wire.ts';

export interface Seen {
  /** The machine's walks of an event ended with a piece that was lost: what became of those behind it they do not tell. */
  lostPiece?: boolean;
  /** Packets that came in on links, with everything in their headers. */
  frames: string[];
  /** Each run of a base chain: the packet it was about, the rules that matched, how it ended. Empty with the legacy back-end. */
  rules: string[];
  /** Datagrams that listeners got. */
  arrivals: string[];
  /** Connections of every namespace. */
  conntrack: string[];
}

/** Ports that somebody wrote down somewhere. Any other was drawn: by chance in the kernel, the lowest in the machine. */
export type PortName = (port: number) => string;

const NAMES: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmp6', 132: 'sctp' };
export const protocolName = (protocol: number): string => NAMES[protocol] ?? `protocol ${protocol}`;

const isIcmp = ({ protocol }: Packet) => protocol === Protocol.ICMP || protocol === Protocol.ICMPV6;
const hasPorts = ({ protocol }: Packet) =>
  protocol === Protocol.TCP || protocol === Protocol.UDP || protocol === Protocol.SCTP;

const LETTERS: readonly (readonly [flag: TcpFlag, letter: string])[] = [
  [TcpFlag.FIN, 'F'],
  [TcpFlag.SYN, 'S'],
  [TcpFlag.RST, 'R'],
  [TcpFlag.PSH, 'P'],
  [TcpFlag.ACK, 'A'],
  [TcpFlag.URG, 'U'],
];

/** Protocol, both ends, and what kind of segment or message. */
export function flowText(packet: Packet, port: PortName): string {
  const { protocol, saddr, daddr, sport, dport, tcpFlags, icmpType, icmpCode, icmpId } = packet;
  const name = protocolName(protocol);
  // What the kernel shows of a piece with the rules that it meets has no more.
  if (packet.fragment) return `piece ${saddr} > ${daddr}`;
  if (hasPorts(packet)) {
    const flags = LETTERS.map(([flag, letter]) => (tcpFlags & flag ? letter : '')).join('');
    return `${name} ${endText(saddr, port(sport))} > ${endText(daddr, port(dport))}${flags === '' ? '' : ` ${flags}`}`;
  }
  const kind = isIcmp(packet) ? ` ${icmpType}/${icmpCode}${isError(packet) ? '' : ` id ${port(icmpId)}`}` : '';
  return `${name} ${saddr} > ${daddr}${kind}`;
}

/** Of TCP the machine knows headers without options; so may what is in a tunnel be. */
const lengthMatters = (packet: Packet): boolean =>
  !(packet.protocol === Protocol.UDP && packet.dport === VXLAN_PORT && !packet.fragment) &&
  (!packet.inner || lengthMatters(packet.inner)) &&
  packet.protocol !== Protocol.TCP;

function fragmentText({ fragment, ...packet }: Packet, port: PortName): string[] {
  if (!fragment) return [];
  const { offset, more } = fragment;
  return [`@ ${offset}${more ? '+' : ''}`, offset > 0 ? protocolName(packet.protocol) : `of ${flowText(packet, port)}`];
}

export function packetText(packet: Packet, port: PortName): string {
  const { ttl, tos, length, family, dontFragment, inner } = packet;
  return [
    flowText(packet, port),
    ...fragmentText(packet, port),
    `ttl ${ttl}`,
    ...(tos === 0 ? [] : [`tos ${tos}`]),
    ...(family === 4 && dontFragment ? ['DF'] : []),
    ...(lengthMatters(packet) ? [`length ${length}`] : []),
    ...(packet.mtu ? [`mtu ${packet.mtu}`] : []),
    ...(inner ? [`about (${packetText(inner, port)})`] : []),
  ].join(' ');
}

/** ICMPv6 types by which hosts find neighbours and routers and join groups; the latter stand behind a hop-by-hop header. */
const DISCOVERY: ReadonlySet<number> = new Set([130, 131, 132, 133, 134, 135, 136, 137, 143]);
const HOP_BY_HOP = 0;
export const IGMP = 2;

/** What hosts send of their own accord: part of no event. */
export const isChatter = ({ family, protocol, icmpType, inner, fragment }: Packet): boolean =>
  !fragment &&
  ((inner !== undefined && isChatter(inner)) ||
    protocol === IGMP ||
    (family === 6 && protocol === HOP_BY_HOP) ||
    (protocol === Protocol.ICMPV6 && DISCOVERY.has(icmpType)));
