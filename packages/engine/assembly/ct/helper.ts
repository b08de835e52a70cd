/**
 * Helpers watch what a connection says and expect others (nf_conntrack_helper.c:__nf_ct_try_assign_helper(), nft_ct.c:nft_ct_helper_obj_eval(),
 * nf_conntrack_expect.c:nf_ct_find_expectation()). What is said nobody knows: whether a connection is expected is a choice, where it may be.
 */
import { CtStatus, HelperExpects, HelperPlace } from '../../src/ct-codes';
import { ChoiceKind, Disposition, Protocol, Reason } from '../../src/terms';
import { chooseAside } from '../core/choice';
import { finish } from '../core/end';
import { CtInfo, none, skb, some } from '../core/skb';
import { Flow, Tuple } from '../layout/flow';
import { AutomaticHelper, HelperStatement } from '../layout/helper';
import { Statement } from '../layout/statement';
import { flowsFirst, originalOf, replyOf } from './flows';
import { isExpired } from './settings';

const GRE: u32 = 47;

/** No connection has had one since the machine was reset. */
let unused: bool = true;

export function helpersReset(): void {
  unused = true;
}

export function watch(flow: Flow, helper: u32): void {
  flow.helper = helper;
  unused = false;
}

/** A rule gives the packet's connection a helper. */
export function giveHelper(at: usize): void {
  const s = skb();
  const flow = s.flow;
  if (changetype<Statement>(at).argument != 0) {
    // As other CT targets; one of the same rule may have said the zone.
    if (!some(flow) && s.ctInfo == 0 && s.helper == 0 && !s.judged) s.helper = <u32>at;
    return;
  }
  if (!some(flow) || flow.helper != 0 || (flow.status & CtStatus.CONFIRMED) != 0) return;
  const statement = changetype<HelperStatement>(at);
  if (statement.protocol != 0 && flow.oProtocol != statement.protocol) return;
  if (statement.family == 0 || statement.family == flow.oFamily) watch(flow, <u32>at);
}

/** The helper of a connection that is new: from a rule, or by its port. */
export function startHelper(flow: Flow): void {
  const s = skb();
  if (s.helper != 0) {
    watch(flow, s.helper);
    return;
  }
  if (s.netns.helpers == 0) return;
  const key = (<u32>flow.oProtocol << 16) | <u32>flow.oDport;
  for (let at = s.netns.helpers; changetype<AutomaticHelper>(at).key != 0; at += offsetof<AutomaticHelper>()) {
    if (changetype<AutomaticHelper>(at).key == key) {
      watch(flow, changetype<AutomaticHelper>(at).helper);
      return;
    }
  }
}

function isExpectedProtocol(expects: u32, protocol: u32): bool {
  if ((expects & HelperExpects.ANY) != 0) return true;
  if (protocol == Protocol.TCP) return (expects & HelperExpects.TCP) != 0;
  if (protocol == Protocol.UDP) return (expects & HelperExpects.UDP) != 0;
  return protocol == GRE && (expects & HelperExpects.GRE) != 0;
}

@inline
function isFrom(tuple: Tuple, other: Tuple): bool {
  return tuple.saddrHi == other.saddrHi && tuple.saddrLo == other.saddrLo;
}

@inline
function isTo(tuple: Tuple, other: Tuple): bool {
  return tuple.daddrHi == other.daddrHi && tuple.daddrLo == other.daddrLo;
}

/** May the helper of `flow` expect the tuple? */
function mayExpect(flow: Flow, tuple: Tuple, zone: u32): bool {
  if (flow.helper == 0 || flow.zone != <u16>zone || flow.oFamily != tuple.family || isExpired(flow)) return false;
  const helper = changetype<HelperStatement>(<usize>flow.helper);
  if (!isExpectedProtocol(helper.expects, tuple.protocol)) return false;
  if (helper.place == <u8>HelperPlace.ANYWHERE) return true;
  const reply = replyOf(flow);
  if (helper.place == <u8>HelperPlace.TO_CLIENT) return isTo(tuple, reply);
  const original = originalOf(flow);
  return (isFrom(tuple, original) && isTo(tuple, original)) || (isFrom(tuple, reply) && isTo(tuple, reply));
}

/** The connection that this one is expected by; null: none. Where that one is translated the walk ends: this one would be, too. */
export function masterOf(tuple: Tuple, zone: u32): Flow {
  if (unused) return none<Flow>();
  const netns = skb().netns;
  for (let flow = flowsFirst(); some(flow); flow = flow.next) {
    if (flow.netns != netns || !mayExpect(flow, tuple, zone)) continue;
    if (chooseAside(ChoiceKind.UNMODELLED, 2, <usize>flow.helper) != 0) continue;
    // nf_nat_follow_master()
    if ((flow.status & (CtStatus.SNAT | CtStatus.DNAT)) != 0) finish(Disposition.UNKNOWN, Reason.UNMODELLED_HELPER);
    return flow;
  }
  return none<Flow>();
}
