import { Balancing } from './balance';
import { Ipvs } from './ipvs';
import { Link } from './link';

/** A network namespace: where its lists are. What namespaces share is behind pointers, so that a pod costs this record and little more. */
@unmanaged
export class Netns {
  id: u32;
  flags: u32;
  /** `Link[]`, in the order of the network's description. */
  links: usize;
  linkCount: u32;
  /** Symbol of a name -> link: `u32` pairs, a power of two of them; 0 where the list is short. */
  linkIndex: usize;
  linkIndexMask: u32;
  /** `InterfaceAddress[]`, grouped by link. */
  addresses: usize;
  addressCount: u32;
  /** `PolicyRule[]` by family and priority; 0 where the kernel's own apply. */
  rules: usize;
  ruleCount: u32;
  /** `TableSlot[]`. */
  tables: usize;
  tableCount: u32;
  neighbors: usize;
  neighborCount: u32;
  fdb: usize;
  fdbCount: u32;
  /** `BaseChain[]` by hook, priority and order: of IPv4, then of IPv6, of bridges, of devices (hooks INGRESS and EGRESS), of ARP. */
  chains: usize;
  chains4Count: u16;
  chains6Count: u16;
  bridgeChainsCount: u16;
  deviceChainsCount: u16;
  arpChainsCount: u16;
  pad: u16;
  /** `SetSlot[]`. */
  sets: usize;
  setCount: u32;
  /** `Listener[]`; count `ABSENT` where nobody knows. */
  listeners: usize;
  listenerCount: u32;
  /** Connections held at the start: `Flow[]`. */
  flows: usize;
  flowCount: u32;
  /** TTL and hop limit of what this host sends by itself. */
  ttl4: u16;
  ttl6: u16;
  /** Settings of connection tracking by `CtSetting`, u32 each. */
  ctSettings: usize;
  /** `AutomaticHelper[]`; 0: connections get helpers from rules alone. */
  helpers: usize;
  /** Connections that are known now. */
  ctCount: u32;
  /** The first tunnel whose outer packets are routed here. */
  tunnels: Link;
  paths: PathSettings;
  /** Of its sockets; 0: none. */
  balancing: Balancing;
  /** Null: none. */
  ipvs: Ipvs;
}

/** What is believed of path MTUs, shared: the smallest, seconds that they are remembered, `ip_no_pmtu_disc`. */
@unmanaged
export class PathSettings {
  minimum: u32;
  expires4: u32;
  expires6: u32;
  off: u32;
}

export const ABSENT: u32 = 0xffffffff;

export const NETNS_SIZE: u32 = offsetof<Netns>();
export const NETNS_ID: u32 = offsetof<Netns>('id');
export const NETNS_FLAGS: u32 = offsetof<Netns>('flags');
export const NETNS_LINKS: u32 = offsetof<Netns>('links');
export const NETNS_LINK_COUNT: u32 = offsetof<Netns>('linkCount');
export const NETNS_ADDRESSES: u32 = offsetof<Netns>('addresses');
export const NETNS_ADDRESS_COUNT: u32 = offsetof<Netns>('addressCount');
export const NETNS_RULES: u32 = offsetof<Netns>('rules');
export const NETNS_RULE_COUNT: u32 = offsetof<Netns>('ruleCount');
export const NETNS_TABLES: u32 = offsetof<Netns>('tables');
export const NETNS_TABLE_COUNT: u32 = offsetof<Netns>('tableCount');
export const NETNS_NEIGHBORS: u32 = offsetof<Netns>('neighbors');
export const NETNS_NEIGHBOR_COUNT: u32 = offsetof<Netns>('neighborCount');
export const NETNS_FDB: u32 = offsetof<Netns>('fdb');
export const NETNS_FDB_COUNT: u32 = offsetof<Netns>('fdbCount');
export const NETNS_CHAINS: u32 = offsetof<Netns>('chains');
export const NETNS_CHAIN_COUNTS: u32 = offsetof<Netns>('chains4Count');
export const NETNS_SETS: u32 = offsetof<Netns>('sets');
export const NETNS_SET_COUNT: u32 = offsetof<Netns>('setCount');
export const NETNS_LISTENERS: u32 = offsetof<Netns>('listeners');
export const NETNS_LISTENER_COUNT: u32 = offsetof<Netns>('listenerCount');
export const NETNS_FLOWS: u32 = offsetof<Netns>('flows');
export const NETNS_FLOW_COUNT: u32 = offsetof<Netns>('flowCount');
export const NETNS_TTL4: u32 = offsetof<Netns>('ttl4');
export const NETNS_TTL6: u32 = offsetof<Netns>('ttl6');
export const NETNS_PATHS: u32 = offsetof<Netns>('paths');
export const NETNS_BALANCING: u32 = offsetof<Netns>('balancing');
export const PATHS_SIZE: u32 = offsetof<PathSettings>();
export const NETNS_CT_SETTINGS: u32 = offsetof<Netns>('ctSettings');
export const NETNS_IPVS: u32 = offsetof<Netns>('ipvs');
export const NETNS_HELPERS: u32 = offsetof<Netns>('helpers');
