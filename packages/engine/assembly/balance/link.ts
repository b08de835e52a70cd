/**
 * Balancing at a link: what comes in for a frontend goes up the stack to a backend of this host, or past the stack to one elsewhere, from
 * an address of this host; answers are turned back (bpf/lib/nodeport.h:nodeport_lb4(), nodeport_rev_dnat_ipv4(), bpf/lib/lb.h:lb4_local(),
 * lb4_src_range_ok(), bpf/lib/nat.h:snat_v4_new_mapping()).
 */
import { BalancingFlag, FrontendFlag } from '../../src/balance-codes';
import { Disposition, Protocol, Reason } from '../../src/terms';
import { now } from '../core/clock';
import { answerWith, finish, ReplyKind } from '../core/end';
import { isLater, none, packet, some } from '../core/skb';
import { Backend, BalancedFlag, BalancedFlow, Balancing, Frontend } from '../layout/balance';
import { Link } from '../layout/link';
import { chooseBackend } from './choose';
import { findFrontend, hasFrontendHere, isOneOf } from './find';
import { addFlow, answeredFlow, hasNodePort, knownFlow, makeFlow } from './flows';
import { hasPorts, rewriteAbout, rewriteDestination, rewriteSource, traceRefusal } from './rewrite';

/** Ports that a node uses for itself begin behind those of node ports. */
const FIRST_PORT: u32 = 32768;
const LAST_PORT: u32 = 65535;
const TCP_MS: u64 = 8_000_000;
const OTHER_MS: u64 = 60_000;

function touch(flow: BalancedFlow): void {
  const lasts = flow.protocol == <u8>Protocol.TCP && (flow.flags & <u8>BalancedFlag.LASTING) != 0;
  flow.expires = now() + (lasts ? TCP_MS : OTHER_MS);
  flow.flags |= <u8>BalancedFlag.LASTING;
}

function turnBack(link: Link, flow: BalancedFlow): void {
  touch(flow);
  if (packet().hasInner) {
    rewriteAbout(link, flow);
    return;
  }
  rewriteSource(link, flow.frontend, flow.frontHi, flow.frontLo, flow.frontPort, 0, 0);
  if ((flow.flags & <u8>BalancedFlag.NODE) != 0)
    rewriteDestination(link, flow.frontend, flow.clientHi, flow.clientLo, flow.clientPort);
}

function refuse(link: Link, frontend: Frontend, disposition: Disposition, reason: Reason): void {
  traceRefusal(link, frontend);
  finish(disposition, reason);
}

/** The client's own port, or the lowest free one; 0: none is. */
function portFor(flow: BalancedFlow): u32 {
  const own = <u32>flow.clientPort;
  if (own >= FIRST_PORT && !hasNodePort(flow, own)) return own;
  for (let port = FIRST_PORT; port <= LAST_PORT; port++) if (!hasNodePort(flow, port)) return port;
  return 0;
}

/** Is the backend of the packet's connection on this host? */
function isHere(balancing: Balancing, backend: Backend): bool {
  return isOneOf(balancing.local, balancing.localCount, packet().family, backend.hi, backend.lo);
}

/** A new connection; null: no port is left, and the walk ended. */
function flowTo(link: Link, frontend: Frontend, backend: Backend): BalancedFlow {
  const balancing = link.balancing;
  const flow = makeFlow(frontend);
  if (!some(flow)) return flow;
  flow.backHi = backend.hi;
  flow.backLo = backend.lo;
  flow.backPort = backend.port;
  const v4 = flow.family == 4;
  if (isHere(balancing, backend)) {
    const isOwn = backend.lo == flow.clientLo && backend.hi == flow.clientHi;
    const flag = v4 ? BalancingFlag.LOOPBACK_4 : BalancingFlag.LOOPBACK_6;
    if (isOwn && (balancing.flags & flag) != 0) {
      flow.flags = <u8>BalancedFlag.NODE;
      flow.nodeHi = v4 ? 0 : balancing.loopback6Hi;
      flow.nodeLo = v4 ? balancing.loopback4 : balancing.loopback6Lo;
      flow.nodePort = flow.clientPort;
    }
  } else if ((balancing.flags & (v4 ? BalancingFlag.SOURCE_4 : BalancingFlag.SOURCE_6)) != 0) {
    flow.nodeHi = v4 ? 0 : balancing.source6Hi;
    flow.nodeLo = v4 ? balancing.source4 : balancing.source6Lo;
    const port = portFor(flow);
    if (port == 0) {
      refuse(link, frontend, Disposition.DROPPED, Reason.NAT_EXHAUSTED);
      return none<BalancedFlow>();
    }
    flow.flags = <u8>(BalancedFlag.NODE | BalancedFlag.AWAY);
    flow.nodePort = <u16>port;
  }
  addFlow(flow);
  return flow;
}

/** Chooses for a new connection; null where the walk ended. */
function newFlow(link: Link, frontend: Frontend): BalancedFlow {
  const balancing = link.balancing;
  const backend = chooseBackend(frontend, false);
  if (!some(backend)) {
    refuse(link, frontend, Disposition.UNREACHABLE, Reason.NO_BACKEND);
    if (packet().family == 4) answerWith(ReplyKind.ICMP, 3, 3);
    else answerWith(ReplyKind.ICMP, 1, 4);
    return none<BalancedFlow>();
  }
  if ((frontend.flags & FrontendFlag.AWAY) != 0 && !isHere(balancing, backend)) {
    refuse(link, frontend, Disposition.UNKNOWN, Reason.UNMODELLED_BALANCER);
    return none<BalancedFlow>();
  }
  return flowTo(link, frontend, backend);
}

/** Do the source ranges let the client in? */
function admits(frontend: Frontend): bool {
  if ((frontend.flags & FrontendFlag.RANGES) == 0) return true;
  const p = packet();
  const isListed = isOneOf(frontend.ranges, frontend.rangeCount, p.family, p.saddrHi, p.saddrLo);
  return isListed != ((frontend.flags & FrontendFlag.DENIES) != 0);
}

/** What becomes of a packet that came in. */
export enum Balance {
  /** On it goes, translated or not. */
  ON = 0,
  /** The walk ended. */
  ENDED = 1,
  /** It leaves again, past the stack. */
  PAST = 2,
}

export function balanceIn(link: Link): Balance {
  const balancing = link.balancing;
  const answer = answeredFlow(true);
  if (some(answer)) {
    turnBack(link, answer);
    return Balance.PAST;
  }
  const p = packet();
  if (isLater(p)) {
    if (!hasFrontendHere(balancing)) return Balance.ON;
    finish(Disposition.UNKNOWN, Reason.UNMODELLED_BALANCER);
    return Balance.ENDED;
  }
  if (!hasPorts(p.protocol)) return Balance.ON;
  const frontend = findFrontend(balancing);
  if (!some(frontend)) return Balance.ON;
  if ((frontend.flags & FrontendFlag.UNMODELLED) != 0) {
    refuse(link, frontend, Disposition.UNKNOWN, Reason.UNMODELLED_BALANCER);
    return Balance.ENDED;
  }
  if (!admits(frontend)) {
    refuse(link, frontend, Disposition.DROPPED, Reason.NOT_ADMITTED);
    return Balance.ENDED;
  }
  let flow = knownFlow(frontend);
  if (!some(flow)) flow = newFlow(link, frontend);
  if (!some(flow)) return Balance.ENDED;
  touch(flow);
  const away = (flow.flags & <u8>BalancedFlag.AWAY) != 0;
  rewriteDestination(link, frontend, flow.backHi, flow.backLo, flow.backPort);
  if ((flow.flags & <u8>BalancedFlag.NODE) != 0) {
    const isDrawn = away && flow.nodePort != p.sport;
    rewriteSource(link, frontend, flow.nodeHi, flow.nodeLo, flow.nodePort, isDrawn ? FIRST_PORT : 0, isDrawn ? LAST_PORT : 0);
  }
  return away ? Balance.PAST : Balance.ON;
}

/** Answers of this host's backends get the frontend's address as they leave. */
export function balanceOut(link: Link): void {
  const flow = answeredFlow(false);
  if (some(flow)) turnBack(link, flow);
}
