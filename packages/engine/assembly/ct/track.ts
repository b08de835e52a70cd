/** Connection tracking of one packet (nf_conntrack_core.c:nf_conntrack_in(), resolve_normal_ct(), nf_conntrack_inet_error()). */
import { CtSetting, CtStatus } from '../../src/ct-codes';
import { ChoiceKind, CtState, Disposition, Protocol, Reason } from '../../src/terms';
import { choose } from '../core/choice';
import { now } from '../core/clock';
import { finish } from '../core/end';
import { CtInfo, directionOf, innerPacket, isLater, none, packet, skb, some } from '../core/skb';
import { traceConntrack } from '../core/trace';
import { Flow, Tuple } from '../layout/flow';
import { Netns } from '../layout/netns';
import { isUnique } from './clash';
import { datagramPacket, UDP_STREAM_MS } from './datagram';
import {
  flowConfirm,
  flowFind,
  flowKill,
  flowMake,
  flowUnassured,
  foundDirection,
  originalOf,
  replyOf,
  tupleOf,
  zoneIn,
} from './flows';
import { masterOf, startHelper } from './helper';
import { sctpPacket } from './sctp';
import { isExpired, setting } from './settings';
import { tcpPacket, TcpJudgement } from './tcp';
import { invertTuple, isIcmpError, mayOpen, packetTuple } from './tuple';

const SCRATCH = changetype<Tuple>(memory.data(offsetof<Tuple>(), 8));
const REVERSE = changetype<Tuple>(memory.data(offsetof<Tuple>(), 8));
/** A zone that holds in both directions. */
const BOTH: u32 = 3;

/** Neighbour discovery and multicast listener messages (`noct_valid_new`). */
function isUntracked6(type: u32): bool {
  return (type >= 130 && type <= 136) || type == 143;
}

function attach(flow: Flow, info: CtInfo): void {
  const s = skb();
  s.flow = flow;
  s.ctInfo = info;
}

/** An ICMP error is RELATED to the connection of its inner packet, if it goes to whom that came from. */
function judgeError(zone: u32, directions: u32): void {
  const p = packet();
  if (!p.hasInner || isLater(innerPacket())) return;
  packetTuple(innerPacket(), skb().netns.id, SCRATCH);
  SCRATCH.family = p.family;
  if (!invertTuple(SCRATCH, SCRATCH)) return;
  const flow = flowFind(SCRATCH, zone, directions);
  if (!some(flow)) return;
  const direction = foundDirection;
  const tuple = tupleOf(flow, direction);
  if (tuple.daddrLo != p.daddrLo || tuple.daddrHi != p.daddrHi) return;
  attach(flow, direction == 0 ? CtInfo.RELATED : CtInfo.RELATED_REPLY);
}

/**
 * Is there room for one more (__nf_conntrack_alloc(), early_drop())? The kernel looks through eight buckets for a connection that is not
 * assured: nobody knows which ones stand there.
 */
function hasRoom(netns: Netns): bool {
  const most = setting(netns, CtSetting.MAX);
  if (most == 0 || netns.ctCount < most) return true;
  const unassured = flowUnassured(netns);
  if (!some(unassured) || choose(ChoiceKind.EARLY_DROP, 2, false, 0, 0) != 0) {
    finish(Disposition.DROPPED, Reason.CONNTRACK_FULL);
    return false;
  }
  flowKill(unassured);
  return true;
}

/** Null where the packet has no reverse, and where the table is full: the walk ended. */
function makeFlow(tuple: Tuple, zone: u32, directions: u32): Flow {
  if (!invertTuple(tuple, REVERSE)) return none<Flow>();
  if (!hasRoom(skb().netns)) return none<Flow>();
  const master = masterOf(tuple, zone);
  if (skb().ended) return none<Flow>();
  const flow = flowMake(skb().netns);
  if (!some(flow)) return flow;
  memory.copy(changetype<usize>(flow), changetype<usize>(tuple), offsetof<Tuple>());
  memory.copy(changetype<usize>(replyOf(flow)), changetype<usize>(REVERSE), offsetof<Tuple>());
  flow.oZone = <u16>zoneIn(zone, directions, 0);
  flow.rZone = <u16>zoneIn(zone, directions, 1);
  flow.zone = <u16>zone;
  flow.zoneDirections = <u8>directions;
  flow.streamFrom = now() + UDP_STREAM_MS + 1;
  if (some(master)) {
    flow.status |= CtStatus.EXPECTED;
    flow.mark = master.mark;
  } else startHelper(flow);
  return flow;
}

/** Leaves the packet INVALID where it fits no connection and cannot open one. */
function judge(zone: u32, directions: u32): void {
  const s = skb();
  const p = packet();
  if (isIcmpError(p)) {
    judgeError(zone, directions);
    return;
  }
  const netns = s.netns;
  while (true) {
    packetTuple(p, netns.id, SCRATCH);
    let flow = flowFind(SCRATCH, zone, directions);
    const direction = some(flow) ? foundDirection : 0;
    if (!some(flow)) flow = makeFlow(SCRATCH, zone, directions);
    if (!some(flow)) return;
    if ((flow.status & CtStatus.CONFIRMED) == 0 && !mayOpen(p)) return;
    if (p.protocol == <u8>Protocol.TCP) {
      const judgement = tcpPacket(flow, p, direction);
      if (judgement == TcpJudgement.INVALID) return;
      if (judgement == TcpJudgement.REOPEN) {
        flowKill(flow);
        continue;
      }
      if (judgement == TcpJudgement.KILL) flowKill(flow);
    } else if (p.protocol == <u8>Protocol.SCTP) {
      if (!sctpPacket(flow, p, direction)) return;
    } else datagramPacket(flow);
    if (isExpired(flow)) flowKill(flow);
    if (direction == 1) {
      flow.status |= CtStatus.SEEN_REPLY;
      attach(flow, CtInfo.ESTABLISHED_REPLY);
    } else {
      const expected = (flow.status & CtStatus.EXPECTED) != 0;
      attach(flow, (flow.status & CtStatus.SEEN_REPLY) != 0 ? CtInfo.ESTABLISHED : expected ? CtInfo.RELATED : CtInfo.NEW);
    }
    return;
  }
}

/** Bit of `CtState` for what conntrack thinks of the packet. */
export function stateOf(): u32 {
  const s = skb();
  if (!some(s.flow)) return s.ctInfo == CtInfo.UNTRACKED ? CtState.UNTRACKED : CtState.INVALID;
  switch (<i32>s.ctInfo) {
    case <i32>CtInfo.NEW:
      return CtState.NEW;
    case <i32>CtInfo.RELATED:
    case <i32>CtInfo.RELATED_REPLY:
      return CtState.RELATED;
    default:
      return CtState.ESTABLISHED;
  }
}

/**
 * At PREROUTING and OUTPUT, -200. A packet that has a connection, or was found untracked before, is left alone. False where the walk
 * ended.
 */
export function conntrackIn(): bool {
  const s = skb();
  if (some(s.flow) || s.judged) return true;
  const p = packet();
  const directions = s.zoneDirections == 0 ? BOTH : <u32>s.zoneDirections;
  const zone = <u32>s.zone;
  s.judged = 1;
  // Of an error about what was not tracked, unless a zone's template took its place.
  const attached = s.zoneDirections == 0 && isIcmpError(p) ? s.ctInfo : 0;
  if (s.ctInfo != CtInfo.UNTRACKED) {
    s.ctInfo = 0;
    if (p.protocol == <u8>Protocol.ICMPV6 && isUntracked6(p.icmpType)) s.ctInfo = CtInfo.UNTRACKED;
    else judge(zone, directions);
    if (s.ended) return false;
    if (!some(s.flow) && s.ctInfo == 0) s.ctInfo = attached;
  }
  const flow = s.flow;
  // What was invalid is judged again where it comes by once more, in another zone if a rule says so.
  s.judged = some(flow) || s.ctInfo == CtInfo.UNTRACKED ? 1 : 0;
  s.zone = 0;
  s.zoneDirections = 0;
  s.helper = 0;
  traceConntrack(stateOf(), directionOf(s.ctInfo), some(flow) ? flow.zone : zone, flow);
  return true;
}

/** At the end of POSTROUTING and INPUT: the connection becomes known to all (nf_conntrack_confirm()). False where the walk ended. */
export function confirm(): bool {
  const s = skb();
  if (!some(s.flow) || (s.flow.status & CtStatus.CONFIRMED) != 0) return true;
  // Errors and resets that a rule made are attached to a connection in its other direction.
  if (directionOf(s.ctInfo) != 0) return true;
  if (!isUnique(s.flow)) return false;
  flowConfirm(s.flow);
  return true;
}
