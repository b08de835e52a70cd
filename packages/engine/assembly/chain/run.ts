/** One base chain from its first rule to its end (ip_tables.c:ipt_do_table()). */
import { Failure, Op } from '../../src/codes';
import { Disposition, Protocol, Reason, TcpFlag, Verdict } from '../../src/terms';
import { answerWith, finishByPolicy, finishByRule, ReplyKind } from '../core/end';
import { fail } from '../core/failure';
import { FRAMES_BASE, FRAMES_SIZE } from '../core/memory';
import { packet, skb, some } from '../core/skb';
import { traceChain, traceRule } from '../core/trace';
import { tcpClose } from '../ct/tcp';
import { natClear, natReason } from '../expr/nat';
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
  /** Next rule, where the chain has no index. */
  position: u32;
  /** The frame that called; 0: the base chain. */
  caller: usize;
  size: u32;
}

/** Opens a chain above the frame `caller`; 0 where jumps are too deep. */
function open(at: usize, chain: Chain, caller: usize): usize {
  const cursors = chain.index == 0 ? 0 : cursorsSize(chain.index);
  const size = offsetof<Frame>() + cursors;
  if (at + size > FRAMES_BASE + FRAMES_SIZE) {
    fail(Failure.JUMPS_TOO_DEEP);
    return 0;
  }
  const frame = changetype<Frame>(at);
  frame.chain = chain;
  frame.position = 0;
  frame.caller = caller;
  frame.size = <u32>size;
  if (cursors != 0) cursorsOpen(chain.index, at + offsetof<Frame>(), packet());
  return at;
}

/** Position of the next rule to test; -1 at the end of the chain. */
@inline
function next(frame: Frame): i32 {
  const chain = frame.chain;
  if (chain.index != 0) return cursorsNext(chain.index, changetype<usize>(frame) + offsetof<Frame>());
  if (frame.position >= chain.ruleCount) return -1;
  const position = frame.position;
  frame.position = position + 1;
  return <i32>position;
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

/** The first action of a candidate whose matches all hold; 0 where one does not. */
@inline
export function actionsOf(chain: Chain, position: u32): usize {
  if (chain.index == 0) return matched(ruleBody(chain, position));
  const tests = testsOf(chain.index, position);
  return (tests & 1) != 0 ? <usize>(tests & ~1) : matched(<usize>tests);
}

/** The action that ended the last rule. */
let ending: usize = 0;

function runActions(from: usize): Verdict {
  let at = from;
  while (changetype<Statement>(at).op != <u8>Op.END) {
    const verdict = act(at);
    if (verdict != Verdict.CONTINUE) {
      ending = at;
      return verdict;
    }
    at += changetype<Statement>(at).size;
  }
  return Verdict.CONTINUE;
}

/** True where the packet goes on; false where the walk ended. */
export function runChain(base: BaseChain): bool {
  const s = skb();
  s.base = base;
  s.table = base.table.id;
  s.hook = base.hook;
  natClear();
  let at = open(FRAMES_BASE, base.chain, 0);
  while (at != 0) {
    const frame = changetype<Frame>(at);
    const position = next(frame);
    if (position < 0) {
      at = frame.caller;
      continue;
    }
    const chain = frame.chain;
    s.chain = chain.id;
    s.rule = <u32>position;
    const actions = actionsOf(chain, <u32>position);
    if (actions == 0) continue;
    const verdict = runActions(actions);
    traceRule(verdict);
    switch (<i32>verdict) {
      case <i32>Verdict.CONTINUE:
        break;
      case <i32>Verdict.JUMP:
      case <i32>Verdict.GOTO: {
        const target = findChain(base.table, changetype<Statement>(ending).argument);
        // The host refuses jumps to nowhere.
        assert(changetype<usize>(target) != 0, 'no such chain');
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

function closeConnection(): void {
  const s = skb();
  const p = packet();
  const answered = p.protocol == <u8>Protocol.TCP && (p.tcpFlags & TcpFlag.RST) == 0;
  if (answered && some(s.flow)) tcpClose(s.flow);
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
  if (reset != 0) closeConnection();
  answerWith(reset != 0 ? ReplyKind.REJECT_RESET : ReplyKind.ICMP, reject.first, reject.second);
  return false;
}
