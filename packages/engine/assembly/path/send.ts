/** A packet made here (ip_output.c:ip_local_out(), ip_output()). */
import { Disposition, Reason } from '../../src/terms';
import { finish } from '../core/end';
import { none, packet, skb } from '../core/skb';
import { traceEnter } from '../core/trace';
import { routeOutput } from '../fib/output';
import { output } from '../hook/output';
import { postrouting } from '../hook/postrouting';
import { Link } from '../layout/link';
import { rememberSender } from './sockets';
import { transmit } from './transmit';

/** output -> route -> postrouting. `socket`: a process sends it, and waits for what comes back. */
export function send(socket: bool): void {
  traceEnter(none<Link>());
  if (!routeOutput()) return;
  if (socket) rememberSender(packet());
  const p = packet();
  if (p.dontFragment && p.length > skb().mtu) {
    finish(Disposition.UNREACHABLE, Reason.FRAGMENTATION_NEEDED);
    return;
  }
  if (!output()) return;
  if (!postrouting()) return;
  transmit();
}
