import { Hook } from '../../src/terms';
import { packet, skb } from '../core/skb';
import { confirm } from '../ct/track';
import { ipvsIn, ipvsOut } from '../ipvs/hooks';
import { balances } from '../ipvs/services';
import { FIRST, LAST, NAT_SRC, runChains, tracks, translates } from './chains';
import { nat } from './nat';
import { passes } from './sent';

const IPVS_OUT: i32 = NAT_SRC - 2;
const IPVS_IN: i32 = NAT_SRC - 1;

/** A socket that was found before was that of another sender, where this one is rewritten (nf_nat_proto.c:nf_nat_ipv4_local_in(); of IPv6 too, tried). */
function natHere(): bool {
  const p = packet();
  const hi = p.saddrHi;
  const lo = p.saddrLo;
  const sport = p.sport;
  if (!nat(Hook.INPUT)) return false;
  if (p.saddrHi != hi || p.saddrLo != lo || p.sport != sport) skb().demuxed = 0;
  return true;
}

/** IPVS: answers of servers, then what is for virtual services. */
function throughIpvs(): bool {
  if (!runChains(Hook.INPUT, FIRST, IPVS_OUT) || !passes(ipvsOut(Hook.INPUT))) return false;
  return runChains(Hook.INPUT, IPVS_OUT, IPVS_IN) && passes(ipvsIn(Hook.INPUT));
}

/** mangle -150, filter 0, security 50, IPVS 98 and 99, nat 100 (source), confirm. With `skb().sentOn` the packet goes elsewhere. */
export function input(): bool {
  let from = FIRST;
  if (balances()) {
    if (!throughIpvs()) return false;
    if (skb().sentOn) return true;
    from = IPVS_IN;
  }
  if (!tracks()) return runChains(Hook.INPUT, from, LAST);
  if (!runChains(Hook.INPUT, from, NAT_SRC)) return false;
  if (translates() && !natHere()) return false;
  if (!runChains(Hook.INPUT, NAT_SRC, LAST)) return false;
  return confirm();
}
