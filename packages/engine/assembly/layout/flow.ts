import { Netns } from './netns';

/**
 * One direction of a connection, or the two ends of a socket: the key of the flow tables. ICMP keeps its identifier in `sport` and
 * type * 256 + code in `dport`.
 */
@unmanaged
export class Tuple {
  saddrHi: u64;
  saddrLo: u64;
  daddrHi: u64;
  daddrLo: u64;
  netns: u32;
  sport: u16;
  dport: u16;
  zone: u16;
  family: u8;
  protocol: u8;
}

/** A connection: `original` first, `reply` behind it, so that a pointer to either finds the other. */
@unmanaged
export class Flow {
  oSaddrHi: u64;
  oSaddrLo: u64;
  oDaddrHi: u64;
  oDaddrLo: u64;
  oNetns: u32;
  oSport: u16;
  oDport: u16;
  oZone: u16;
  oFamily: u8;
  oProtocol: u8;
  oPad: u32;
  rSaddrHi: u64;
  rSaddrLo: u64;
  rDaddrHi: u64;
  rDaddrLo: u64;
  rNetns: u32;
  rSport: u16;
  rDport: u16;
  rZone: u16;
  rFamily: u8;
  rProtocol: u8;
  rPad: u32;
  /** When a replied UDP connection starts to count as a stream, on the machine's clock; 0: it was there from the start, and does. */
  streamFrom: u64;
  /** When it ends, on the machine's clock. As the host writes it, in seconds. */
  expires: u64;
  status: u32;
  mark: u32;
  /** `HelperStatement`; 0: it has none. */
  helper: u32;
  pad1: u32;
  netns: Netns;
  zone: u16;
  /** Bits 1 original, 2 reply: the directions the zone holds in. */
  zoneDirections: u8;
  /** `TcpState` or `SctpState`. */
  state: u8;
  tcpLastIndex: u8;
  tcpLastDirection: u8;
  /** Bits of `TcpMemory`. */
  tcpFlags: u8;
  /** 1: every packet so far had what windows (TCP), states (SCTP) need. */
  followed: u8;
  /** The connections of all namespaces in the order they were confirmed. */
  next: Flow;
  previous: Flow;
  /** Next connection with the same source (`nat_bysource`). */
  nextBySource: Flow;
  /** Next record of a walk's own list, and of the free list. */
  nextMade: Flow;
  /** TCP windows (`struct ip_ct_tcp_state`) of the original direction; SCTP: its verification tag in `oEnd`. */
  oEnd: u32;
  oMaxEnd: u32;
  oMaxWin: u32;
  oMaxAck: u32;
  oFlags: u8;
  oScale: u8;
  pad2: u16;
  /** Of the reply direction, like the ones before. */
  rEnd: u32;
  rMaxEnd: u32;
  rMaxWin: u32;
  rMaxAck: u32;
  rFlags: u8;
  rScale: u8;
  pad3: u16;
  lastSeq: u32;
  lastAck: u32;
  lastEnd: u32;
  lastWin: u16;
  lastFlags: u8;
  lastScale: u8;
  retrans: u8;
  pad4: u8;
  pad5: u16;
}

export const TUPLE_SADDR: u32 = offsetof<Tuple>('saddrHi');
export const TUPLE_DADDR: u32 = offsetof<Tuple>('daddrHi');
export const TUPLE_NETNS: u32 = offsetof<Tuple>('netns');
export const TUPLE_SPORT: u32 = offsetof<Tuple>('sport');
export const TUPLE_DPORT: u32 = offsetof<Tuple>('dport');
export const TUPLE_ZONE: u32 = offsetof<Tuple>('zone');
export const TUPLE_FAMILY: u32 = offsetof<Tuple>('family');
export const TUPLE_PROTOCOL: u32 = offsetof<Tuple>('protocol');
export const TUPLE_SIZE: u32 = offsetof<Flow>('rSaddrHi');
export const FLOW_SIZE: u32 = offsetof<Flow>();
export const FLOW_REPLY: u32 = offsetof<Flow>('rSaddrHi');
export const FLOW_STATUS: u32 = offsetof<Flow>('status');
export const FLOW_MARK: u32 = offsetof<Flow>('mark');
export const FLOW_HELPER: u32 = offsetof<Flow>('helper');
export const FLOW_NETNS: u32 = offsetof<Flow>('netns');
export const FLOW_ZONE: u32 = offsetof<Flow>('zone');
export const FLOW_ZONE_DIRECTIONS: u32 = offsetof<Flow>('zoneDirections');
export const FLOW_STATE: u32 = offsetof<Flow>('state');
export const FLOW_EXPIRES: u32 = offsetof<Flow>('expires');
export const FLOW_NEXT: u32 = offsetof<Flow>('next');
export const FLOW_TCP_LAST_INDEX: u32 = offsetof<Flow>('tcpLastIndex');
