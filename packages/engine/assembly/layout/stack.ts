import { Link } from './link';

/**
 * How a link stands on another one, or others on it: vlan, macvlan, ipvlan; what it is a port of, where that is a bond or a VRF; and the
 * VLANs that a bridge lets in and out by it. Most links have no such record.
 */
@unmanaged
export class Stack {
  /** The link below; 0: it is the lowest. */
  lower: Link;
  /** The first link above. */
  uppers: Link;
  /** The next link on the same lower one. */
  nextUpper: Link;
  /** `StackMode`. */
  mode: u32;
  /** The bond that it is a port of. */
  bond: Link;
  /** The VRF that it is, or is a port of. */
  vrf: Link;
  /** A bond: the port in use; 0: the first that is up. */
  active: Link;
  /** A VRF: its routing table. */
  table: u32;
  /** `BridgeVlan[]` of a bridge that filters, or of its port. */
  vlans: usize;
  vlanCount: u16;
  /** Of a VLAN device. */
  vlanId: u16;
  /** `StackFlag`. */
  flags: u32;
}

/** One VLAN of a bridge port. */
@unmanaged
export class BridgeVlan {
  id: u16;
  /** `VlanFlag`. */
  flags: u16;
}

export const STACK_SIZE: u32 = offsetof<Stack>();
export const STACK_LOWER: u32 = offsetof<Stack>('lower');
export const STACK_MODE: u32 = offsetof<Stack>('mode');
export const STACK_BOND: u32 = offsetof<Stack>('bond');
export const STACK_VRF: u32 = offsetof<Stack>('vrf');
export const STACK_ACTIVE: u32 = offsetof<Stack>('active');
export const STACK_TABLE: u32 = offsetof<Stack>('table');
export const STACK_VLANS: u32 = offsetof<Stack>('vlans');
export const STACK_VLAN_COUNT: u32 = offsetof<Stack>('vlanCount');
export const STACK_VLAN_ID: u32 = offsetof<Stack>('vlanId');
export const STACK_FLAGS: u32 = offsetof<Stack>('flags');
export const BRIDGE_VLAN_SIZE: u32 = offsetof<BridgeVlan>();
export const BRIDGE_VLAN_ID: u32 = offsetof<BridgeVlan>('id');
export const BRIDGE_VLAN_FLAGS: u32 = offsetof<BridgeVlan>('flags');
