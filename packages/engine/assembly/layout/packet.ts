/**
 * A packet in flight. Addresses of both families stand in 128 bits, IPv4 in the lowest 32 (the rest is 0), so that every test is the
 * same two 64-bit operations.
 *
 *   0        8        16       24       32   36   40    42    44   46 47 48 49 50 51 52 53 54   55        56  60  64     66 67     72     88  92  96
 *   | saddr  | saddr  | daddr  | daddr  |mark|len |sport|dport|id  |fa|pr|tf|it|ic|tt|to|df|inner|sourceless|seq|ack|window|l4|header|chunks|uid|gid|whole|
 *   |   high |   low  |   high |   low  |
 *
 * The packet that an ICMP error is about follows at once, as a second record.
 */
@unmanaged
export class Packet {
  saddrHi: u64;
  saddrLo: u64;
  daddrHi: u64;
  daddrLo: u64;
  mark: u32;
  length: u32;
  sport: u16;
  dport: u16;
  icmpId: u16;
  family: u8;
  protocol: u8;
  tcpFlags: u8;
  icmpType: u8;
  icmpCode: u8;
  ttl: u8;
  tos: u8;
  dontFragment: u8;
  hasInner: u8;
  /** 1: it has no source yet. */
  sourceless: u8;
  /** TCP: sequence and acknowledgment number, window. SCTP: tags of the header and of INIT; number of the chunk with the latter, from 1. */
  seq: u32;
  ack: u32;
  window: u16;
  /** Bits of `PacketL4`: which of these hold. */
  l4: u8;
  /** TCP: bytes of the header. SCTP: number of chunks. */
  header: u8;
  scale: u8;
  /** Bits of `FragmentFlag`; 0: the packet is whole. */
  fragment: u8;
  /** Bytes of the whole packet's data before those of a piece. */
  offset: u16;
  /** SCTP: eight chunks of 16 bits: the type, and bit 8 where the T bit is set. */
  chunks: u64;
  chunks2: u64;
  /** The process that sends it; `l4` says whether they are known. */
  uid: u32;
  gid: u32;
  /** Of a piece: length of the whole packet. */
  whole: u32;
  pad: u32;
}

export const PACKET_SIZE: u32 = offsetof<Packet>();
export const PACKET_SADDR: u32 = offsetof<Packet>('saddrHi');
export const PACKET_DADDR: u32 = offsetof<Packet>('daddrHi');
export const PACKET_MARK: u32 = offsetof<Packet>('mark');
export const PACKET_LENGTH: u32 = offsetof<Packet>('length');
export const PACKET_SPORT: u32 = offsetof<Packet>('sport');
export const PACKET_DPORT: u32 = offsetof<Packet>('dport');
export const PACKET_ICMP_ID: u32 = offsetof<Packet>('icmpId');
export const PACKET_FAMILY: u32 = offsetof<Packet>('family');
export const PACKET_PROTOCOL: u32 = offsetof<Packet>('protocol');
export const PACKET_TCP_FLAGS: u32 = offsetof<Packet>('tcpFlags');
export const PACKET_ICMP_TYPE: u32 = offsetof<Packet>('icmpType');
export const PACKET_ICMP_CODE: u32 = offsetof<Packet>('icmpCode');
export const PACKET_TTL: u32 = offsetof<Packet>('ttl');
export const PACKET_TOS: u32 = offsetof<Packet>('tos');
export const PACKET_DONT_FRAGMENT: u32 = offsetof<Packet>('dontFragment');
export const PACKET_HAS_INNER: u32 = offsetof<Packet>('hasInner');
export const PACKET_SOURCELESS: u32 = offsetof<Packet>('sourceless');
/** What tests of rules look at: lists of packets to be looked up hold no more. */
export const PACKET_HEADER_SIZE: u32 = offsetof<Packet>('seq');
export const PACKET_SEQ: u32 = offsetof<Packet>('seq');
export const PACKET_ACK: u32 = offsetof<Packet>('ack');
export const PACKET_WINDOW: u32 = offsetof<Packet>('window');
export const PACKET_L4: u32 = offsetof<Packet>('l4');
export const PACKET_HEADER: u32 = offsetof<Packet>('header');
export const PACKET_SCALE: u32 = offsetof<Packet>('scale');
export const PACKET_FRAGMENT: u32 = offsetof<Packet>('fragment');
export const PACKET_OFFSET: u32 = offsetof<Packet>('offset');
export const PACKET_WHOLE: u32 = offsetof<Packet>('whole');
export const PACKET_CHUNKS: u32 = offsetof<Packet>('chunks');
export const PACKET_UID: u32 = offsetof<Packet>('uid');
export const PACKET_GID: u32 = offsetof<Packet>('gid');
