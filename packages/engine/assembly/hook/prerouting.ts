import { Hook } from '../../src/terms';
import { gather } from '../core/gather';
import { packet } from '../core/skb';
import { conntrackIn } from '../ct/track';
import { CONNTRACK, DEFRAG, FIRST, LAST, NAT_DST, runChains, tracks, translates } from './chains';
import { nat } from './nat';

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
  if (translates() && !nat(Hook.PREROUTING)) return false;
  return runChains(Hook.PREROUTING, NAT_DST, LAST);
}
