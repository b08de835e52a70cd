/** One base chain from its first rule to its end (ip_tables.c:ipt_do_table()). */
import { Failure, Op } from '../../src/codes';
import { Disposition, Protocol, Reason, TcpFlag, Verdict } from '../../src/terms';
import { answerWith, finishByPolicy, finishByRule, ReplyKind } from '../core/end';
import { fail } from '../core/failure';
import { FRAMES_BASE, FRAMES_SIZE } from '../core/memory';
import { isLater, packet, skb, some } from '../core/skb';
import { traceChain, traceRule } from '../core/trace';
import { natClear, natReason } from '../expr/nat';
import { foundElement, forgetElement } from '../expr/nft/lookup';
import { headerClear, headerWritten } from '../expr/nft/write';
import { actNft } from '../expr/nft/target';
import { act } from '../expr/target';
import { BaseChain, Chain } from '../layout/chain';
import { PairStatement, Statement } from '../layout/statement';
import { cursorsNext, cursorsOpen, cursorsSize, ruleBody, testsOf } from './candidates';
import { findChain } from './find';
import { match } from './match';

/** A chain under evaluation; the cursors of its index follow. */
@unmanaged
class Frame {
  chain: Chain;
  /** The chain's index; 0: rules are walked one by one, from `position` on. */
  index: usize;
  /** The rule behind the last one. */
  position: u32;
  /** The frame that called; 0: the base chain. */
  caller: usize;
  size: u32;
}

/** Opens a chain above the frame `caller`; 0 where jumps are too deep. */
function open(at: usize, chain: Chain, caller: usize): usize {
  // Indexes compare ports, which a piece behind the first has not.
  const index = isLater(packet()) ? 0 : chain.index;
  const cursors = index == 0 ? 0 : cursorsSize(index);
  const size = offsetof<Frame>() + cursors;
  if (at + size > FRAMES_BASE + FRAMES_SIZE) {
    fail(Failure.JUMPS_TOO_DEEP);
    return 0;
  }
  const frame = changetype<Frame>(at);
  frame.chain = chain;
  frame.index = index;
  frame.position = 0;
  frame.caller = caller;
  frame.size = <u32>size;
  if (cursors != 0) cursorsOpen(index, at + offsetof<Frame>(), packet());
  return at;
}

/** Position of the next rule to test; -1 at the end of the chain. */
@inline
function next(frame: Frame): i32 {
  if (frame.index != 0) return cursorsNext(frame.index, changetype<usize>(frame) + offsetof<Frame>());
  return frame.position < frame.chain.ruleCount ? <i32>frame.position : -1;
}

/** The first action of a rule whose matches all hold; 0 where one does not. */
function matched(body: usize): usize {
  let at = body;
  while (true) {
    const op = <u32>changetype<Statement>(at).op;
    if (op == Op.END || op >= <u32>Op.ACCEPT) return at;
    if (!match(at)) return 0;
    at += changetype<Statement>(at).size;
  }
}

/** The first action of a candidate whose matches all hold; 0 where one does not. `index` 0: it was found without. */
@inline
export function actionsOf(chain: Chain, index: usize, position: u32): usize {
  if (index == 0) return matched(ruleBody(chain, position));
  const tests = testsOf(index, position);
  return (tests & 1) != 0 ? <usize>(tests & ~1) : matched(<usize>tests);
}

/** The action that ended the last rule. */
let ending: usize = 0;

/** The statements behind a rule's leading matches, in the order written. BREAK: a match does not hold, or an action found nothing. */
function runActions(from: usize): Verdict {
  let at = from;
  while (true) {
    const op = <u32>changetype<Statement>(at).op;
    if (op >= <u32>Op.ACCEPT) {
      const verdict = op >= <u32>Op.VERDICT_MAP ? actNft(at) : act(at);
      if (verdict != Verdict.CONTINUE) {
        ending = at;
        return verdict;
      }
    } else if (op == Op.END) return Verdict.CONTINUE;
    else if (!match(at)) {
      ending = at;
      return Verdict.BREAK;
    }
    at += changetype<Statement>(at).size;
  }
}

/** True if an action from `from` up to the one that ended the rule did something. */
function hasActed(from: usize): bool {
  for (let at = from; at != ending; at += changetype<Statement>(at).size) {
    const op = <u32>changetype<Statement>(at).op;
    if (op >= <u32>Op.ACCEPT && op != Op.NOTE) return true;
  }
  return false;
}

/** The chain that a verdict leads to: that of a map's element, or of the statement itself. */
function targetOf(base: BaseChain): Chain {
  const mapped = changetype<Statement>(ending).op == <u8>Op.VERDICT_MAP;
  const target = findChain(base.table, mapped ? foundElement.chain : changetype<Statement>(ending).argument);
  // The host refuses jumps to nowhere.
  assert(changetype<usize>(target) != 0, 'no such chain');
  return target;
}

/** A rule wrote into the header: what the indexes of the open chains compared does not hold any more. */
function leaveIndexes(frame: usize): void {
  for (let at = frame; at != 0; at = changetype<Frame>(at).caller) changetype<Frame>(at).index = 0;
  headerClear();
}

/** True where the packet goes on; false where the walk ended. */
export function runChain(base: BaseChain): bool {
  const s = skb();
  s.base = base;
  s.table = base.table.id;
  s.hook = base.hook;
  natClear();
  headerClear();
  let at = open(FRAMES_BASE, base.chain, 0);
  while (at != 0) {
    const frame = changetype<Frame>(at);
    const position = next(frame);
    if (position < 0) {
      at = frame.caller;
      continue;
    }
    const chain = frame.chain;
    frame.position = <u32>position + 1;
    s.chain = chain.id;
    s.rule = <u32>position;
    forgetElement();
    const actions = actionsOf(chain, frame.index, <u32>position);
    if (actions == 0) continue;
    const verdict = runActions(actions);
    if (headerWritten) leaveIndexes(at);
    if (verdict == Verdict.BREAK && !hasActed(actions)) continue;
    traceRule(verdict, changetype<usize>(foundElement));
    switch (<i32>verdict) {
      case <i32>Verdict.CONTINUE:
      case <i32>Verdict.BREAK:
        break;
      case <i32>Verdict.JUMP:
      case <i32>Verdict.GOTO: {
        const target = targetOf(base);
        // goto leaves no way back to this chain.
        if (verdict == Verdict.JUMP) at = open(at + frame.size, target, at);
        else at = open(at, target, frame.caller);
        if (at == 0) return false;
        break;
      }
      case <i32>Verdict.RETURN:
        at = frame.caller;
        break;
      default:
        traceChain(base, verdict, false);
        return conclude(verdict);
    }
  }
  const verdict = base.drop ? Verdict.DROP : Verdict.ACCEPT;
  traceChain(base, verdict, true);
  if (verdict == Verdict.ACCEPT) return true;
  finishByPolicy(base);
  return false;
}

/** A rule's verdict about the packet. */
function conclude(verdict: Verdict): bool {
  if (verdict == Verdict.ACCEPT) return true;
  if (verdict == Verdict.DROP) {
    finishByRule(Disposition.DROPPED, natReason != <u32>Reason.NONE ? natReason : Reason.RULE);
    return false;
  }
  finishByRule(Disposition.REJECTED, Reason.REJECT_RULE);
  const reject = changetype<PairStatement>(ending);
  const reset = changetype<Statement>(ending).argument;
  const error = packet().family == 4 ? reject.first : reject.second;
  answerWith(reset != 0 ? ReplyKind.REJECT_RESET : ReplyKind.ICMP, error >> 8, error & 255);
  return false;
}
