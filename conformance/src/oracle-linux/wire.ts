/** Packets as bytes: what is put on a wire, and what was seen on one. */
import {
  type Family,
  type Fragment,
  formatAddress,
  type Packet,
  Protocol,
  parseAddress,
  TcpFlag,
  type TcpNumbers,
} from '@podwire/engine';
import { castagnoli } from './checksum.ts';

/** Sequence numbers, of TCP alone. */
export interface Numbers {
  sequence: number;
  acknowledgement: number;
}

export type WirePacket = Packet & { numbers?: Numbers };

const IP6_HEADER = 40;
const headerLength = (family: Family) => (family === 4 ? 20 : IP6_HEADER);

const isIcmp = (protocol: number) => protocol === Protocol.ICMP || protocol === Protocol.ICMPV6;

/** ICMP types that hold a packet. */
export const isError = ({ protocol, icmpType }: Pick<Packet, 'protocol' | 'icmpType'>): boolean =>
  protocol === Protocol.ICMP
    ? [3, 4, 5, 11, 12].includes(icmpType)
    : protocol === Protocol.ICMPV6 && icmpType < 128 && icmpType > 0;

/** Behind the checksum of those that say what would fit: 32 bits, of which IPv4 uses the lower half. */
const tellsMtu = ({ protocol, icmpType, icmpCode }: Pick<Packet, 'protocol' | 'icmpType' | 'icmpCode'>): boolean =>
  protocol === Protocol.ICMP ? icmpType === 3 && icmpCode === 4 : protocol === Protocol.ICMPV6 && icmpType === 2;

function addressBytes(text: string): number[] {
  const parsed = parseAddress(text);
  if (!parsed) throw new RangeError(`${text} is no address`);
  const bytes = parsed.words.flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]);
  return parsed.family === 4 ? bytes.slice(12) : bytes;
}

function addressAt(bytes: Uint8Array, at: number, family: Family): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const word = (i: number) => view.getUint32(at + 4 * i);
  return formatAddress({ family, words: family === 4 ? [0, 0, 0, word(0)] : [word(0), word(1), word(2), word(3)] });
}

function onesSum(bytes: Uint8Array, start = 0): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

const INIT_CHUNK = [1, 0, 0, 20, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1];

/** Filled up to the header's end with what means nothing. */
function tcpOptions({ windowScale, sackPermitted }: TcpNumbers, header: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(0, header - 20)).fill(1);
  bytes.set([...(windowScale === undefined ? [] : [3, 3, windowScale]), ...(sackPermitted ? [4, 2] : [])]);
  return bytes;
}

/** Header of the transport, without its checksum, and where that goes. */
function transport(packet: WirePacket, room: number): { bytes: Uint8Array; checksumAt?: number } {
  const { protocol, sport, dport, tcpFlags, icmpType, icmpCode, icmpId, inner, numbers, tcp } = packet;
  const made = (least: number) => new Uint8Array(Math.max(least, room));
  const withPorts = (bytes: Uint8Array) => {
    const view = new DataView(bytes.buffer);
    view.setUint16(0, sport);
    view.setUint16(2, dport);
    return view;
  };
  if (protocol === Protocol.TCP) {
    const header = tcp?.header ?? 20;
    const bytes = made(Math.max(20, header));
    const view = withPorts(bytes);
    view.setUint32(4, tcp?.seq ?? numbers?.sequence ?? 1000);
    view.setUint32(8, tcp?.ack ?? numbers?.acknowledgement ?? 0);
    view.setUint8(12, (header >>> 2) << 4);
    view.setUint8(13, tcpFlags);
    view.setUint16(14, tcp?.window ?? 65535);
    if (tcp) bytes.set(tcpOptions(tcp, header), 20);
    return { bytes, checksumAt: 16 };
  }
  if (protocol === Protocol.UDP) {
    const bytes = made(8);
    withPorts(bytes).setUint16(4, bytes.length);
    return { bytes, checksumAt: 6 };
  }
  if (protocol === Protocol.SCTP) {
    const bytes = made(12 + INIT_CHUNK.length);
    const view = withPorts(bytes);
    bytes.set(INIT_CHUNK, 12);
    view.setUint32(8, castagnoli(bytes), true);
    return { bytes };
  }
  if (isIcmp(protocol)) {
    const about = inner ? encodePacket(inner) : new Uint8Array(0);
    const bytes = made(8 + about.length);
    bytes[0] = icmpType;
    bytes[1] = icmpCode;
    bytes.set(about, 8);
    const view = new DataView(bytes.buffer);
    if (!isError(packet)) view.setUint16(4, icmpId);
    else if (tellsMtu(packet)) view.setUint32(4, packet.mtu ?? 0);
    return { bytes, checksumAt: 2 };
  }
  return { bytes: made(0) };
}

/** The transport's part of a packet with a checksum; ICMP of IPv4 has one without addresses. */
export function encodeTransport(packet: WirePacket): Uint8Array {
  const { bytes, checksumAt } = transport(packet, packet.length - headerLength(packet.family));
  if (checksumAt === undefined) return bytes;
  const pseudo =
    packet.protocol === Protocol.ICMP || packet.saddr === ''
      ? 0
      : onesSum(
          Uint8Array.from([...addressBytes(packet.saddr), ...addressBytes(packet.daddr)]),
          packet.protocol + bytes.length,
        );
  new DataView(bytes.buffer).setUint16(checksumAt, ~onesSum(bytes, pseudo) & 0xffff || 0xffff);
  return bytes;
}

/** From the IP header on. A length that is too short for the headers is made longer. */
export function encodePacket(packet: WirePacket): Uint8Array {
  const body = encodeTransport(packet);
  const head = new Uint8Array(headerLength(packet.family));
  const view = new DataView(head.buffer);
  if (packet.family === 4) {
    view.setUint8(0, 0x45);
    view.setUint8(1, packet.tos);
    view.setUint16(2, 20 + body.length);
    view.setUint16(6, packet.dontFragment ? 0x4000 : 0);
    view.setUint8(8, packet.ttl);
    view.setUint8(9, packet.protocol);
    head.set(addressBytes(packet.saddr), 12);
    head.set(addressBytes(packet.daddr), 16);
    view.setUint16(10, ~onesSum(head) & 0xffff);
  } else {
    view.setUint32(0, ((6 << 28) | (packet.tos << 20)) >>> 0);
    view.setUint16(4, body.length);
    view.setUint8(6, packet.protocol);
    view.setUint8(7, packet.ttl);
    head.set(addressBytes(packet.saddr), 8);
    head.set(addressBytes(packet.daddr), 24);
  }
  return Uint8Array.from([...head, ...body]);
}

export const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

export const unhex = (text: string): Uint8Array =>
  Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** A whole Ethernet frame, as hexadecimal digits. */
export function encodeFrame(packet: WirePacket, from: string, to: string): string {
  const mac = (text: string) => text.replaceAll(':', '').toLowerCase();
  return `${mac(to)}${mac(from)}${packet.family === 4 ? '0800' : '86dd'}${hex(encodePacket(packet))}`;
}

function fieldsOf(bytes: Uint8Array, view: DataView, at: number, protocol: number): Partial<WirePacket> {
  const has = (count: number) => bytes.length >= at + count;
  if (isIcmp(protocol) && has(8)) {
    const icmpType = view.getUint8(at);
    const error = isError({ protocol, icmpType });
    const inner = error && has(28) ? decodePacket(bytes.subarray(at + 8)) : undefined;
    const icmpCode = view.getUint8(at + 1);
    const told = tellsMtu({ protocol, icmpType, icmpCode }) ? view.getUint32(at + 4) : 0;
    return {
      icmpType,
      icmpCode,
      ...(told > 0 && { mtu: told }),
      icmpId: error ? 0 : view.getUint16(at + 4),
      ...(inner && { inner }),
    };
  }
  const knows = protocol === Protocol.TCP || protocol === Protocol.UDP || protocol === Protocol.SCTP;
  if (!knows || !has(4)) return {};
  const ports = { sport: view.getUint16(at), dport: view.getUint16(at + 2) };
  if (protocol !== Protocol.TCP || !has(14)) return ports;
  const numbers = { sequence: view.getUint32(at + 4), acknowledgement: view.getUint32(at + 8) };
  return { ...ports, tcpFlags: view.getUint8(at + 13) & 0x3f, numbers };
}

const FRAGMENT_HEADER = 44;
const FRAGMENT_HEADER_LENGTH = 8;

/** Where a piece stands in a packet that was cut; how long that was no piece tells. */
function pieceOf(view: DataView, family: Family): Fragment | undefined {
  if (family === 4) {
    const field = view.getUint16(6);
    return field & 0x3fff ? { offset: (field & 0x1fff) * 8, more: (field & 0x2000) !== 0, whole: 0 } : undefined;
  }
  if (view.getUint8(6) !== FRAGMENT_HEADER || view.byteLength < IP6_HEADER + FRAGMENT_HEADER_LENGTH) return undefined;
  const field = view.getUint16(IP6_HEADER + 2);
  return { offset: field & 0xfff8, more: (field & 1) !== 0, whole: 0 };
}

/** A packet from its IP header on; what lies behind the headers may be cut off. */
export function decodePacket(bytes: Uint8Array): WirePacket {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family: Family = view.getUint8(0) >>> 4 === 4 ? 4 : 6;
  const fragment = pieceOf(view, family);
  const isPiece6 = family === 6 && fragment !== undefined;
  const protocol = view.getUint8(family === 4 ? 9 : isPiece6 ? IP6_HEADER : 6);
  const at = family === 4 ? (view.getUint8(0) & 15) * 4 : IP6_HEADER + (isPiece6 ? FRAGMENT_HEADER_LENGTH : 0);
  return {
    family,
    protocol,
    saddr: addressAt(bytes, family === 4 ? 12 : 8, family),
    daddr: addressAt(bytes, family === 4 ? 16 : 24, family),
    sport: 0,
    dport: 0,
    tcpFlags: 0,
    icmpType: 0,
    icmpCode: 0,
    icmpId: 0,
    ttl: view.getUint8(family === 4 ? 8 : 7),
    tos: family === 4 ? view.getUint8(1) : (view.getUint16(0) >>> 4) & 255,
    mark: 0,
    length: family === 4 ? view.getUint16(2) : view.getUint16(4) + IP6_HEADER,
    dontFragment: family === 4 ? (view.getUint16(6) & 0x4000) !== 0 : true,
    ...(fragment && { fragment }),
    ...(!fragment?.offset && fieldsOf(bytes, view, at, protocol)),
  };
}

/** What the segment that answers `seen` has to say so that TCP takes it as of the same connection. */
export function numbersAfter({ tcpFlags, numbers }: WirePacket): Numbers {
  const { sequence = 0, acknowledgement = 0 } = numbers ?? {};
  const counts = tcpFlags & (TcpFlag.SYN | TcpFlag.FIN) ? 1 : 0;
  return { sequence: acknowledgement, acknowledgement: (sequence + counts) >>> 0 };
}
