import { Hook } from '../../src/terms';
import { gather } from '../core/gather';
import { directionOf, packet, skb, some } from '../core/skb';
import { conntrackIn } from '../ct/track';
import { reroute } from '../fib/output';
import { ipvsIn, ipvsOut } from '../ipvs/hooks';
import { balances } from '../ipvs/services';
import { Passage } from '../ipvs/xmit';
import { CONNTRACK, DEFRAG, FIRST, LAST, NAT_DST, runChains, tracks, translates } from './chains';
import { nat } from './nat';

const IPVS_OUT: i32 = NAT_DST + 1;
const IPVS_IN: i32 = NAT_DST + 2;

/** Is the destination of this direction another than who answers? */
function leadsElsewhere(): bool {
  const s = skb();
  const flow = s.flow;
  if (!some(flow)) return false;
  if (directionOf(s.ctInfo) == 0) return flow.oDaddrLo != flow.rSaddrLo || flow.oDaddrHi != flow.rSaddrHi;
  return flow.rDaddrLo != flow.oSaddrLo || flow.rDaddrHi != flow.oSaddrHi;
}

/** The connection's destination is translated: the packet is routed again, an error about it as well (nf_nat_proto.c:nf_nat_ipv4_local_fn()). */
function natAndReroute(): bool {
  if (!nat(Hook.OUTPUT)) return false;
  return !leadsElsewhere() || skb().asks != 0 || reroute();
}

/**
 * raw -300, conntrack -200, mangle -150 (routes again), nat -100 (destination, routes again), IPVS -99 and -98, filter 0, security 50. What IPVS
 * sends on begins anew.
 */
export function output(): bool {
  const s = skb();
  do {
    s.sentOn = 0;
    if (!throughChains()) return false;
  } while (s.sentOn);
  // It may have been routed again in between.
  skb().oif = skb().dev;
  return true;
}

function throughChains(): bool {
  if (!tracks()) return throughRest(FIRST);
  let from = FIRST;
  if (packet().fragment != 0) {
    if (!runChains(Hook.OUTPUT, FIRST, DEFRAG) || !gather()) return false;
    from = DEFRAG;
  }
  if (!runChains(Hook.OUTPUT, from, CONNTRACK)) return false;
  if (!conntrackIn()) return false;
  if (!runChains(Hook.OUTPUT, CONNTRACK, NAT_DST)) return false;
  if (translates() && !natAndReroute()) return false;
  return throughRest(NAT_DST);
}

/** Behind NAT: answers of servers, what is for virtual services, and the chains. */
function throughRest(from: i32): bool {
  if (!balances()) return runChains(Hook.OUTPUT, from, LAST);
  if (!runChains(Hook.OUTPUT, from, IPVS_OUT) || ipvsOut(Hook.OUTPUT) != Passage.ON) return false;
  if (!runChains(Hook.OUTPUT, IPVS_OUT, IPVS_IN)) return false;
  const passage = ipvsIn(Hook.OUTPUT);
  if (passage == Passage.SENT) skb().sentOn = 1;
  if (passage != Passage.ON) return passage == Passage.SENT;
  return runChains(Hook.OUTPUT, IPVS_IN, LAST);
}
