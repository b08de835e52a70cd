/** What IPVS makes of packets it sees: set_tcp_state, set_sctp_state, udp_state_transition (net/netfilter/ipvs/ip_vs_proto_*.c). */
import { type Packet, Protocol, TcpFlag } from '../src/index.ts';
import type { IpvsConnection } from './ipvs-connections.ts';

/** Seconds by state: NONE, ESTABLISHED, SYN_SENT, SYN_RECV, FIN_WAIT, TIME_WAIT, CLOSE, CLOSE_WAIT, LAST_ACK, LISTEN, SYNACK. */
const TCP_SECONDS = [2, 900, 120, 60, 120, 120, 10, 60, 30, 120, 120];
const FIN_WAIT = 4;
const TIME_WAIT = 5;
const CLOSE = 6;

/** The next state for each, in hexadecimal. Rows SYN, FIN, ACK, RST; in, out, in where nothing comes back. */
const TCP_STATES = [
  ['31133333333', '67255567895', '11214567691', '66636666893'],
  ['21232222293', '54254565895', '11214567811', '66266566666'],
  ['31133333333', '64254567895', '11214567691', '66636666896'],
];

/** NONE, INIT1, INIT, C-SENT, C-REPLIED, C-WAIT, COOKIE, C-ECHOED, ESTABLISHED, S-SENT, S-RECEIVED, S-ACK-SENT, REJECTED, CLOSED. */
const SCTP_SECONDS = [2, 4, 61, 61, 61, 61, 61, 61, 900, 61, 61, 61, 4, 61];
const SCTP_CLOSED = 13;

/** Rows: data, INIT, INIT ACK, COOKIE ECHO, COOKIE ACK, SHUTDOWN, SHUTDOWN ACK, SHUTDOWN COMPLETE, ERROR, ABORT. */
const SCTP_STATES = [
  [
    '8123456789abcd',
    '1223456789ab22',
    '5553466789abcd',
    '4224456789abcd',
    '8123456889abcd',
    'a1234567a9abcd',
    'd22345678dadcd',
    'ddd3456789adcd',
    'd123456d89abcd',
    'dddddcdddddddd',
  ],
  [
    '8123456789abcd',
    '55555555855555',
    '3333456789abcd',
    '7777777789abcd',
    '8888888889abcd',
    '9999999999abcd',
    'bbbbb5678bbbcd',
    'd123456789abcd',
    'ddddd56789abcd',
    'dcdddddddddddd',
  ],
  [
    '8123486789abcd',
    '1222226789ab22',
    '7777776789abcd',
    '8888886789abcd',
    '8128858889abcd',
    'a1234567a9abcd',
    'd2234567ddadcd',
    'ddddd56789ddcd',
    'd123456789abcd',
    'dddddcdddddddd',
  ],
];

/** Row of a chunk type; others are data. */
const SCTP_EVENTS: Readonly<Record<number, number>> = { 1: 1, 2: 2, 6: 9, 7: 5, 8: 6, 9: 8, 10: 3, 11: 4, 14: 7 };
const INIT = 1;
export const ABORT = 6;
const COOKIES = [10, 11];

const UDP_SECONDS = 300;

const next = (row: string | undefined, state: number): number => Number.parseInt(row?.[state] ?? '0', 16);

function tcpRow({ tcpFlags }: Packet): number | undefined {
  if ((tcpFlags & TcpFlag.RST) !== 0) return 3;
  if ((tcpFlags & TcpFlag.SYN) !== 0) return 0;
  if ((tcpFlags & TcpFlag.FIN) !== 0) return 1;
  return (tcpFlags & TcpFlag.ACK) !== 0 ? 2 : undefined;
}

function sctpRow({ sctp }: Packet): number | undefined {
  const [first, second] = sctp?.chunks ?? [];
  if (!first) return undefined;
  const type = COOKIES.includes(first.type) && second?.type === ABORT ? ABORT : first.type;
  return SCTP_EVENTS[type] ?? 0;
}

/** The packet's effect on its connection. `reply`: it comes from the server. Chunks that nobody says change nothing. */
export function follow(connection: IpvsConnection, packet: Packet, reply: boolean): void {
  const { protocol } = packet;
  if (protocol === Protocol.UDP) {
    connection.timeoutMs = UDP_SECONDS * 1000;
    return;
  }
  const row = protocol === Protocol.TCP ? tcpRow(packet) : sctpRow(packet);
  if (protocol !== Protocol.TCP && (protocol !== Protocol.SCTP || row === undefined)) return;
  let way = reply ? 1 : 0;
  if (connection.silent) {
    if (reply) connection.silent = false;
    else way = 2;
  }
  if (protocol === Protocol.TCP) {
    connection.state = row === undefined ? CLOSE : next(TCP_STATES[way]?.[row], connection.state);
    connection.timeoutMs = (TCP_SECONDS[connection.state] ?? 0) * 1000;
  } else {
    connection.state = next(SCTP_STATES[way]?.[row as number], connection.state);
    connection.timeoutMs = (SCTP_SECONDS[connection.state] ?? 0) * 1000;
  }
}

/** May open a connection (is_new_conn). */
export function opens({ protocol, tcpFlags, sctp }: Packet): boolean {
  if (protocol === Protocol.TCP) return (tcpFlags & TcpFlag.SYN) !== 0;
  return protocol === Protocol.SCTP && sctp?.chunks[0]?.type === INIT;
}

/** The ports may be used anew (is_new_conn_expected). */
export function isOver({ control, protocol, state, silent }: IpvsConnection, reuseMode: number): boolean {
  if (control) return false;
  if (protocol === Protocol.SCTP) return state === SCTP_CLOSED;
  if (protocol !== Protocol.TCP) return false;
  return state === TIME_WAIT || state === CLOSE || ((reuseMode & 2) !== 0 && state === FIN_WAIT && silent);
}

/** Is it a packet that a server may be chosen for (tcp_conn_schedule, sctp_conn_schedule)? */
export function maySchedule({ protocol, tcpFlags, sctp }: Packet, sloppy: { tcp: boolean; sctp: boolean }): boolean {
  if (protocol === Protocol.UDP) return true;
  if (protocol === Protocol.TCP)
    return (tcpFlags & TcpFlag.RST) === 0 && (sloppy.tcp || (tcpFlags & TcpFlag.SYN) !== 0);
  if (protocol !== Protocol.SCTP) return false;
  // Where chunks are not said it is taken for the first packet.
  const type = sctp?.chunks[0]?.type ?? INIT;
  return type !== ABORT && (sloppy.sctp || type === INIT);
}
