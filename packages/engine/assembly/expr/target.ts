/** What rules do: verdicts, marks, conntrack, sets (x_tables.h, xt_mark.c, xt_connmark.c, xt_CT.c, xt_set.c, xt_repldata.h). */
import { Op } from '../../src/codes';
import { ChoiceKind, Verdict } from '../../src/terms';
import { choose } from '../core/choice';
import { CtInfo, packet, skb, some } from '../core/skb';
import { PairStatement, SetStatement, Statement } from '../layout/statement';
import { setByName, setChange } from '../set/sets';
import { giveHelper } from '../ct/helper';
import { masquerade, redirect, translateTo } from './nat';
import { setZone } from './zone';

/**
 * CT and NOTRACK leave packets alone that have a connection, or that another rule spoke about; CT targets also those that were attached to
 * what has none (xt_CT.c: `skb->_nfct != 0`).
 */
function isOpen(native: bool): bool {
  const s = skb();
  if (some(s.flow) || s.ctInfo == CtInfo.UNTRACKED || s.zoneDirections != 0 || s.helper != 0 || s.judged) return false;
  return native || s.ctInfo == 0;
}

function changeSet(at: usize, present: bool): void {
  const statement = changetype<SetStatement>(at);
  const set = setByName(skb().netns, changetype<Statement>(at).argument);
  if (!some(set)) return;
  const timeout = statement.timeout != 0 ? statement.timeout - 1 : set.timeout;
  setChange(set, statement.dimensions, statement.source, present, statement.exist != 0, timeout);
}

/** connmark_tg_shift(): to the right; negative: to the left. */
function shifted(at: usize, mark: u32): u32 {
  const shift = <i32>changetype<Statement>(at).argument;
  return shift < 0 ? mark << <u32>(-shift) : mark >> <u32>shift;
}

/** Runs one action; CONTINUE: the next one follows. */
export function act(at: usize): Verdict {
  const s = skb();
  const p = packet();
  const pair = changetype<PairStatement>(at);
  const flow = s.flow;
  switch (<i32>changetype<Statement>(at).op) {
    case <i32>Op.ACCEPT:
      return Verdict.ACCEPT;
    case <i32>Op.DROP:
      return Verdict.DROP;
    case <i32>Op.RETURN:
      return Verdict.RETURN;
    case <i32>Op.JUMP:
      return Verdict.JUMP;
    case <i32>Op.GOTO:
      return Verdict.GOTO;
    case <i32>Op.REJECT:
      return Verdict.REJECT;
    case <i32>Op.SET_MARK:
      p.mark = (p.mark & ~pair.second) ^ pair.first;
      return Verdict.CONTINUE;
    case <i32>Op.SET_CONNMARK:
      if (some(flow)) flow.mark = shifted(at, (flow.mark & ~pair.second) ^ pair.first);
      return Verdict.CONTINUE;
    case <i32>Op.SAVE_MARK:
      if (some(flow)) flow.mark = (flow.mark & ~pair.second) ^ shifted(at, p.mark & pair.first);
      return Verdict.CONTINUE;
    case <i32>Op.RESTORE_MARK:
      if (some(flow)) p.mark = (p.mark & ~pair.first) ^ shifted(at, flow.mark & pair.second);
      return Verdict.CONTINUE;
    case <i32>Op.DNAT:
    case <i32>Op.SNAT:
      return translateTo(at);
    case <i32>Op.MASQUERADE:
      return masquerade(at);
    case <i32>Op.REDIRECT:
      return redirect(at);
    case <i32>Op.NOTRACK:
      if (isOpen(changetype<Statement>(at).argument != 0)) s.ctInfo = CtInfo.UNTRACKED;
      return Verdict.CONTINUE;
    case <i32>Op.CT_ZONE:
      if (changetype<Statement>(at).argument != 0) setZone(pair.first, pair.second);
      else if (isOpen(false)) {
        s.zone = <u16>pair.first;
        s.zoneDirections = <u8>pair.second;
      }
      return Verdict.CONTINUE;
    case <i32>Op.CT_HELPER:
      giveHelper(at);
      return Verdict.CONTINUE;
    case <i32>Op.SET_ADD:
      changeSet(at, true);
      return Verdict.CONTINUE;
    case <i32>Op.SET_DEL:
      changeSet(at, false);
      return Verdict.CONTINUE;
    case <i32>Op.QUEUE:
      return choose(ChoiceKind.UNMODELLED, 2, false, at, 0) == 0 ? Verdict.ACCEPT : Verdict.DROP;
    case <i32>Op.UNMODELLED_TARGET:
      return choose(ChoiceKind.UNMODELLED, 2, false, at, 0) == 0 ? Verdict.CONTINUE : Verdict.DROP;
    default:
      return Verdict.CONTINUE;
  }
}
