import { Link } from './link';
import { Netns } from './netns';

/**
 * Records of the trace, one after the other. Each begins with its kind, its size and the network namespace:
 *
 *   0      2      4        8
 *   | kind | size | netns  | ...
 */
@unmanaged
export class Step {
  kind: u16;
  size: u16;
  netns: u32;
}

/** ENTER: the packet follows, and its inner packet. */
@unmanaged
export class EnterStep {
  kind: u16;
  size: u16;
  netns: u32;
  link: Link;
  pad: u32;
}

/** CONNTRACK: with `entry`, the connection's record follows. */
@unmanaged
export class ConntrackStep {
  kind: u16;
  size: u16;
  netns: u32;
  state: u16;
  zone: u16;
  direction: u16;
  entry: u16;
}

/** RULE, CHAIN. */
@unmanaged
export class RuleStep {
  kind: u16;
  size: u16;
  netns: u32;
  table: u32;
  chain: u32;
  index: u32;
  hook: u8;
  verdict: u8;
  /** CHAIN: 1: by the policy. */
  policy: u8;
  pad: u8;
  /** RULE: the element found last; 0: none. */
  element: usize;
  pad2: u32;
}

/** NAT. */
@unmanaged
export class NatStep {
  kind: u16;
  size: u16;
  netns: u32;
  fromHi: u64;
  fromLo: u64;
  toHi: u64;
  toLo: u64;
  fromPort: u16;
  toPort: u16;
  hook: u8;
  source: u8;
  /** 1: conntrack remembers it; 2: IPVS does it. */
  binding: u8;
  family: u8;
  /** The ports that `toPort` was drawn from; both 0 where it was not. */
  anyFrom: u16;
  anyTo: u16;
  pad: u32;
}

/** BALANCE. */
@unmanaged
export class BalanceStep {
  kind: u16;
  size: u16;
  netns: u32;
  fromHi: u64;
  fromLo: u64;
  toHi: u64;
  toLo: u64;
  /** 0: a socket's program. */
  link: usize;
  frontend: usize;
  fromPort: u16;
  toPort: u16;
  anyFrom: u16;
  anyTo: u16;
  source: u8;
  /** 0: it ended here. */
  goesOn: u8;
  family: u8;
  pad: u8;
  pad2: u32;
}

/** ROUTE. */
@unmanaged
export class RouteStep {
  kind: u16;
  size: u16;
  netns: u32;
  sourceHi: u64;
  sourceLo: u64;
  /** Address of the route's record; 0: none found. */
  route: usize;
  /** Number of the rule among the host's, + 1; 0: none. */
  rule: u32;
  table: u32;
  nexthop: i32;
  purpose: u8;
  local: u8;
  hasSource: u8;
  family: u8;
  /** The one that is remembered and counts; 0: none. LEARN: the one that was told, `source` is the destination. */
  pathMtu: u32;
}

/** BRIDGE. */
@unmanaged
export class BridgeStep {
  kind: u16;
  size: u16;
  netns: u32;
  bridge: Link;
  from: Link;
  to: Link;
  pad: u32;
}

/** TRANSMIT. */
@unmanaged
export class TransmitStep {
  kind: u16;
  size: u16;
  netns: u32;
  nexthopHi: u64;
  nexthopLo: u64;
  link: Link;
  to: Link;
  family: u32;
  pad: u32;
}

/** CHOICE. */
@unmanaged
export class ChoiceStep {
  kind: u16;
  size: u16;
  netns: u32;
  choice: u32;
  pad: u32;
}

/** A choice point met: `weights` are `alternatives` u32 behind the pointer, 0 where nobody knows the odds. */
@unmanaged
export class ChoiceRecord {
  netns: Netns;
  alternatives: u32;
  taken: u32;
  weights: usize;
  table: u32;
  chain: u32;
  index: u32;
  route: usize;
  /** Address of the statement that branches. */
  statement: usize;
  kind: u8;
  /** 1: table, chain and index hold. */
  hasRule: u8;
  pad: u16;
}

/** How the walk ended. */
@unmanaged
export class EndRecord {
  netns: u32;
  table: u32;
  chain: u32;
  index: u32;
  disposition: u8;
  reason: u8;
  /** 1: table, chain and index hold. */
  hasRule: u8;
  answers: u8;
  /** `ReplyKind`, and what an ICMP error says. */
  reply: u8;
  icmpType: u8;
  icmpCode: u8;
  /** 1: a piece waits for others, and the walk ends only where none comes any more. */
  waits: u8;
  /** What an error about a packet that is too big tells; 0: it is about something else. */
  mtu: u32;
}

export const STEP_KIND: u32 = offsetof<Step>('kind');
export const STEP_LENGTH: u32 = offsetof<Step>('size');
export const STEP_NETNS: u32 = offsetof<Step>('netns');
export const ENTER_LINK: u32 = offsetof<EnterStep>('link');
export const ENTER_PACKET: u32 = offsetof<EnterStep>();
export const CT_STEP_STATE: u32 = offsetof<ConntrackStep>('state');
export const CT_STEP_ZONE: u32 = offsetof<ConntrackStep>('zone');
export const CT_STEP_DIRECTION: u32 = offsetof<ConntrackStep>('direction');
export const CT_STEP_ENTRY: u32 = offsetof<ConntrackStep>('entry');
export const CT_STEP_FLOW: u32 = offsetof<ConntrackStep>();
export const RULE_STEP_TABLE: u32 = offsetof<RuleStep>('table');
export const RULE_STEP_CHAIN: u32 = offsetof<RuleStep>('chain');
export const RULE_STEP_INDEX: u32 = offsetof<RuleStep>('index');
export const RULE_STEP_HOOK: u32 = offsetof<RuleStep>('hook');
export const RULE_STEP_VERDICT: u32 = offsetof<RuleStep>('verdict');
export const RULE_STEP_POLICY: u32 = offsetof<RuleStep>('policy');
export const RULE_STEP_ELEMENT: u32 = offsetof<RuleStep>('element');
export const NAT_STEP_FROM: u32 = offsetof<NatStep>('fromHi');
export const NAT_STEP_TO: u32 = offsetof<NatStep>('toHi');
export const NAT_STEP_FROM_PORT: u32 = offsetof<NatStep>('fromPort');
export const NAT_STEP_TO_PORT: u32 = offsetof<NatStep>('toPort');
export const NAT_STEP_ANY_FROM: u32 = offsetof<NatStep>('anyFrom');
export const NAT_STEP_ANY_TO: u32 = offsetof<NatStep>('anyTo');
export const NAT_STEP_HOOK: u32 = offsetof<NatStep>('hook');
export const NAT_STEP_SOURCE: u32 = offsetof<NatStep>('source');
export const NAT_STEP_BINDING: u32 = offsetof<NatStep>('binding');
export const NAT_STEP_FAMILY: u32 = offsetof<NatStep>('family');
export const ROUTE_STEP_SOURCE: u32 = offsetof<RouteStep>('sourceHi');
export const ROUTE_STEP_ROUTE: u32 = offsetof<RouteStep>('route');
export const ROUTE_STEP_RULE: u32 = offsetof<RouteStep>('rule');
export const ROUTE_STEP_TABLE: u32 = offsetof<RouteStep>('table');
export const ROUTE_STEP_NEXTHOP: u32 = offsetof<RouteStep>('nexthop');
export const ROUTE_STEP_PURPOSE: u32 = offsetof<RouteStep>('purpose');
export const ROUTE_STEP_LOCAL: u32 = offsetof<RouteStep>('local');
export const ROUTE_STEP_HAS_SOURCE: u32 = offsetof<RouteStep>('hasSource');
export const ROUTE_STEP_FAMILY: u32 = offsetof<RouteStep>('family');
export const ROUTE_STEP_PATH_MTU: u32 = offsetof<RouteStep>('pathMtu');
export const BRIDGE_STEP_BRIDGE: u32 = offsetof<BridgeStep>('bridge');
export const BRIDGE_STEP_FROM: u32 = offsetof<BridgeStep>('from');
export const BRIDGE_STEP_TO: u32 = offsetof<BridgeStep>('to');
export const TRANSMIT_NEXTHOP: u32 = offsetof<TransmitStep>('nexthopHi');
export const TRANSMIT_LINK: u32 = offsetof<TransmitStep>('link');
export const TRANSMIT_TO: u32 = offsetof<TransmitStep>('to');
export const TRANSMIT_FAMILY: u32 = offsetof<TransmitStep>('family');
export const BALANCE_STEP_FROM: u32 = offsetof<BalanceStep>('fromHi');
export const BALANCE_STEP_TO: u32 = offsetof<BalanceStep>('toHi');
export const BALANCE_STEP_LINK: u32 = offsetof<BalanceStep>('link');
export const BALANCE_STEP_FRONTEND: u32 = offsetof<BalanceStep>('frontend');
export const BALANCE_STEP_FROM_PORT: u32 = offsetof<BalanceStep>('fromPort');
export const BALANCE_STEP_TO_PORT: u32 = offsetof<BalanceStep>('toPort');
export const BALANCE_STEP_ANY_FROM: u32 = offsetof<BalanceStep>('anyFrom');
export const BALANCE_STEP_ANY_TO: u32 = offsetof<BalanceStep>('anyTo');
export const BALANCE_STEP_SOURCE: u32 = offsetof<BalanceStep>('source');
export const BALANCE_STEP_GOES_ON: u32 = offsetof<BalanceStep>('goesOn');
export const BALANCE_STEP_FAMILY: u32 = offsetof<BalanceStep>('family');
export const CHOICE_STEP_CHOICE: u32 = offsetof<ChoiceStep>('choice');
export const CHOICE_SIZE: u32 = offsetof<ChoiceRecord>();
export const CHOICE_NETNS: u32 = offsetof<ChoiceRecord>('netns');
export const CHOICE_ALTERNATIVES: u32 = offsetof<ChoiceRecord>('alternatives');
export const CHOICE_TAKEN: u32 = offsetof<ChoiceRecord>('taken');
export const CHOICE_WEIGHTS: u32 = offsetof<ChoiceRecord>('weights');
export const CHOICE_TABLE: u32 = offsetof<ChoiceRecord>('table');
export const CHOICE_CHAIN: u32 = offsetof<ChoiceRecord>('chain');
export const CHOICE_INDEX: u32 = offsetof<ChoiceRecord>('index');
export const CHOICE_ROUTE: u32 = offsetof<ChoiceRecord>('route');
export const CHOICE_STATEMENT: u32 = offsetof<ChoiceRecord>('statement');
export const CHOICE_KIND: u32 = offsetof<ChoiceRecord>('kind');
export const CHOICE_HAS_RULE: u32 = offsetof<ChoiceRecord>('hasRule');
export const END_NETNS: u32 = offsetof<EndRecord>('netns');
export const END_TABLE: u32 = offsetof<EndRecord>('table');
export const END_CHAIN: u32 = offsetof<EndRecord>('chain');
export const END_INDEX: u32 = offsetof<EndRecord>('index');
export const END_DISPOSITION: u32 = offsetof<EndRecord>('disposition');
export const END_REASON: u32 = offsetof<EndRecord>('reason');
export const END_HAS_RULE: u32 = offsetof<EndRecord>('hasRule');
export const END_ANSWERS: u32 = offsetof<EndRecord>('answers');
