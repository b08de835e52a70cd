import { Hook } from '../../src/terms';
import { skb, some } from '../core/skb';
import { ipvsError, ipvsOut } from '../ipvs/hooks';
import { balances } from '../ipvs/services';
import { FIRST, LAST, runChains } from './chains';
import { passes } from './sent';

const IPVS_ERROR: i32 = 99;
const IPVS_OUT: i32 = 100;

/** mangle -150, filter 0, security 50, IPVS 99 (errors) and 100 (answers of servers). With `skb().sentOn` the packet goes elsewhere. */
export function forward(): bool {
  if (!balances()) return runChains(Hook.FORWARD, FIRST, LAST);
  if (!runChains(Hook.FORWARD, FIRST, IPVS_ERROR) || !passes(ipvsError(Hook.FORWARD))) return false;
  const s = skb();
  if (s.sentOn) return true;
  if (!runChains(Hook.FORWARD, IPVS_ERROR, IPVS_OUT) || !passes(ipvsOut(Hook.FORWARD))) return false;
  if (!runChains(Hook.FORWARD, IPVS_OUT, LAST)) return false;
  // It may have been routed again in between.
  if (!some(s.physOut)) s.oif = s.dev;
  return true;
}
