import { Failure, RoutePurpose, StepKind } from '../../src/codes';
import { Frontend } from '../layout/balance';
import { BaseChain } from '../layout/chain';
import { Flow } from '../layout/flow';
import { IpvsStep } from '../layout/ipvs';
import { Link } from '../layout/link';
import { Netns } from '../layout/netns';
import { Packet } from '../layout/packet';
import {
  BalanceStep,
  BridgeStep,
  ChoiceStep,
  ConntrackStep,
  EnterStep,
  NatStep,
  RouteStep,
  RuleStep,
  Step,
  TransmitStep,
} from '../layout/step';
import { fail } from './failure';
import { PACKETS, TRACE_BASE, TRACE_SIZE } from './memory';
import { copyPacket, packet, skb, Skb, some } from './skb';

let end: usize = TRACE_BASE;
/** Kind of the last record. */
let last: u32 = 0;

/** Questions for neighbours leave no steps but choices: theirs are written here. */
const NOWHERE: usize = memory.data(1024, 16);
let muted: bool = false;

export function mute(): void {
  muted = true;
}

export function unmute(): void {
  muted = false;
}

export function traceClear(): void {
  end = TRACE_BASE;
}

/** Bytes of the trace. */
export function traceLength(): u32 {
  return <u32>(end - TRACE_BASE);
}

/** Room for a step of `size` bytes, its head filled. A full trace fails the walk; its last record is then overwritten. */
function step(kind: StepKind, size: usize): usize {
  if (muted && kind != StepKind.CHOICE) return NOWHERE;
  if (end + size > TRACE_BASE + TRACE_SIZE) {
    fail(Failure.TRACE_FULL);
    end = TRACE_BASE;
  }
  assert((size & 7) == 0, 'steps are aligned');
  assert(some(skb().netns), 'a step belongs to a namespace');
  const at = end;
  const head = changetype<Step>(at);
  head.kind = <u16>kind;
  last = kind;
  head.size = <u16>size;
  head.netns = skb().netns.id;
  end = at + size;
  return at;
}

/** True where the last step is a routing decision. */
export function lastWasRoute(): bool {
  return last == StepKind.ROUTE;
}

export function traceEnter(link: Link): void {
  const size = offsetof<EnterStep>() + PACKETS;
  const record = changetype<EnterStep>(step(StepKind.ENTER, size));
  record.link = link;
  copyPacket(changetype<usize>(record) + offsetof<EnterStep>());
}

/** The packet as it goes on: into a tunnel or out of it, or (without a link) in pieces or whole again. */
export function traceTunnel(kind: StepKind, link: Link): void {
  const size = offsetof<EnterStep>() + PACKETS;
  const record = changetype<EnterStep>(step(kind, size));
  record.link = link;
  copyPacket(changetype<usize>(record) + offsetof<EnterStep>());
}

export function traceConntrack(state: u32, direction: u32, zone: u32, flow: Flow): void {
  const entry = changetype<usize>(flow) != 0;
  const size = offsetof<ConntrackStep>() + (entry ? offsetof<Flow>() : 0);
  const record = changetype<ConntrackStep>(step(StepKind.CONNTRACK, size));
  record.state = <u16>state;
  record.direction = <u16>direction;
  record.zone = <u16>zone;
  record.entry = entry;
  if (entry) {
    memory.copy(changetype<usize>(record) + offsetof<ConntrackStep>(), changetype<usize>(flow), offsetof<Flow>());
  }
}

/** The rule that skb stands at. `element`: what it found last in a set; 0: nothing. */
export function traceRule(verdict: u32, element: usize): void {
  const s: Skb = skb();
  const record = changetype<RuleStep>(step(StepKind.RULE, offsetof<RuleStep>()));
  record.table = s.table;
  record.chain = s.chain;
  record.index = s.rule;
  record.hook = <u8>s.hook;
  record.verdict = <u8>verdict;
  record.policy = 0;
  record.element = element;
}

export function traceChain(base: BaseChain, verdict: u32, policy: bool): void {
  const record = changetype<RuleStep>(step(StepKind.CHAIN, offsetof<RuleStep>()));
  record.table = base.table.id;
  record.chain = base.chain.id;
  record.index = 0;
  record.hook = base.hook;
  record.verdict = <u8>verdict;
  record.policy = policy;
  record.element = 0;
}

/** A question, or the answer to it, that a rule dropped where skb stands. */
export function traceUnanswered(table: u32, chain: u32, index: u32, which: u32): void {
  const record = changetype<RuleStep>(step(StepKind.UNANSWERED, offsetof<RuleStep>()));
  record.table = table;
  record.chain = chain;
  record.index = index;
  record.hook = <u8>skb().hook;
  record.verdict = <u8>which;
  record.policy = 0;
  record.element = 0;
}

export function traceNat(
  hook: u32,
  source: bool,
  binding: u32,
  family: u32,
  fromHi: u64,
  fromLo: u64,
  fromPort: u32,
  toHi: u64,
  toLo: u64,
  toPort: u32,
  anyFrom: u32,
  anyTo: u32,
): void {
  const record = changetype<NatStep>(step(StepKind.NAT, offsetof<NatStep>()));
  record.fromHi = fromHi;
  record.fromLo = fromLo;
  record.toHi = toHi;
  record.toLo = toLo;
  record.fromPort = <u16>fromPort;
  record.toPort = <u16>toPort;
  record.anyFrom = <u16>anyFrom;
  record.anyTo = <u16>anyTo;
  record.hook = <u8>hook;
  record.source = source;
  record.binding = <u8>binding;
  record.family = <u8>family;
}

/** A program rewrites an address and port of the packet, or (without `goesOn`) ends its walk. */
export function traceBalance(
  link: Link,
  frontend: Frontend,
  source: bool,
  goesOn: bool,
  fromHi: u64,
  fromLo: u64,
  fromPort: u32,
  toHi: u64,
  toLo: u64,
  toPort: u32,
  anyFrom: u32,
  anyTo: u32,
): void {
  const record = changetype<BalanceStep>(step(StepKind.BALANCE, offsetof<BalanceStep>()));
  record.fromHi = fromHi;
  record.fromLo = fromLo;
  record.toHi = toHi;
  record.toLo = toLo;
  record.link = changetype<usize>(link);
  record.frontend = changetype<usize>(frontend);
  record.fromPort = <u16>fromPort;
  record.toPort = <u16>toPort;
  record.anyFrom = <u16>anyFrom;
  record.anyTo = <u16>anyTo;
  record.source = source;
  record.goesOn = goesOn;
  record.family = packet().family;
}

/** `server`: its number + 1; 0: none. */
export function traceIpvs(hook: u32, how: u32, service: u32, server: u32): void {
  const record = changetype<IpvsStep>(step(StepKind.IPVS, offsetof<IpvsStep>()));
  record.service = service;
  record.server = server;
  record.hook = <u8>hook;
  record.how = <u8>how;
}

export function traceRoute(
  purpose: RoutePurpose,
  rule: u32,
  table: u32,
  route: usize,
  nexthop: i32,
  local: bool,
  family: u32,
  hasSource: bool,
  sourceHi: u64,
  sourceLo: u64,
  pathMtu: u32,
): void {
  const record = changetype<RouteStep>(step(StepKind.ROUTE, offsetof<RouteStep>()));
  record.sourceHi = sourceHi;
  record.sourceLo = sourceLo;
  record.route = route;
  record.rule = rule;
  record.table = table;
  record.nexthop = nexthop;
  record.purpose = <u8>purpose;
  record.local = local;
  record.hasSource = hasSource;
  record.family = <u8>family;
  record.pathMtu = pathMtu;
}

/** A host has learnt the MTU of a path. */
export function traceLearn(netns: Netns, route: usize, family: u32, hi: u64, lo: u64, mtu: u32): void {
  const record = changetype<RouteStep>(step(StepKind.LEARN, offsetof<RouteStep>()));
  record.netns = netns.id;
  record.route = route;
  record.family = <u8>family;
  record.sourceHi = hi;
  record.sourceLo = lo;
  record.pathMtu = mtu;
}

export function traceBridge(bridge: Link, from: Link, to: Link): void {
  const record = changetype<BridgeStep>(step(StepKind.BRIDGE, offsetof<BridgeStep>()));
  record.bridge = bridge;
  record.from = from;
  record.to = to;
}

export function traceTransmit(link: Link, hi: u64, lo: u64, family: u32, to: Link): void {
  const record = changetype<TransmitStep>(step(StepKind.TRANSMIT, offsetof<TransmitStep>()));
  record.nexthopHi = hi;
  record.nexthopLo = lo;
  record.link = link;
  record.to = to;
  record.family = family;
}

export function traceChoice(choice: u32): void {
  const record = changetype<ChoiceStep>(step(StepKind.CHOICE, offsetof<ChoiceStep>()));
  record.choice = choice;
}
