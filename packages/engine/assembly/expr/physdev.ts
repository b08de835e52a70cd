/** physdev_mt (xt_physdev.c), mac_mt (xt_mac.c). */
import { LinkFlag } from '../../src/codes';
import { PhysTest } from '../../src/match-codes';
import { skb, some } from '../core/skb';
import { MacTest, PhysdevTest, Statement } from '../layout/statement';
import { inverted, nameMatches } from './header';

/** True if part `part` is not tested, or holds as written. */
@inline
function passes(parts: u32, part: u32, holds: bool): bool {
  return (parts & part) == 0 || holds != ((parts & (part << 8)) != 0);
}

export function matchPhysdev(at: usize): bool {
  const test = changetype<PhysdevTest>(at);
  const parts = changetype<Statement>(at).argument;
  const s = skb();
  // Without bridge information (`nf_bridge`) a test holds only where it is inverted.
  const bridged = some(s.physIn);
  const out = bridged && some(s.physOut);
  if (!passes(parts, PhysTest.IS_BRIDGED, out)) return false;
  if (!passes(parts, PhysTest.IS_IN, bridged) || !passes(parts, PhysTest.IS_OUT, out)) return false;
  const isIn = bridged && nameMatches(s.physIn, test.in0, test.in1, test.inMask0, test.inMask1);
  if (!passes(parts, PhysTest.IN, isIn)) return false;
  const isOut = out && nameMatches(s.physOut, test.out0, test.out1, test.outMask0, test.outMask1);
  return passes(parts, PhysTest.OUT, isOut);
}

/** False, inverted or not, where there is no Ethernet header. */
export function matchMac(at: usize): bool {
  const s = skb();
  if (s.sourceMac == 0 || !some(s.iif) || (s.iif.flags & LinkFlag.ETHERNET) == 0) return false;
  return (s.sourceMac == changetype<MacTest>(at).mac) != inverted(at);
}
