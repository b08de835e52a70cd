/** What was read of one network namespace, part by part, before it is put together. */
import type {
  Address,
  ConntrackEntry,
  Family,
  IpSet,
  Link,
  Listener,
  Neighbor,
  NexthopObject,
  PolicyRule,
  Route,
  Table,
} from '@podwire/engine';
import type { ListedFdbEntry } from '../bridge/fdb.ts';
import type { BridgePort, PortVlan } from '../bridge/ports.ts';
import type { ShownTunnel } from '../ip/index.ts';
import type { IpvsService } from '../ipvs/types.ts';
import type { NftObject } from '../nft/index.ts';
import type { ShownBond, VlanDevice } from '../proc/index.ts';
import type { WireguardLink } from '../wireguard/index.ts';
import type { DumpKind } from './kinds.ts';

export interface ReadFile {
  file: string;
  /** First line of the part, in a file that holds several. */
  line: number;
}

/** Which of the two implementations of iptables a dump is of: both may hold rules at once. */
export type Flavour = 'legacy' | 'nft' | 'unknown';

/** A ruleset of nftables. */
export interface NftRead {
  objects: NftObject[];
  from: ReadFile;
}

export interface CollectedNetns {
  /** Empty for the host's own. */
  name: string;
  links: Map<string, Link>;
  kinds: Map<string, string>;
  others: Map<string, { netns?: string; index: number }>;
  /** From `ip tunnel show`, used where `ip -d link` is missing; from `wg`, which alone knows peers. */
  tunnels: Map<string, ShownTunnel>;
  wireguard: Map<string, WireguardLink>;
  addresses: Address[];
  /** From `ifconfig` and /proc/net/if_inet6, used where `ip addr` is missing. */
  older: { links: Link[]; addresses: Address[] };
  routes: { table: number; route: Route }[];
  /** From `route` and /proc/net/route, for families that `ip route` is missing of. */
  olderRoutes: { table: number; route: Route }[];
  rules: Map<Family, PolicyRule[]>;
  neighbors: Neighbor[];
  nexthops: Map<number, NexthopObject>;
  fdb: ListedFdbEntry[];
  ports: BridgePort[];
  bridges: Set<string>;
  vlans: PortVlan[];
  /** From /proc, used where `ip -d link` is missing. */
  vlanDevices: VlanDevice[];
  bonds: Map<string, ShownBond>;
  /** What of links is not modelled, so that packets end there. */
  strange: Map<string, string>;
  sysctls: Map<string, string | number>;
  netfilter: { flavour: Flavour; table: Table; from: ReadFile }[];
  /** An nft dump says that legacy tables exist, too. */
  warnsOfLegacy: boolean;
  sets: Map<string, IpSet>;
  listeners: { rank: number; list: Listener[] } | undefined;
  conntrack: ConntrackEntry[];
  ipvs: IpvsService[];
  /** Services that a fragment of a listing names, without their servers. */
  namedIpvs: IpvsService[];
  /** Rulesets of nftables, with what they mean to the machine for the tables asked for. */
  nft: NftRead[];
  kindsSeen: Set<DumpKind>;
  /** `hairpin_mode` of bridge ports, in no order: which port each stands for is lost. */
  hairpin: boolean[];
  /** Command lines of programs that run there. */
  processes: string[];
  /** Text of /etc/resolv.conf. */
  resolvConf?: string;
}

export function emptyCollection(name: string): CollectedNetns {
  return {
    name,
    links: new Map(),
    kinds: new Map(),
    others: new Map(),
    tunnels: new Map(),
    wireguard: new Map(),
    addresses: [],
    older: { links: [], addresses: [] },
    routes: [],
    olderRoutes: [],
    rules: new Map(),
    neighbors: [],
    nexthops: new Map(),
    fdb: [],
    ports: [],
    bridges: new Set(),
    vlans: [],
    vlanDevices: [],
    bonds: new Map(),
    strange: new Map(),
    sysctls: new Map(),
    netfilter: [],
    warnsOfLegacy: false,
    sets: new Map(),
    listeners: undefined,
    conntrack: [],
    ipvs: [],
    namedIpvs: [],
    nft: [],
    kindsSeen: new Set(),
    hairpin: [],
    processes: [],
  };
}
