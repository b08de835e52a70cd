/** A packet made here (ip_output.c:ip_local_out(), ip_output()). */
import { Disposition, Reason } from '../../src/terms';
import { balanceSocket } from '../balance/socket';
import { finish } from '../core/end';
import { none, packet, skb, some } from '../core/skb';
import { traceEnter } from '../core/trace';
import { routeOutput } from '../fib/output';
import { tcpClose } from '../ct/tcp';
import { output } from '../hook/output';
import { postrouting } from '../hook/postrouting';
import { Flow } from '../layout/flow';
import { Link } from '../layout/link';
import { rememberSender } from './sockets';
import { macOwner } from '../wire/owners';
import { overWire, transmit } from './transmit';

/** What a socket asks that nobody told otherwise: to stay whole where it fits and the way may be tried (inet_create(), ip_dont_fragment()). */
function discover(): void {
  const p = packet();
  const s = skb();
  const asks = p.family == 6 || (!s.locked && s.netns.paths.off == 0);
  if (!asks || p.length > s.mtu) p.dontFragment = 0;
}

/**
 * output -> route -> postrouting. `socket`: a process sends it, and waits for what comes back. `closes`: the connection that a rule's reset is
 * about, which is over once the reset has found a way (nf_reject_ipv4.c:nf_send_reset(): nf_ct_set_closing()).
 */
export function send(socket: bool, closes: Flow): void {
  traceEnter(none<Link>());
  if (socket && some(skb().netns.balancing) && !balanceSocket()) return;
  if (!routeOutput()) return;
  if (some(closes)) tcpClose(closes);
  if (socket) rememberSender(packet());
  const p = packet();
  if (skb().discovers) discover();
  if (p.dontFragment && p.length > skb().mtu) {
    finish(Disposition.UNREACHABLE, Reason.FRAGMENTATION_NEEDED);
    return;
  }
  if (p.length > skb().mtu) skb().appended = skb().mtu;
  if (!output()) return;
  if (!postrouting()) return;
  transmit();
}

/** What a hook has sent on by another way: OUTPUT has seen it already. */
export function sendOn(): void {
  skb().sentOn = 0;
  if (postrouting()) transmit();
}

/**
 * A REJECT reset about a packet that came by a bridge port: straight out of that port, to the link-layer address that it came from, past
 * routing and all hooks (nf_reject_ipv4.c:nf_send_reset()).
 */
export function sendThroughPort(port: Link, mac: u64): void {
  const s = skb();
  const p = packet();
  traceEnter(none<Link>());
  s.framed = mac != 0;
  s.frameMac = mac;
  s.target = macOwner(port.domain, mac);
  s.frameHi = p.daddrHi;
  s.frameLo = p.daddrLo;
  s.frameFamily = p.family;
  overWire(port, port.mac);
}
