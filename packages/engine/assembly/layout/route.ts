/**
 * A route of one layer of one table. Routes of the same prefix hang together by `next`, best first (TOS, metric, order); `shorter`
 * is the first route of the longest prefix of the same layer that covers this one.
 */
@unmanaged
export class Route {
  hi: u64;
  lo: u64;
  next: Route;
  shorter: Route;
  /** Index among the host's route objects. */
  id: u32;
  metric: u32;
  /** Preferred source (`Endpoint`), 0: none. */
  prefsrc: usize;
  /** 0: that of the link. */
  mtu: u32;
  nexthops: usize;
  nexthopCount: u16;
  length: u8;
  family: u8;
  type: u8;
  scope: u8;
  tos: u8;
  /** 1: it is a nexthop object. */
  object: u8;
  /** 1: no error makes its MTU smaller. */
  locked: u8;
  pad: u8;
  pad2: u16;
}

/** One way a route leads. The interface is named, so that a shared route means each namespace's own. */
@unmanaged
export class Nexthop {
  /** Symbol of the interface's name. */
  dev: u32;
  /** Gateway (`Endpoint`), 0: the destination is on the link. */
  via: usize;
  weight: u32;
  /** 1: packets are put into something that is not modelled. */
  encap: u32;
}

/** An address that stands alone. */
@unmanaged
export class Endpoint {
  hi: u64;
  lo: u64;
  family: u8;
}

/** One layer of a table: its routes, indexed (see `fib/prefixes.ts`), and the layer below. */
@unmanaged
export class RouteLayer {
  base: RouteLayer;
  routes: usize;
  routeCount: u32;
  /** First route of the short list, longest prefix first, where there is no index. */
  index4: usize;
  index6: usize;
  built: u32;
}

/** A namespace's table of one number. */
@unmanaged
export class TableSlot {
  id: u32;
  layer: RouteLayer;
}

/** `ip rule`. */
@unmanaged
export class PolicyRule {
  fromHi: u64;
  fromLo: u64;
  fromMaskHi: u64;
  fromMaskLo: u64;
  toHi: u64;
  toLo: u64;
  toMaskHi: u64;
  toMaskLo: u64;
  id: u32;
  priority: u32;
  /** Symbols; 0: any. */
  iif: u32;
  oif: u32;
  mark: u32;
  markMask: u32;
  /** Number of the table, or priority to go to. */
  target: u32;
  suppress: i32;
  /** A link's group that is rejected; -1: none. */
  suppressGroup: i32;
  uidFrom: u32;
  uidTo: u32;
  label: u32;
  labelMask: u32;
  sportFrom: u16;
  sportTo: u16;
  dportFrom: u16;
  dportTo: u16;
  /** 0: the range counts. */
  sportMask: u16;
  dportMask: u16;
  flags: u16;
  family: u8;
  action: u8;
  tos: u8;
  protocol: u8;
  /** As they stand in the field of TOS. */
  dscp: u8;
  dscpMask: u8;
}

export const ROUTE_SIZE: u32 = offsetof<Route>();
export const ROUTE_PREFIX: u32 = offsetof<Route>('hi');
export const ROUTE_ID: u32 = offsetof<Route>('id');
export const ROUTE_METRIC: u32 = offsetof<Route>('metric');
export const ROUTE_PREFSRC: u32 = offsetof<Route>('prefsrc');
export const ROUTE_MTU: u32 = offsetof<Route>('mtu');
export const ROUTE_LOCKED: u32 = offsetof<Route>('locked');
export const ROUTE_NEXTHOPS: u32 = offsetof<Route>('nexthops');
export const ROUTE_NEXTHOP_COUNT: u32 = offsetof<Route>('nexthopCount');
export const ROUTE_LENGTH: u32 = offsetof<Route>('length');
export const ROUTE_FAMILY: u32 = offsetof<Route>('family');
export const ROUTE_TYPE: u32 = offsetof<Route>('type');
export const ROUTE_SCOPE: u32 = offsetof<Route>('scope');
export const ROUTE_OBJECT: u32 = offsetof<Route>('object');
export const ROUTE_TOS: u32 = offsetof<Route>('tos');
export const NEXTHOP_SIZE: u32 = offsetof<Nexthop>();
export const NEXTHOP_DEV: u32 = offsetof<Nexthop>('dev');
export const NEXTHOP_VIA: u32 = offsetof<Nexthop>('via');
export const NEXTHOP_WEIGHT: u32 = offsetof<Nexthop>('weight');
export const NEXTHOP_ENCAP: u32 = offsetof<Nexthop>('encap');
export const ENDPOINT_SIZE: u32 = offsetof<Endpoint>();
export const ENDPOINT_ADDRESS: u32 = offsetof<Endpoint>('hi');
export const ENDPOINT_FAMILY: u32 = offsetof<Endpoint>('family');
export const LAYER_SIZE: u32 = offsetof<RouteLayer>();
export const LAYER_BASE: u32 = offsetof<RouteLayer>('base');
export const LAYER_ROUTES: u32 = offsetof<RouteLayer>('routes');
export const LAYER_ROUTE_COUNT: u32 = offsetof<RouteLayer>('routeCount');
export const TABLE_SLOT_SIZE: u32 = offsetof<TableSlot>();
export const TABLE_SLOT_ID: u32 = offsetof<TableSlot>('id');
export const TABLE_SLOT_LAYER: u32 = offsetof<TableSlot>('layer');
export const POLICY_SIZE: u32 = offsetof<PolicyRule>();
export const POLICY_FROM: u32 = offsetof<PolicyRule>('fromHi');
export const POLICY_FROM_MASK: u32 = offsetof<PolicyRule>('fromMaskHi');
export const POLICY_TO: u32 = offsetof<PolicyRule>('toHi');
export const POLICY_TO_MASK: u32 = offsetof<PolicyRule>('toMaskHi');
export const POLICY_ID: u32 = offsetof<PolicyRule>('id');
export const POLICY_PRIORITY: u32 = offsetof<PolicyRule>('priority');
export const POLICY_IIF: u32 = offsetof<PolicyRule>('iif');
export const POLICY_OIF: u32 = offsetof<PolicyRule>('oif');
export const POLICY_MARK: u32 = offsetof<PolicyRule>('mark');
export const POLICY_MARK_MASK: u32 = offsetof<PolicyRule>('markMask');
export const POLICY_TARGET: u32 = offsetof<PolicyRule>('target');
export const POLICY_SUPPRESS: u32 = offsetof<PolicyRule>('suppress');
export const POLICY_SUPPRESS_GROUP: u32 = offsetof<PolicyRule>('suppressGroup');
export const POLICY_UID_FROM: u32 = offsetof<PolicyRule>('uidFrom');
export const POLICY_UID_TO: u32 = offsetof<PolicyRule>('uidTo');
export const POLICY_LABEL: u32 = offsetof<PolicyRule>('label');
export const POLICY_LABEL_MASK: u32 = offsetof<PolicyRule>('labelMask');
export const POLICY_SPORT_FROM: u32 = offsetof<PolicyRule>('sportFrom');
export const POLICY_SPORT_TO: u32 = offsetof<PolicyRule>('sportTo');
export const POLICY_DPORT_FROM: u32 = offsetof<PolicyRule>('dportFrom');
export const POLICY_DPORT_TO: u32 = offsetof<PolicyRule>('dportTo');
export const POLICY_SPORT_MASK: u32 = offsetof<PolicyRule>('sportMask');
export const POLICY_DPORT_MASK: u32 = offsetof<PolicyRule>('dportMask');
export const POLICY_FLAGS: u32 = offsetof<PolicyRule>('flags');
export const POLICY_FAMILY: u32 = offsetof<PolicyRule>('family');
export const POLICY_ACTION: u32 = offsetof<PolicyRule>('action');
export const POLICY_TOS: u32 = offsetof<PolicyRule>('tos');
export const POLICY_PROTOCOL: u32 = offsetof<PolicyRule>('protocol');
export const POLICY_DSCP: u32 = offsetof<PolicyRule>('dscp');
export const POLICY_DSCP_MASK: u32 = offsetof<PolicyRule>('dscpMask');
