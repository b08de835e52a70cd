/** A packet for somebody else (ip_forward.c:ip_forward(), ip6_output.c:ip6_forward()). */
import { LinkFlag, NetnsFlag } from '../../src/codes';
import { Disposition, Reason } from '../../src/terms';
import { answerWith, finish, finishTooLong, ReplyKind } from '../core/end';
import { packet, skb, some } from '../core/skb';
import { isLinkLocal6, isLoopback6, isMulticast6, isUnspecified } from '../fib/kinds';
import { forward as forwardHook } from '../hook/forward';
import { sendOn } from './send';

const MINIMUM_MTU_6: u32 = 1280;

function refuse(reason: Reason, type: u32, code: u32): void {
  finish(Disposition.UNREACHABLE, reason);
  answerWith(ReplyKind.ICMP, type, code);
}

/** Sources that must not be passed on; false where the walk ended. */
function checkSource6(): bool {
  const p = packet();
  const martian =
    isUnspecified(p.saddrHi, p.saddrLo) || isMulticast6(p.saddrHi) || isLoopback6(p.saddrHi, p.saddrLo);
  if (martian) finish(Disposition.DROPPED, Reason.MARTIAN_SOURCE);
  else if (isLinkLocal6(p.saddrHi)) refuse(Reason.BAD_SCOPE, 1, 2);
  else return true;
  return false;
}

/** The host passes packets on, or the link does that it came in by (a port, not its VRF). */
function forwards6(): bool {
  const s = skb();
  if ((s.netns.flags & NetnsFlag.FORWARD_6) != 0) return true;
  const came = some(s.vrfPort) ? s.vrfPort : s.iif;
  return some(came) && (came.flags & LinkFlag.FORCE_FORWARDING_6) != 0;
}

/** TTL, MTU, then forward -> postrouting. */
export function forward(): void {
  const s = skb();
  const p = packet();
  const v4 = p.family == 4;
  if (!v4 && !forwards6()) {
    finish(Disposition.DROPPED, Reason.FORWARDING_OFF);
    return;
  }
  if (p.ttl <= 1) {
    refuse(Reason.TTL_EXCEEDED, v4 ? 11 : 3, 0);
    return;
  }
  if (!v4 && s.dev != s.iif && !checkSource6()) return;
  const mtu = v4 ? s.mtu : max(s.mtu, MINIMUM_MTU_6);
  // What came in pieces may leave in such pieces (ip6_pkt_too_big()).
  const length = v4 || s.widest == 0 ? p.length : s.widest;
  if (length > mtu && (!v4 || p.dontFragment)) {
    finishTooLong(v4, mtu);
    return;
  }
  p.ttl -= 1;
  s.oif = s.dev;
  if (forwardHook()) sendOn();
}
