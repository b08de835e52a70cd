/**
 * A connection that cannot be noted, because another one has a tuple of it (nf_conntrack_core.c:__nf_conntrack_confirm()). The kernel
 * forgives protocols without handshakes (nf_ct_resolve_clash()), but for what came at the same time alone.
 */
import { CtStatus } from '../../src/ct-codes';
import { Disposition, Reason } from '../../src/terms';
import { finish, finishByRule } from '../core/end';
import { none, skb } from '../core/skb';
import { Flow } from '../layout/flow';
import { flowClashes } from './flows';

/** The connection whose last mapping a rule asked for, and where that rule stands. */
let mapped: Flow = none<Flow>();
let table: u32 = 0;
let chain: u32 = 0;
let rule: u32 = 0;

/** A mapping of `flow` was made; `byRule`: by the rule that skb stands at. */
export function noteMapping(flow: Flow, free: bool, byRule: bool): void {
  if (free) {
    flow.status &= ~<u32>CtStatus.EXHAUSTED;
    return;
  }
  flow.status |= CtStatus.EXHAUSTED;
  mapped = byRule ? flow : none<Flow>();
  const s = skb();
  table = s.table;
  chain = s.chain;
  rule = s.rule;
}

/** False where the walk ended, because the connection clashes. */
export function isUnique(flow: Flow): bool {
  if (!flowClashes(flow)) return true;
  if ((flow.status & CtStatus.EXHAUSTED) == 0) finish(Disposition.DROPPED, Reason.CONNTRACK_CLASH);
  else if (flow != mapped) finish(Disposition.DROPPED, Reason.NAT_EXHAUSTED);
  else {
    const s = skb();
    s.table = table;
    s.chain = chain;
    s.rule = rule;
    finishByRule(Disposition.DROPPED, Reason.NAT_EXHAUSTED);
  }
  return false;
}
