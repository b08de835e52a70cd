/** Sockets that know both ends: made by what is sent from here, and by what a listener took. */
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

function remember(): void {
  if (tableFirst(TABLE, changetype<usize>(KEY)) != 0) return;
  const tuple = allocate(offsetof<Tuple>());
  if (tuple == 0) return;
  memory.copy(tuple, changetype<usize>(KEY), offsetof<Tuple>());
  tableInsert(TABLE, tuple, 0);
}

export function rememberSender(p: Packet): void {
  fill(p, true);
  remember();
}

export function rememberReceiver(p: Packet): void {
  fill(p, false);
  remember();
}

/** Is there a socket whose peer sent the packet? */
export function receives(p: Packet): bool {
  fill(p, false);
  return tableFirst(TABLE, changetype<usize>(KEY)) != 0;
}

/** The socket whose peer sent the packet is closed. */
export function forgetReceiver(p: Packet): void {
  fill(p, false);
  const record = tableFirst(TABLE, changetype<usize>(KEY));
  if (record != 0) tableRemove(TABLE, record);
}

/** Is there a socket that sent the packet? */
export function sent(p: Packet): bool {
  fill(p, true);
  return tableFirst(TABLE, changetype<usize>(KEY)) != 0;
}
