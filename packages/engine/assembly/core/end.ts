/** How a walk ends. */
import { Disposition, Reason } from '../../src/terms';
import { BaseChain } from '../layout/chain';
import { EndRecord } from '../layout/step';
import { END_BASE, END_PACKET_BASE } from './memory';
import { copyPacket, skb } from './skb';

/** What the end may send back; `path/answer.ts` says whether it does. */
export enum ReplyKind {
  NONE = 0,
  /** What a process, or the stack for an echo, answers. */
  REPLY = 1,
  STACK_RESET = 2,
  REJECT_RESET = 3,
  ICMP = 4,
}

export function endRecord(): EndRecord {
  return changetype<EndRecord>(END_BASE);
}

/** The walk ends here, with the packet as it stands. */
export function finish(disposition: Disposition, reason: Reason): void {
  const s = skb();
  assert(!s.ended, 'a walk ends once');
  const end = endRecord();
  end.netns = s.netns.id;
  end.disposition = <u8>disposition;
  end.reason = <u8>reason;
  end.hasRule = 0;
  end.answers = 0;
  end.reply = <u8>ReplyKind.NONE;
  end.waits = 0;
  copyPacket(END_PACKET_BASE);
  s.ended = 1;
}

/** What the end that was just written may send back. */
export function answerWith(kind: ReplyKind, icmpType: u32, icmpCode: u32): void {
  const end = endRecord();
  end.reply = <u8>kind;
  end.icmpType = <u8>icmpType;
  end.icmpCode = <u8>icmpCode;
  end.mtu = 0;
}

/** The packet does not fit and may not be cut here: whoever sent it is told how much does. */
export function finishTooLong(v4: bool, mtu: u32): void {
  finish(Disposition.UNREACHABLE, Reason.FRAGMENTATION_NEEDED);
  answerWith(ReplyKind.ICMP, v4 ? 3 : 2, v4 ? 4 : 0);
  endRecord().mtu = mtu;
}

/** Ends by the rule that skb stands at. */
export function finishByRule(disposition: Disposition, reason: Reason): void {
  finish(disposition, reason);
  const s = skb();
  const end = endRecord();
  end.table = s.table;
  end.chain = s.chain;
  end.index = s.rule;
  end.hasRule = 1;
}

/** Ends by the policy of a base chain, which stands behind its last rule. */
export function finishByPolicy(base: BaseChain): void {
  finish(Disposition.DROPPED, Reason.POLICY);
  const end = endRecord();
  end.table = base.table.id;
  end.chain = base.chain.id;
  end.index = base.chain.ruleCount;
  end.hasRule = 1;
}
