/** Numbers of links that stand on others; compiled by AssemblyScript and by esbuild alike, as `codes.ts`. */

/** What stands on a link, and how a macvlan or ipvlan device stands to its siblings. */
export enum StackMode {
  NONE = 0,
  /** macvlan. */
  PRIVATE = 1,
  VEPA = 2,
  BRIDGE = 3,
  PASSTHRU = 4,
  VLAN = 5,
  /** ipvlan. */
  L2 = 6,
  L3 = 7,
  L3S = 8,
  /** It stands on no link, but is one of these itself. */
  BOND = 9,
  VRF = 10,
}

/** Bits of what stands on a link. */
export enum StackFlag {
  /** A bond sends by one port alone, and hears by that one. */
  ONE_PORT = 1,
  /** A port of a bond that has a carrier. */
  CARRIER = 2,
  /** A bridge that filters VLANs. */
  FILTERS = 4,
}

/** Bits of a VLAN of a bridge port. */
export enum VlanFlag {
  PVID = 1,
  UNTAGGED = 2,
}
