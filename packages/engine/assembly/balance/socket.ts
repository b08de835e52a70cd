/**
 * Translation for sockets: connect and sendmsg turn to a backend, recvmsg and getpeername tell the address that was asked for
 * (bpf/bpf_sock.c:__sock4_xlate_fwd(), __sock4_xlate_rev()).
 */
import { FrontendFlag } from '../../src/balance-codes';
import { Disposition, Reason } from '../../src/terms';
import { finish } from '../core/end';
import { innerPacket, packet, skb, some } from '../core/skb';
import { chooseBackend } from './choose';
import { findFrontend } from './find';
import { addSocket, firstSocket, makeFlow } from './flows';
import { hasPorts, isAbout, NO_LINK, rewriteAbout, rewriteDestination, rewriteSource, traceRefusal } from './rewrite';

/** Of a packet that a process sends; false where the walk ended. */
export function balanceSocket(): bool {
  const p = packet();
  const netns = skb().netns;
  if (!hasPorts(p.protocol) || p.fragment != 0) return true;
  for (let at = firstSocket; some(at); at = at.next) {
    if (at.netns != netns || at.protocol != p.protocol || at.clientPort != p.sport || at.frontPort != p.dport) continue;
    if (at.family != p.family || at.frontLo != p.daddrLo || at.frontHi != p.daddrHi) continue;
    rewriteDestination(NO_LINK, at.frontend, at.backHi, at.backLo, at.backPort);
    return true;
  }
  const frontend = findFrontend(netns.balancing);
  if (!some(frontend)) return true;
  if ((frontend.flags & FrontendFlag.UNMODELLED) != 0) {
    traceRefusal(NO_LINK, frontend);
    finish(Disposition.UNKNOWN, Reason.UNMODELLED_BALANCER);
    return false;
  }
  const backend = chooseBackend(frontend, true);
  if (!some(backend)) {
    traceRefusal(NO_LINK, frontend);
    finish(Disposition.UNREACHABLE, Reason.NO_BACKEND);
    return false;
  }
  const flow = makeFlow(frontend);
  if (some(flow)) {
    flow.backHi = backend.hi;
    flow.backLo = backend.lo;
    flow.backPort = backend.port;
    addSocket(flow);
  }
  rewriteDestination(NO_LINK, frontend, backend.hi, backend.lo, backend.port);
  return true;
}

/** What a client's socket gets: from the address that it asked for. */
export function unbalanceSocket(): void {
  const about = isAbout();
  const p = packet();
  const q = about ? innerPacket() : p;
  const own = about ? q.sport : q.dport;
  const port = about ? q.dport : q.sport;
  const hi = about ? q.daddrHi : q.saddrHi;
  const lo = about ? q.daddrLo : q.saddrLo;
  for (let at = firstSocket; some(at); at = at.next) {
    if (at.netns != skb().netns || at.family != q.family || at.protocol != q.protocol) continue;
    if (at.clientPort != own || at.backPort != port || at.backLo != lo || at.backHi != hi) continue;
    if (about) rewriteAbout(NO_LINK, at);
    else rewriteSource(NO_LINK, at.frontend, at.frontHi, at.frontLo, at.frontPort, 0, 0);
    return;
  }
}
