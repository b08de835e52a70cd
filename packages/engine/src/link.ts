/** Interfaces: `ip -d link`, `bridge vlan`, `wg show`. Part of the description in `network.ts`. */
import type { LinkBalancing } from './balancer.ts';
import type { Cause } from './network.ts';

/**
 * As the kernel names them (`rtnl_link_ops`), but for `device`: an interface with a driver, whose wire the network knows or does not.
 * `tun` and `tap` end in a process.
 */
export type LinkKind =
  | 'loopback'
  | 'device'
  | 'veth'
  | 'bridge'
  | 'dummy'
  | 'vlan'
  | 'macvlan'
  | 'ipvlan'
  | 'bond'
  | 'vrf'
  | 'tun'
  | 'tap'
  | 'ifb'
  | 'nlmon'
  | 'team'
  | TunnelKind;

/** Kinds that put packets into packets. Those of ethernet frames: vxlan, geneve, gretap. */
export type TunnelKind = 'vxlan' | 'geneve' | 'gretap' | 'gre' | 'ipip' | 'sit' | 'ip6tnl' | 'wireguard';

export interface LinkName {
  netns: string;
  link: string;
}

export interface Link {
  name: string;
  kind: LinkKind;
  /** Interface index; position in `links` + 1 (+ 1 for an implied `lo`) where absent. */
  index?: number;
  /** Absent: one is made up that no other link has; a `vlan`, `ipvlan` or `passthru` macvlan has that of its lower link, a bond its first port's. */
  mac?: string;
  /** 1500 where absent, 65536 for loopback. */
  mtu?: number;
  /** Administrative state; true where absent. */
  up?: boolean;
  /** The other end of a veth pair or of a point-to-point wire. Both ends name each other. */
  peer?: LinkName;
  /**
   * The shared layer-2 segment (a switch without intelligence) that a `device` is plugged into. A tunnel with one is taken for a plain
   * device: its outer packets are not walked.
   */
  segment?: string;
  /** The bridge, bond or VRF of this namespace that the link is a port of. */
  master?: string;
  hairpin?: boolean;
  isolated?: boolean;
  /** Number of the group that it was put into (`ip link set group`); 0 where absent. */
  group?: number;
  /** False: up, but NO-CARRIER. Absent: as the other end says. */
  carrier?: boolean;
  /** vlan, macvlan, ipvlan: the link it stands on, often of another namespace. */
  lower?: LinkName;
  /** macvlan: `private`, `vepa` (where absent), `bridge`, `passthru`. ipvlan: `l3` (where absent), `l2`, `l3s`. bond: `active-backup` ... */
  mode?: string;
  /** vlan: its number, 1 to 4094. */
  vlanId?: number;
  /** bond: the port in use, in a mode with one. Absent: the first that is up. */
  active?: string;
  /** vrf: its routing table. */
  table?: number;
  /** A bridge with `vlan_filtering 1`. */
  vlanFiltering?: boolean;
  /** The VLANs of a bridge port, and of the bridge itself towards its stack (`bridge vlan`). Absent: VLAN 1, pvid, untagged. */
  vlans?: BridgeVlan[];
  tunnel?: Tunnel;
  /** A program at its ingress and egress (tc), which runs before INGRESS of netfilter and after EGRESS. */
  balancing?: LinkBalancing;
  cause?: Cause;
}

export interface BridgeVlan {
  id: number;
  /** Frames without a tag that come in belong to it. */
  pvid?: boolean;
  /** Frames of it go out without a tag. */
  untagged?: boolean;
}

/** The outer packets of a tunnel. */
export interface Tunnel {
  /** The namespace that routes them: where the link was made, though it may stand elsewhere. Absent: the link's own. */
  underlay?: string;
  local?: string;
  /** The other end. Absent: VXLAN has entries in `fdb`, WireGuard its peers; IPIP and ip6tnl go to the gateway of the inner route. */
  remote?: string;
  /** Link of `underlay` by which they leave. */
  dev?: string;
  /** VNI of VXLAN and Geneve, key of GRE. */
  id?: number;
  /** GRE: key of what comes in, where it is not `id`. */
  ikey?: number | 'none';
  /** UDP destination port. VXLAN: 8472 where absent (as the kernel; iproute2 says so too), Geneve 6081. WireGuard: the port it listens on. */
  port?: number;
  /** What IPIP, SIT and ip6tnl carry: `ipip` and `ipip6` IPv4, `ip6ip` and `ip6ip6` IPv6, `any` both. Absent: IPv4, IPv6, both. */
  mode?: string;
  /** Outer TTL. Absent: the host's own; of ip6tnl 64. `inherit`: the inner packet's (GRE, IPIP and SIT where absent). */
  ttl?: number | 'inherit';
  tos?: number | 'inherit';
  /** VXLAN, Geneve: DF of the outer packet; `unset` where absent. */
  df?: 'set' | 'unset' | 'inherit';
  /** GRE, IPIP, SIT: `nopmtudisc` where false. */
  pmtudisc?: boolean;
  /** ip6tnl: the number in the option that limits tunnels in tunnels; 4 where absent. */
  encapLimit?: number | 'none';
  /** VXLAN: false for `nolearning`. */
  learning?: boolean;
  /** What it says that nobody can follow, as `ip -d link` prints it: `external`, `encap fou ...`. Such a tunnel is not walked. */
  unmodelled?: string;
  /** WireGuard. */
  peers?: WireguardPeer[];
  /** WireGuard: mark of the outer packets. GRE, IPIP, SIT, ip6tnl: the mark that they are routed by, in place of their own. */
  fwmark?: number;
  /** WireGuard: the link's own key. */
  publicKey?: string;
}

/** `wg show`: cryptokey routing, by the longest of all peers' prefixes. Handshakes are taken for done. */
export interface WireguardPeer {
  publicKey?: string;
  /** Absent: not heard of yet, so that nothing can be sent there. */
  endpoint?: { address: string; port: number };
  allowedIps: string[];
}
