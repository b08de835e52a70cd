/** IPVS among the chains of a hook: where it sends the packet on, OUTPUT sees that before the hook's caller does. */
import { none, skb } from '../core/skb';
import { Passage } from '../ipvs/xmit';
import { Link } from '../layout/link';
import { output } from './output';

/** True where the hook goes on, or the packet was sent on (`skb().sentOn`); false where the walk ended. */
export function passes(passage: Passage): bool {
  if (passage != Passage.SENT) return passage == Passage.ON;
  const s = skb();
  // As if it were made here, though it keeps the link that it came in by (NF_HOOK in ip_vs_nat_send_or_cont()).
  const iif = s.iif;
  s.iif = none<Link>();
  const passed = output();
  s.iif = iif;
  s.sentOn = 1;
  return passed;
}
