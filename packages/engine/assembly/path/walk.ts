/** The walk from namespace to namespace. A namespace never knows its neighbours: only this file and `transmit.ts` lead from one to the next. */
import { LinkFlag } from '../../src/codes';
import { SocketOf } from '../../src/match-codes';
import { Disposition, Reason } from '../../src/terms';
import { endRecord, finish, ReplyKind } from '../core/end';
import { failed } from '../core/failure';
import { gatherReset } from '../core/gather';
import { askedClear } from '../fib/lookup';
import { changeHost, enterHost, leaveOwner, none, packet, skb, some } from '../core/skb';
import { traceClear, traceEnter } from '../core/trace';
import { flowsSweep } from '../ct/flows';
import { tcpClose } from '../ct/tcp';
import { isLoopback6 } from '../fib/kinds';
import { Flow } from '../layout/flow';
import { Link } from '../layout/link';
import { Netns } from '../layout/netns';
import { learntClear } from '../wire/learnt';
import { answers, answersByProcess, buildAnswer, cameBy, unlockIcmp } from './answer';
import { cutsReset, hasPieces, nextPiece } from './cut';
import { receive } from './receive';
import { send, sendThroughPort } from './send';
import { payloadClear } from './payload';

/** More links than a packet can pass with its TTL, bridges on the way included. */
const MOST_ENTERS: u32 = 1024;

function run(first: u32): void {
  const s = skb();
  let enters = first;
  while (!failed()) {
    if (s.ended) {
      if (endRecord().waits == 0 || !hasPieces()) break;
      nextPiece();
      continue;
    }
    const link = s.arrival;
    // Back by lo it is the same packet; over a wire only its bytes are.
    if (s.climbs != 0) {
      if (link.netns != s.netns) changeHost(link.netns);
    } else if ((link.flags & LinkFlag.LOOPBACK) == 0) {
      enterHost(link.netns);
      leaveOwner();
    }
    enters++;
    if (enters > MOST_ENTERS) {
      traceEnter(link);
      finish(Disposition.DROPPED, Reason.LOOP);
      continue;
    }
    receive(link);
  }
  endRecord().answers = answers();
}

function begin(netns: Netns): void {
  traceClear();
  payloadClear();
  askedClear();
  cutsReset();
  gatherReset();
  const s = skb();
  enterHost(netns);
  s.ended = 0;
  s.nested = 0;
  s.datagram = 0;
  s.ipvs = 0;
  s.framed = 0;
  s.sourceMac = 0;
  s.tag = 0;
  s.target = none<Link>();
  s.arrival = none<Link>();
  s.climbs = 0;
}

/** Sends the packet at PACKET_BASE: made by a process of the namespace, or, with a link, come in there. */
export function walk(netns: Netns, link: Link): void {
  learntClear();
  unlockIcmp();
  flowsSweep();
  begin(netns);
  const s = skb();
  if (some(link)) {
    const p = packet();
    s.frameHi = p.daddrHi;
    s.frameLo = p.daddrLo;
    s.frameFamily = p.family;
    s.arrival = link;
    // The other end of its own wire, where it has one, is who sent the frame.
    if (some(link.peer)) s.sourceMac = link.peer.mac;
    run(0);
    return;
  }
  s.made = 1;
  s.socket = <u8>SocketOf.PROCESS;
  send(true, none<Flow>());
  run(1);
}

/** Sends back what the last walk's end makes; false where that is nothing. */
export function walkBack(): bool {
  const s = skb();
  if (!s.ended || !endRecord().answers) return false;
  const netns = s.netns;
  const flow = s.flow;
  const bound = cameBy();
  const reply = endRecord().reply == <u8>ReplyKind.REPLY;
  const attached = buildAnswer();
  const socket = answersByProcess ? SocketOf.PROCESS : SocketOf.STACK;
  const ctInfo = s.ctInfo;
  const resets = endRecord().reply == <u8>ReplyKind.REJECT_RESET;
  const port = resets ? s.physIn : none<Link>();
  const closes = resets ? flow : none<Flow>();
  const towards = s.sourceMac;
  const lost = s.lost;
  begin(netns);
  s.lost = lost;
  // A rule's reset is bound to no link (nf_send_reset6()), but for addresses of one link.
  s.bound = resets && isLoopback6(packet().daddrHi, packet().daddrLo) ? none<Link>() : bound;
  if (attached && some(flow)) {
    s.flow = flow;
    s.ctInfo = ctInfo;
    s.judged = 1;
  } else if (attached) s.ctInfo = ctInfo;
  if (some(port)) {
    if (some(closes)) tcpClose(closes);
    sendThroughPort(port, towards);
    run(1);
    return true;
  }
  s.made = 1;
  s.socket = <u8>socket;
  s.discovers = reply;
  send(false, closes);
  run(1);
  return true;
}

/** Nothing to send back any more: the machine was reset. */
export function walkReset(): void {
  skb().ended = 0;
  endRecord().answers = 0;
}
