import { Hook } from '../../src/terms';
import { gather } from '../core/gather';
import { packet, RouteKind, skb } from '../core/skb';
import { conntrackIn } from '../ct/track';
import { CONNTRACK, DEFRAG, FIRST, LAST, NAT_DST, runChains, tracks, translates } from './chains';
import { nat } from './nat';

/** What came back by lo still has its route, wherever rules write that it goes, unless nat sends it elsewhere (nf_nat_ipv4_pre_routing()). */
function translate(): bool {
  const p = packet();
  const hi = p.daddrHi;
  const lo = p.daddrLo;
  if (!nat(Hook.PREROUTING)) return false;
  if (p.daddrHi != hi || p.daddrLo != lo) skb().kind = <u8>RouteKind.NONE;
  return true;
}

/**
 * raw -300, conntrack -200, mangle -150, nat -100 (destination).
 * https://elixir.bootlin.com/linux/v6.12/source/include/uapi/linux/netfilter_ipv4.h `enum nf_ip_hook_priorities`
 */
export function prerouting(): bool {
  if (!tracks()) return runChains(Hook.PREROUTING, FIRST, LAST);
  let from = FIRST;
  if (packet().fragment != 0) {
    if (!runChains(Hook.PREROUTING, FIRST, DEFRAG) || !gather()) return false;
    from = DEFRAG;
  }
  if (!runChains(Hook.PREROUTING, from, CONNTRACK)) return false;
  if (!conntrackIn()) return false;
  if (!runChains(Hook.PREROUTING, CONNTRACK, NAT_DST)) return false;
  if (translates() && !translate()) return false;
  return runChains(Hook.PREROUTING, NAT_DST, LAST);
}
