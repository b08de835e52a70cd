/** Sockets that know both ends: made by what is sent from here, and by what a listener took. */
import { Protocol } from '../../src/terms';
import { allocate } from '../core/memory';
import { skb } from '../core/skb';
import { isIcmp } from '../ct/tuple';
import { TupleTable, tableFirst, tableInsert, tableRemove, tableReset } from '../ct/table';
import { Tuple } from '../layout/flow';
import { Packet } from '../layout/packet';

const TABLE = changetype<TupleTable>(memory.data(offsetof<TupleTable>(), 8));
const KEY = changetype<Tuple>(memory.data(offsetof<Tuple>(), 8));

export function socketsReset(): void {
  tableReset(TABLE);
}

/** KEY: the own address and port, then those of the other end. The identifier stands for the port of an echo. */
function fill(p: Packet, sender: bool): void {
  const echo = isIcmp(p.protocol);
  KEY.saddrHi = sender ? p.saddrHi : p.daddrHi;
  KEY.saddrLo = sender ? p.saddrLo : p.daddrLo;
  KEY.daddrHi = sender ? p.daddrHi : p.saddrHi;
  KEY.daddrLo = sender ? p.daddrLo : p.saddrLo;
  KEY.netns = skb().netns.id;
  KEY.sport = echo ? p.icmpId : sender ? p.sport : p.dport;
  KEY.dport = echo ? 0 : sender ? p.dport : p.sport;
  KEY.family = p.family;
  KEY.protocol = p.protocol;
}

/** The bit of a record whose socket knows its other end; a server that only took a datagram does not (`connect`). */
const CONNECTED: u32 = 1;

function remember(connected: bool): void {
  if (tableFirst(TABLE, changetype<usize>(KEY)) != 0) return;
  const tuple = allocate(offsetof<Tuple>());
  if (tuple == 0) return;
  memory.copy(tuple, changetype<usize>(KEY), offsetof<Tuple>());
  tableInsert(TABLE, tuple, connected ? CONNECTED : 0);
}

export function rememberSender(p: Packet): void {
  fill(p, true);
  remember(true);
}

export function rememberReceiver(p: Packet): void {
  fill(p, false);
  remember(p.protocol != <u8>Protocol.UDP);
}

/** Is there a socket whose peer sent the packet? */
export function receives(p: Packet): bool {
  return skb().demuxed != 0 || receiver(p) != 0;
}

function receiver(p: Packet): usize {
  fill(p, false);
  return tableFirst(TABLE, changetype<usize>(KEY));
}

/** Looks for whom a whole packet is before it is routed (udp_v4_early_demux(), tcp_v4_early_demux(), ip_input.c:ip_rcv_finish_core()). */
export function demux(p: Packet): void {
  const isOne = p.fragment == 0 && (p.protocol == <u8>Protocol.UDP || p.protocol == <u8>Protocol.TCP);
  const record = isOne ? <u32>receiver(p) : 0;
  skb().demuxed = (record & CONNECTED) != 0 ? record & ~CONNECTED : 0;
}

/** The socket whose peer sent the packet is closed. */
export function forgetReceiver(p: Packet): void {
  const demuxed = <usize>skb().demuxed;
  const record = demuxed != 0 ? demuxed : receiver(p) & ~<usize>CONNECTED;
  if (record != 0) tableRemove(TABLE, record);
}

/** Is there a socket that sent the packet? */
export function sent(p: Packet): bool {
  fill(p, true);
  return tableFirst(TABLE, changetype<usize>(KEY)) != 0;
}
