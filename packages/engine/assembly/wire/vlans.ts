/** VLAN filtering of bridges (br_vlan.c:__allowed_ingress(), br_allowed_egress(), br_handle_vlan()). Without it a bridge passes tags on. */
import { StackFlag, VlanFlag } from '../../src/stack-codes';
import { none, some } from '../core/skb';
import { Link } from '../layout/link';
import { BridgeVlan } from '../layout/stack';

/** No VLAN: the frame is not let in. */
export const NO_VLAN: i32 = -1;

@inline
export function filters(bridge: Link): bool {
  return some(bridge.stack) && (bridge.stack.flags & <u32>StackFlag.FILTERS) != 0;
}

@inline
function vlanAt(port: Link, i: u32): BridgeVlan {
  return changetype<BridgeVlan>(port.stack.vlans + <usize>i * offsetof<BridgeVlan>());
}

function entryOf(port: Link, id: u32): BridgeVlan {
  const count = <u32>port.stack.vlanCount;
  for (let i: u32 = 0; i < count; i++) if (vlanAt(port, i).id == <u16>id) return vlanAt(port, i);
  return none<BridgeVlan>();
}

function pvidOf(port: Link): i32 {
  const count = <u32>port.stack.vlanCount;
  for (let i: u32 = 0; i < count; i++) if ((vlanAt(port, i).flags & <u16>VlanFlag.PVID) != 0) return vlanAt(port, i).id;
  return NO_VLAN;
}

/** The VLAN of a frame that comes by a port, or from the bridge's own stack (null). */
export function inVlan(bridge: Link, from: Link, tag: u32): i32 {
  if (!filters(bridge)) return <i32>tag;
  const port = some(from) ? from : bridge;
  if (tag == 0) return pvidOf(port);
  return some(entryOf(port, tag)) ? <i32>tag : NO_VLAN;
}

/** May it leave by the port (or go up, where that is the bridge itself)? */
@inline
export function admits(bridge: Link, port: Link, vlan: i32): bool {
  return !filters(bridge) || some(entryOf(port, <u32>vlan));
}

/** The tag it leaves with. */
export function tagOut(bridge: Link, port: Link, vlan: i32): u32 {
  if (!filters(bridge)) return <u32>vlan;
  const entry = entryOf(port, <u32>vlan);
  return some(entry) && (entry.flags & <u16>VlanFlag.UNTAGGED) != 0 ? 0 : <u32>vlan;
}
