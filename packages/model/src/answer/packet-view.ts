/** A packet in the words of an answer. */
import { type Packet, Protocol, TcpFlag } from '@podwire/engine';
import { hostPort } from './addresses.ts';
import type { PacketView } from './answer.ts';

const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  [Protocol.ICMP]: 'icmp',
  [Protocol.TCP]: 'tcp',
  [Protocol.UDP]: 'udp',
  [Protocol.ICMPV6]: 'icmpv6',
  [Protocol.SCTP]: 'sctp',
};

/** Types and codes as tcpdump names them, of both families. */
const ICMP: Readonly<Record<string, string>> = {
  '8': 'echo request',
  '0': 'echo reply',
  '3/0': 'net unreachable',
  '3/1': 'host unreachable',
  '3/2': 'protocol unreachable',
  '3/3': 'port unreachable',
  '3/4': 'fragmentation needed',
  '3/9': 'net prohibited',
  '3/10': 'host prohibited',
  '3/13': 'administratively prohibited',
  '11/0': 'time exceeded',
};
const ICMPV6: Readonly<Record<string, string>> = {
  '128': 'echo request',
  '129': 'echo reply',
  '1/0': 'no route',
  '1/1': 'administratively prohibited',
  '1/3': 'address unreachable',
  '1/4': 'port unreachable',
  '1/5': 'source policy failed',
  '1/6': 'route rejected',
  '2/0': 'packet too big',
  '3/0': 'time exceeded',
};

const FLAGS: readonly [TcpFlag, string][] = [
  [TcpFlag.SYN, 'SYN'],
  [TcpFlag.FIN, 'FIN'],
  [TcpFlag.RST, 'RST'],
  [TcpFlag.PSH, 'PSH'],
  [TcpFlag.ACK, 'ACK'],
  [TcpFlag.URG, 'URG'],
];

function protocolName(protocol: number): string {
  return PROTOCOL_NAMES[protocol] ?? `proto ${protocol}`;
}

function info(packet: Packet): string {
  if (packet.protocol === Protocol.TCP) {
    return FLAGS.filter(([bit]) => (packet.tcpFlags & bit) !== 0)
      .map(([, name]) => name)
      .join(',');
  }
  const names = packet.protocol === Protocol.ICMP ? ICMP : packet.protocol === Protocol.ICMPV6 ? ICMPV6 : undefined;
  if (!names) return '';
  const exact = `${packet.icmpType}/${packet.icmpCode}`;
  return names[exact] ?? names[String(packet.icmpType)] ?? `type ${exact}`;
}

export function packetView(packet: Packet): PacketView {
  return {
    family: packet.family,
    protocol: protocolName(packet.protocol),
    saddr: packet.saddr,
    daddr: packet.daddr,
    sport: packet.sport,
    dport: packet.dport,
    ttl: packet.ttl,
    info: [info(packet), pieceText(packet)].filter((text) => text !== '').join(', '),
  };
}

/** `bytes 1480 to 2959 of 2980`: the data of a piece in that of the whole packet. */
function pieceText({ family, length, fragment }: Packet): string {
  if (!fragment) return '';
  const header = family === 4 ? 20 : 40;
  const data = length - (family === 4 ? 20 : 48);
  return `bytes ${fragment.offset} to ${fragment.offset + data - 1} of ${fragment.whole - header}`;
}

/** `tcp 10.244.1.7:40000 > 10.96.14.2:80`; a star stands for a source address that was never chosen. */
export function printPacket(packet: PacketView): string {
  const ends = `${hostPort(packet.saddr === '' ? '*' : packet.saddr, packet.sport)} > ${hostPort(packet.daddr, packet.dport)}`;
  return `${packet.protocol} ${ends}`;
}
