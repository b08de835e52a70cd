import { Hook } from '../../src/terms';
import { gather } from '../core/gather';
import { directionOf, packet, skb, some } from '../core/skb';
import { conntrackIn } from '../ct/track';
import { reroute } from '../fib/output';
import { CONNTRACK, DEFRAG, FIRST, LAST, NAT_DST, runChains, tracks, translates } from './chains';
import { nat } from './nat';

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

/** raw -300, conntrack -200, mangle -150 (routes again), nat -100 (destination, routes again), filter 0, security 50. */
export function output(): bool {
  if (!throughChains()) return false;
  // It may have been routed again in between.
  skb().oif = skb().dev;
  return true;
}

function throughChains(): bool {
  if (!tracks()) return runChains(Hook.OUTPUT, FIRST, LAST);
  let from = FIRST;
  if (packet().fragment != 0) {
    if (!runChains(Hook.OUTPUT, FIRST, DEFRAG) || !gather()) return false;
    from = DEFRAG;
  }
  if (!runChains(Hook.OUTPUT, from, CONNTRACK)) return false;
  if (!conntrackIn()) return false;
  if (!runChains(Hook.OUTPUT, CONNTRACK, NAT_DST)) return false;
  if (translates() && !natAndReroute()) return false;
  return runChains(Hook.OUTPUT, NAT_DST, LAST);
}
