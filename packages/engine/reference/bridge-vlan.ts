/**
 * VLAN filtering of bridges: __allowed_ingress, br_allowed_egress, br_handle_vlan (net/bridge/br_vlan.c). Without filtering a bridge passes
 * tags on as they are.
 */
import type { BridgeVlan } from '../src/index.ts';
import type { Device } from './state.ts';

const DEFAULT: readonly BridgeVlan[] = [{ id: 1, pvid: true, untagged: true }];

const vlansOf = ({ link }: Device): readonly BridgeVlan[] => link.vlans ?? DEFAULT;

const isMember = (port: Device, vid: number): boolean => vlansOf(port).some(({ id }) => id === vid);

/** The VLAN of a frame that comes from a port, or from the bridge's own stack (absent); undefined: it is not let in. */
export function inVlan(bridge: Device, from: Device | undefined, tag: number): number | undefined {
  if (!bridge.link.vlanFiltering) return tag;
  const port = from ?? bridge;
  const vid = tag === 0 ? vlansOf(port).find(({ pvid }) => pvid)?.id : tag;
  return vid !== undefined && isMember(port, vid) ? vid : undefined;
}

/** May it leave by the port (or go up, where that is the bridge itself)? */
export const admits = (bridge: Device, port: Device, vid: number): boolean =>
  !bridge.link.vlanFiltering || isMember(port, vid);

/** The tag it leaves with. */
export function tagOut(bridge: Device, port: Device, vid: number): number {
  if (!bridge.link.vlanFiltering) return vid;
  return vlansOf(port).find(({ id }) => id === vid)?.untagged ? 0 : vid;
}
