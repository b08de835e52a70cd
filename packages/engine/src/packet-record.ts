/** Packets in the engine's memory. */
import type { Abi } from './abi.ts';
import { formatAddress } from './address.ts';
import { getWords } from './arena.ts';
import { addressOf } from './encoding.ts';
import { EngineError } from './errors.ts';
import type { Family, Packet } from './packet.ts';
import type { Views } from './views.ts';

function writeAddress(u32: Uint32Array, at: number, text: string, family: Family): void {
  const address = addressOf(text, 'packet');
  if (address.family !== family) throw new EngineError('BAD_ADDRESS', `packet: ${text} is of the other family`);
  const [w0, w1, w2, w3] = address.words;
  const i = at >>> 2;
  u32[i] = w1;
  u32[i + 1] = w0;
  u32[i + 2] = w3;
  u32[i + 3] = w2;
}

/** Writes a packet, and the one it is about behind it. An empty source is one that routing will choose. */
export function writePacket(
  abi: Abi,
  { u8, u16, u32 }: Pick<Views, 'u8' | 'u16' | 'u32'>,
  at: number,
  packet: Packet,
): void {
  u8.fill(0, at, at + abi.PACKET_SIZE);
  const { family } = packet;
  if (packet.saddr !== '') writeAddress(u32, at + abi.PACKET_SADDR, packet.saddr, family);
  writeAddress(u32, at + abi.PACKET_DADDR, packet.daddr, family);
  u32[(at + abi.PACKET_MARK) >>> 2] = packet.mark;
  u32[(at + abi.PACKET_LENGTH) >>> 2] = packet.length;
  u16[(at + abi.PACKET_SPORT) >>> 1] = packet.sport;
  u16[(at + abi.PACKET_DPORT) >>> 1] = packet.dport;
  u16[(at + abi.PACKET_ICMP_ID) >>> 1] = packet.icmpId;
  u8[at + abi.PACKET_FAMILY] = family;
  u8[at + abi.PACKET_PROTOCOL] = packet.protocol;
  u8[at + abi.PACKET_TCP_FLAGS] = packet.tcpFlags;
  u8[at + abi.PACKET_ICMP_TYPE] = packet.icmpType;
  u8[at + abi.PACKET_ICMP_CODE] = packet.icmpCode;
  u8[at + abi.PACKET_TTL] = packet.ttl;
  u8[at + abi.PACKET_TOS] = packet.tos;
  u8[at + abi.PACKET_DONT_FRAGMENT] = packet.dontFragment ? 1 : 0;
  u8[at + abi.PACKET_HAS_INNER] = packet.inner ? 1 : 0;
  u8[at + abi.PACKET_SOURCELESS] = packet.saddr === '' ? 1 : 0;
}

/** Writes a packet to be sent. The engine carries one packet inside another, no more. */
export function writeNested(abi: Abi, views: Views, at: number, packet: Packet): void {
  writePacket(abi, views, at, packet);
  if (!packet.inner) return;
  if (packet.inner.inner) throw new EngineError('BAD_VALUE', 'packet: an error about an error');
  writePacket(abi, views, at + abi.PACKET_SIZE, packet.inner);
}

export function readPacket(abi: Abi, views: Views, at: number): Packet {
  const { u8, u16, u32 } = views;
  const family = u8[at + abi.PACKET_FAMILY] as Family;
  const sourceless = u8[at + abi.PACKET_SOURCELESS] === 1;
  const packet: Packet = {
    family,
    protocol: u8[at + abi.PACKET_PROTOCOL] as number,
    saddr: sourceless ? '' : formatAddress({ family, words: getWords(u32, at + abi.PACKET_SADDR) }),
    daddr: formatAddress({ family, words: getWords(u32, at + abi.PACKET_DADDR) }),
    sport: u16[(at + abi.PACKET_SPORT) >>> 1] as number,
    dport: u16[(at + abi.PACKET_DPORT) >>> 1] as number,
    tcpFlags: u8[at + abi.PACKET_TCP_FLAGS] as number,
    icmpType: u8[at + abi.PACKET_ICMP_TYPE] as number,
    icmpCode: u8[at + abi.PACKET_ICMP_CODE] as number,
    icmpId: u16[(at + abi.PACKET_ICMP_ID) >>> 1] as number,
    ttl: u8[at + abi.PACKET_TTL] as number,
    tos: u8[at + abi.PACKET_TOS] as number,
    mark: u32[(at + abi.PACKET_MARK) >>> 2] as number,
    length: u32[(at + abi.PACKET_LENGTH) >>> 2] as number,
    dontFragment: u8[at + abi.PACKET_DONT_FRAGMENT] === 1,
  };
  if (u8[at + abi.PACKET_HAS_INNER] === 1) packet.inner = readPacket(abi, views, at + abi.PACKET_SIZE);
  return packet;
}
