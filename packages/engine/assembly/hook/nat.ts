/** NAT at one hook (nf_nat_core.c:nf_nat_inet_fn()): nat chains for the first packet of a connection, its binding for every packet. */
import { runChain } from '../chain/run';
import { CtInfo, packet, skb, some } from '../core/skb';
import { bindNull, isBound, rewritesSource, translate, translateError } from '../ct/nat';
import { isIcmp } from '../ct/tuple';
import { chainAt, chainsCount } from './chains';

/** The nat chains in turn, until one of them binds. False where the walk ended. */
function runNatChains(hook: u32, source: bool): bool {
  const flow = skb().flow;
  const count = chainsCount();
  for (let i: u32 = 0; i < count; i++) {
    const base = chainAt(i);
    if (base.hook != hook || !base.nat) continue;
    if (!runChain(base)) return false;
    if (isBound(flow, source)) return true;
  }
  return true;
}

/** False where the walk ended. */
export function nat(hook: u32): bool {
  const s = skb();
  const flow = s.flow;
  if (!some(flow)) return true;
  const info = s.ctInfo;
  const related = info == CtInfo.RELATED || info == CtInfo.RELATED_REPLY;
  if (related && isIcmp(packet().protocol)) {
    translateError(hook);
    return true;
  }
  const source = rewritesSource(hook);
  let byRule = false;
  if ((related || info == CtInfo.NEW) && !isBound(flow, source)) {
    if (!runNatChains(hook, source)) return false;
    byRule = isBound(flow, source);
    if (!byRule) bindNull(flow, source);
  }
  translate(hook, !byRule);
  return true;
}
