/** Packets in the engine's memory. */
import type { Abi } from './abi.ts';
import { formatAddress } from './address.ts';
import { getWords } from './arena.ts';
import { FragmentFlag, PacketL4 } from './ct-codes.ts';
import { addressOf } from './encoding.ts';
import { EngineError } from './errors.ts';
import type { Family, Fragment, Packet, SctpChunk, SctpChunks, TcpNumbers } from './packet.ts';
import { Protocol } from './terms.ts';
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

const isIcmp = (protocol: number) => protocol === Protocol.ICMP || protocol === Protocol.ICMPV6;

/** Thirteen bits of units of eight bytes. */
const MOST_OFFSET = 0xfff8;
const MOST_CHUNKS = 8;
/** A chunk's type and its T bit stand in 16 bits. */
const REFLECTED = 0x100;

function writeTcp(abi: Abi, { u8, u16, u32 }: Views, at: number, tcp: TcpNumbers): void {
  const { header, windowScale, sackPermitted } = tcp;
  u32[(at + abi.PACKET_SEQ) >>> 2] = tcp.seq;
  u32[(at + abi.PACKET_ACK) >>> 2] = tcp.ack;
  u16[(at + abi.PACKET_WINDOW) >>> 1] = tcp.window;
  u8[at + abi.PACKET_HEADER] = header ?? 20;
  u8[at + abi.PACKET_SCALE] = windowScale ?? 0;
  u8[at + abi.PACKET_L4] =
    PacketL4.TCP |
    (header === undefined ? 0 : PacketL4.HEADER) |
    (windowScale === undefined ? 0 : PacketL4.SCALE) |
    (sackPermitted === undefined ? 0 : PacketL4.SACK_GIVEN) |
    (sackPermitted ? PacketL4.SACK_PERMITTED : 0);
}

function readTcp(abi: Abi, { u8, u16, u32 }: Views, at: number, has: number): TcpNumbers {
  const tcp: TcpNumbers = {
    seq: u32[(at + abi.PACKET_SEQ) >>> 2] as number,
    ack: u32[(at + abi.PACKET_ACK) >>> 2] as number,
    window: u16[(at + abi.PACKET_WINDOW) >>> 1] as number,
  };
  if (has & PacketL4.HEADER) tcp.header = u8[at + abi.PACKET_HEADER] as number;
  if (has & PacketL4.SCALE) tcp.windowScale = u8[at + abi.PACKET_SCALE] as number;
  if (has & PacketL4.SACK_GIVEN) tcp.sackPermitted = (has & PacketL4.SACK_PERMITTED) !== 0;
  return tcp;
}

/** The initiate tag of a packet's first INIT or INIT ACK, which has to be alone, stands for all. */
function writeSctp(abi: Abi, { u8, u16, u32 }: Views, at: number, sctp: SctpChunks): void {
  const { tag, chunks } = sctp;
  if (chunks.length > MOST_CHUNKS)
    throw new EngineError('BAD_VALUE', `packet: ${chunks.length} chunks, not ${MOST_CHUNKS} at most`);
  const given = chunks.filter(({ initTag }) => initTag !== undefined);
  if (given.length > 1) throw new EngineError('BAD_VALUE', 'packet: two chunks with an initiate tag');
  u32[(at + abi.PACKET_SEQ) >>> 2] = tag;
  u32[(at + abi.PACKET_ACK) >>> 2] = given[0]?.initTag ?? 0;
  u16[(at + abi.PACKET_WINDOW) >>> 1] = given[0] === undefined ? 0 : chunks.indexOf(given[0]) + 1;
  u8[at + abi.PACKET_HEADER] = chunks.length;
  for (const [i, { type, reflected }] of chunks.entries())
    u16[((at + abi.PACKET_CHUNKS) >>> 1) + i] = type | (reflected ? REFLECTED : 0) | (reflected === false ? 0x200 : 0);
  u8[at + abi.PACKET_L4] = PacketL4.SCTP;
}

function readSctp(abi: Abi, { u8, u16, u32 }: Views, at: number): SctpChunks {
  const initiates = (u16[(at + abi.PACKET_WINDOW) >>> 1] as number) - 1;
  const chunks = Array.from({ length: u8[at + abi.PACKET_HEADER] as number }, (_, i) => {
    const word = u16[((at + abi.PACKET_CHUNKS) >>> 1) + i] as number;
    const chunk: SctpChunk = { type: word & 0xff };
    if (word & 0x300) chunk.reflected = (word & REFLECTED) !== 0;
    if (i === initiates) chunk.initTag = u32[(at + abi.PACKET_ACK) >>> 2] as number;
    return chunk;
  });
  return { tag: u32[(at + abi.PACKET_SEQ) >>> 2] as number, chunks };
}

/** Writes what tests of rules look at. An empty source is one that routing will choose. */
export function writeHeader(
  abi: Abi,
  { u8, u16, u32 }: Pick<Views, 'u8' | 'u16' | 'u32'>,
  at: number,
  packet: Packet,
): void {
  u8.fill(0, at, at + abi.PACKET_HEADER_SIZE);
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

function writeOwner(abi: Abi, { u8, u32 }: Views, at: number, { uid, gid }: NonNullable<Packet['owner']>): void {
  u32[(at + abi.PACKET_UID) >>> 2] = uid ?? 0;
  u32[(at + abi.PACKET_GID) >>> 2] = gid ?? 0;
  const has = (uid === undefined ? 0 : PacketL4.OWNER_UID) | (gid === undefined ? 0 : PacketL4.OWNER_GID);
  u8[at + abi.PACKET_L4] = (u8[at + abi.PACKET_L4] as number) | has;
}

function readOwner(abi: Abi, { u32 }: Views, at: number, has: number): NonNullable<Packet['owner']> {
  return {
    ...(has & PacketL4.OWNER_UID ? { uid: u32[(at + abi.PACKET_UID) >>> 2] as number } : {}),
    ...(has & PacketL4.OWNER_GID ? { gid: u32[(at + abi.PACKET_GID) >>> 2] as number } : {}),
  };
}

function writeFragment(abi: Abi, { u8, u16, u32 }: Views, at: number, { offset, more, whole }: Fragment): void {
  if (offset % 8 !== 0 || offset > MOST_OFFSET) throw new EngineError('BAD_VALUE', `packet: a piece at byte ${offset}`);
  u8[at + abi.PACKET_FRAGMENT] =
    FragmentFlag.PIECE | (more ? FragmentFlag.MORE : 0) | (offset > 0 ? FragmentFlag.LATER : 0);
  u16[(at + abi.PACKET_OFFSET) >>> 1] = offset;
  u32[(at + abi.PACKET_WHOLE) >>> 2] = whole;
}

function writePacket(abi: Abi, views: Views, at: number, packet: Packet): void {
  views.u8.fill(0, at + abi.PACKET_HEADER_SIZE, at + abi.PACKET_SIZE);
  writeHeader(abi, views, at, packet);
  if (packet.tcp && packet.protocol === Protocol.TCP) writeTcp(abi, views, at, packet.tcp);
  else if (packet.sctp && packet.protocol === Protocol.SCTP) writeSctp(abi, views, at, packet.sctp);
  else if (packet.mtu !== undefined && isIcmp(packet.protocol)) {
    views.u32[(at + abi.PACKET_SEQ) >>> 2] = packet.mtu;
    views.u8[at + abi.PACKET_L4] = PacketL4.HEADER;
  }
  if (packet.owner) writeOwner(abi, views, at, packet.owner);
  if (packet.fragment) writeFragment(abi, views, at, packet.fragment);
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
  const has = u8[at + abi.PACKET_L4] as number;
  if (has & PacketL4.TCP) packet.tcp = readTcp(abi, views, at, has);
  else if (has & PacketL4.SCTP) packet.sctp = readSctp(abi, views, at);
  else if (has & PacketL4.HEADER) packet.mtu = u32[(at + abi.PACKET_SEQ) >>> 2] as number;
  if (has & (PacketL4.OWNER_UID | PacketL4.OWNER_GID)) packet.owner = readOwner(abi, views, at, has);
  const piece = u8[at + abi.PACKET_FRAGMENT] as number;
  if (piece !== 0)
    packet.fragment = {
      offset: u16[(at + abi.PACKET_OFFSET) >>> 1] as number,
      more: (piece & FragmentFlag.MORE) !== 0,
      whole: u32[(at + abi.PACKET_WHOLE) >>> 2] as number,
    };
  if (u8[at + abi.PACKET_HAS_INNER] === 1) packet.inner = readPacket(abi, views, at + abi.PACKET_SIZE);
  return packet;
}
