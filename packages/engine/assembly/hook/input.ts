import { Hook } from '../../src/terms';
import { packet, skb } from '../core/skb';
import { confirm } from '../ct/track';
import { FIRST, LAST, NAT_SRC, runChains, tracks, translates } from './chains';
import { nat } from './nat';

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

/** mangle -150, filter 0, security 50, nat 100 (source), confirm. */
export function input(): bool {
  if (!tracks()) return runChains(Hook.INPUT, FIRST, LAST);
  if (!runChains(Hook.INPUT, FIRST, NAT_SRC)) return false;
  if (translates() && !natHere()) return false;
  if (!runChains(Hook.INPUT, NAT_SRC, LAST)) return false;
  return confirm();
}
