/** What packets make of their connection (ip_vs_proto_tcp.c:set_tcp_state(), ip_vs_proto_sctp.c:set_sctp_state(), ip_vs_proto_udp.c). */
import { PacketL4 } from '../../src/ct-codes';
import { IpvsFlag } from '../../src/ipvs-codes';
import { Protocol, TcpFlag } from '../../src/terms';
import { some } from '../core/skb';
import { Packet } from '../layout/packet';
import { Connection, ConnectionFlag, is } from './connections';
import { has } from './services';

/** Seconds by state: NONE, ESTABLISHED, SYN_SENT, SYN_RECV, FIN_WAIT, TIME_WAIT, CLOSE, CLOSE_WAIT, LAST_ACK, LISTEN, SYNACK. */
const TCP_SECONDS: usize = memory.data<u16>([2, 900, 120, 60, 120, 120, 10, 60, 30, 120, 120]);
const FIN_WAIT: u8 = 4;
const TIME_WAIT: u8 = 5;
const CLOSE: u8 = 6;
const TCP_COUNT: u32 = 11;
const TCP_ROWS: u32 = 4;

/** New state by way, row (SYN, FIN, ACK, RST) and old state (`tcp_states`). */
const TCP_STATES: usize = memory.data<u8>([
  // in
  3, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3,
  6, 7, 2, 5, 5, 5, 6, 7, 8, 9, 5,
  1, 1, 2, 1, 4, 5, 6, 7, 6, 9, 1,
  6, 6, 6, 3, 6, 6, 6, 6, 8, 9, 3,
  // out
  2, 1, 2, 3, 2, 2, 2, 2, 2, 9, 3,
  5, 4, 2, 5, 4, 5, 6, 5, 8, 9, 5,
  1, 1, 2, 1, 4, 5, 6, 7, 8, 1, 1,
  6, 6, 2, 6, 6, 5, 6, 6, 6, 6, 6,
  // in, where nothing comes back
  3, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3,
  6, 4, 2, 5, 4, 5, 6, 7, 8, 9, 5,
  1, 1, 2, 1, 4, 5, 6, 7, 6, 9, 1,
  6, 6, 6, 3, 6, 6, 6, 6, 8, 9, 6,
]);

/** NONE, INIT1, INIT, C-SENT, C-REPLIED, C-WAIT, COOKIE, C-ECHOED, ESTABLISHED, S-SENT, S-RECEIVED, S-ACK-SENT, REJECTED, CLOSED. */
const SCTP_SECONDS: usize = memory.data<u16>([2, 4, 61, 61, 61, 61, 61, 61, 900, 61, 61, 61, 4, 61]);
const SCTP_CLOSED: u8 = 13;
const SCTP_COUNT: u32 = 14;
const SCTP_ROWS: u32 = 10;

/**
 * New state by way, row and old state (`sctp_states`). Rows: data, INIT, INIT ACK, COOKIE ECHO, COOKIE ACK, SHUTDOWN, SHUTDOWN ACK, SHUTDOWN
 * COMPLETE, ERROR, ABORT.
 */
const SCTP_STATES: usize = memory.data<u8>([
  // in
  8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
  1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 2, 2,
  5, 5, 5, 3, 4, 6, 6, 7, 8, 9, 10, 11, 12, 13,
  4, 2, 2, 4, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
  8, 1, 2, 3, 4, 5, 6, 8, 8, 9, 10, 11, 12, 13,
  10, 1, 2, 3, 4, 5, 6, 7, 10, 9, 10, 11, 12, 13,
  13, 2, 2, 3, 4, 5, 6, 7, 8, 13, 10, 13, 12, 13,
  13, 13, 13, 3, 4, 5, 6, 7, 8, 9, 10, 13, 12, 13,
  13, 1, 2, 3, 4, 5, 6, 13, 8, 9, 10, 11, 12, 13,
  13, 13, 13, 13, 13, 12, 13, 13, 13, 13, 13, 13, 13, 13,
  // out
  8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
  5, 5, 5, 5, 5, 5, 5, 5, 8, 5, 5, 5, 5, 5,
  3, 3, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 9, 10, 11, 12, 13,
  8, 8, 8, 8, 8, 8, 8, 8, 8, 9, 10, 11, 12, 13,
  9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 10, 11, 12, 13,
  11, 11, 11, 11, 11, 5, 6, 7, 8, 11, 11, 11, 12, 13,
  13, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
  13, 13, 13, 13, 13, 5, 6, 7, 8, 9, 10, 11, 12, 13,
  13, 12, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13,
  // in, where nothing comes back
  8, 1, 2, 3, 4, 8, 6, 7, 8, 9, 10, 11, 12, 13,
  1, 2, 2, 2, 2, 2, 6, 7, 8, 9, 10, 11, 2, 2,
  7, 7, 7, 7, 7, 7, 6, 7, 8, 9, 10, 11, 12, 13,
  8, 8, 8, 8, 8, 8, 6, 7, 8, 9, 10, 11, 12, 13,
  8, 1, 2, 8, 8, 5, 8, 8, 8, 9, 10, 11, 12, 13,
  10, 1, 2, 3, 4, 5, 6, 7, 10, 9, 10, 11, 12, 13,
  13, 2, 2, 3, 4, 5, 6, 7, 13, 13, 10, 13, 12, 13,
  13, 13, 13, 13, 13, 5, 6, 7, 8, 9, 13, 13, 12, 13,
  13, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
  13, 13, 13, 13, 13, 12, 13, 13, 13, 13, 13, 13, 13, 13,
]);

/** Row of a chunk type. */
const SCTP_EVENTS: usize = memory.data<u8>([0, 1, 2, 0, 0, 0, 9, 5, 6, 8, 3, 4, 0, 0, 7]);
const SCTP_EVENT_COUNT: u32 = 15;
const INIT: i32 = 1;
const ABORT: i32 = 6;
const COOKIE_ECHO: i32 = 10;
const COOKIE_ACK: i32 = 11;

const UDP_SECONDS: u32 = 300;

/** Type of a chunk, -1 where nobody says. */
function chunkOf(p: Packet, i: u32): i32 {
  if ((p.l4 & PacketL4.SCTP) == 0 || <u32>p.header <= i) return -1;
  return <i32>((p.chunks >> (<u64>i * 16)) & 0xff);
}

export function isAbort(p: Packet): bool {
  return chunkOf(p, 0) == ABORT;
}

function tcpRow(p: Packet): i32 {
  if ((p.tcpFlags & <u8>TcpFlag.RST) != 0) return 3;
  if ((p.tcpFlags & <u8>TcpFlag.SYN) != 0) return 0;
  if ((p.tcpFlags & <u8>TcpFlag.FIN) != 0) return 1;
  return (p.tcpFlags & <u8>TcpFlag.ACK) != 0 ? 2 : -1;
}

function sctpRow(p: Packet): i32 {
  let type = chunkOf(p, 0);
  if (type < 0) return -1;
  if ((type == COOKIE_ECHO || type == COOKIE_ACK) && chunkOf(p, 1) == ABORT) type = ABORT;
  return <u32>type < SCTP_EVENT_COUNT ? <i32>load<u8>(SCTP_EVENTS + <usize>type) : 0;
}

/** The packet's effect on its connection. Chunks that nobody says change nothing. */
export function follow(one: Connection, p: Packet, reply: bool): void {
  if (p.protocol == <u8>Protocol.UDP) {
    one.timeout = UDP_SECONDS;
    return;
  }
  const tcp = p.protocol == <u8>Protocol.TCP;
  if (!tcp && p.protocol != <u8>Protocol.SCTP) return;
  const row = tcp ? tcpRow(p) : sctpRow(p);
  if (!tcp && row < 0) return;
  let way: u32 = reply ? 1 : 0;
  if (is(one, ConnectionFlag.SILENT)) {
    if (reply) one.flags &= ~<u8>ConnectionFlag.SILENT;
    else way = 2;
  }
  if (tcp) {
    const at = (way * TCP_ROWS + <u32>row) * TCP_COUNT + one.state;
    one.state = row < 0 ? CLOSE : load<u8>(TCP_STATES + <usize>at);
    one.timeout = load<u16>(TCP_SECONDS + (<usize>one.state << 1));
  } else {
    one.state = load<u8>(SCTP_STATES + <usize>((way * SCTP_ROWS + <u32>row) * SCTP_COUNT + one.state));
    one.timeout = load<u16>(SCTP_SECONDS + (<usize>one.state << 1));
  }
}

/** May open a connection (is_new_conn()). */
export function opens(p: Packet): bool {
  if (p.protocol == <u8>Protocol.TCP) return (p.tcpFlags & <u8>TcpFlag.SYN) != 0;
  return p.protocol == <u8>Protocol.SCTP && chunkOf(p, 0) == INIT;
}

/** The ports may be used anew (is_new_conn_expected()). */
export function isOver(one: Connection, reuse: u32): bool {
  if (some(one.control)) return false;
  if (one.cProtocol == <u8>Protocol.SCTP) return one.state == SCTP_CLOSED;
  if (one.cProtocol != <u8>Protocol.TCP) return false;
  if (one.state == TIME_WAIT || one.state == CLOSE) return true;
  return (reuse & 2) != 0 && one.state == FIN_WAIT && is(one, ConnectionFlag.SILENT);
}

/** Is it a packet that a server may be chosen for (tcp_conn_schedule(), sctp_conn_schedule())? */
export function maySchedule(p: Packet): bool {
  if (p.protocol == <u8>Protocol.UDP) return true;
  if (p.protocol == <u8>Protocol.TCP) {
    if ((p.tcpFlags & <u8>TcpFlag.RST) != 0) return false;
    return (p.tcpFlags & <u8>TcpFlag.SYN) != 0 || has(IpvsFlag.SLOPPY_TCP);
  }
  if (p.protocol != <u8>Protocol.SCTP) return false;
  // Where chunks are not said it is taken for the first packet.
  const type = chunkOf(p, 0);
  return type != ABORT && (type < 0 || type == INIT || has(IpvsFlag.SLOPPY_SCTP));
}
