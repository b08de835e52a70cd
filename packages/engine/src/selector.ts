/**
 * nftables' expressions: what a rule can take out of a packet, its connection, the host or chance, and what it compares that with.
 * A selector that the packet has no value for ends the rule (NFT_BREAK), whatever the relation: `ip saddr` of an IPv6 packet, a port of
 * ICMP, the connection of an untracked packet.
 */
import type { Rule } from './rule.ts';

/**
 * One component of a value, by the type of its selector: a number for protocols, ports, marks, bit sets and every other integer (at most 32
 * bits), an address (`10.0.0.1`, `fd00::1`), a link-layer address, or the name of an interface, exactly. No value is ever a prefix or a
 * range: those are `ValueRange`s.
 */
export type Scalar = number | string;

/**
 * A single value, or all from the first to the last. Interface names: only single ones, where a trailing `*` stands for any rest.
 * Addresses are ordered as numbers in network byte order.
 */
export type ValueRange = Scalar | { from: Scalar; to: Scalar };

/** What kind of value a selector gives and an element holds. */
export type ValueType = 'integer' | 'ipv4_addr' | 'ipv6_addr' | 'ether_addr' | 'ifname';

/**
 * Fields of the packet's own headers. `ip tos` is the whole byte, of IPv6 the traffic class `ip6 tclass`; DSCP is `(tos & 0xfc) >> 2`.
 * `ip length` is the whole packet's, `ip6 length` what follows the fixed header. `ip frag-off` are the 16 bits with the flags (0x4000 do not
 * fragment). `th` is TCP, UDP, UDP-Lite, SCTP or DCCP: the protocol itself is for the rule to test first, as nft's own dependencies do.
 */
export type HeaderField =
  | 'ether saddr'
  | 'ether daddr'
  | 'ether type'
  | 'ip saddr'
  | 'ip daddr'
  | 'ip protocol'
  | 'ip ttl'
  | 'ip tos'
  | 'ip length'
  | 'ip version'
  | 'ip hdrlength'
  | 'ip frag-off'
  | 'ip6 saddr'
  | 'ip6 daddr'
  | 'ip6 nexthdr'
  | 'ip6 hoplimit'
  | 'ip6 tclass'
  | 'ip6 length'
  | 'ip6 version'
  | 'th sport'
  | 'th dport'
  | 'tcp flags'
  | 'udp length'
  | 'icmp type'
  | 'icmp code'
  | 'icmp id'
  | ArpField;

/** Fields of ARP packets, which have no others but those of the frame: of neighbour questions and their answers. */
export type ArpField =
  | 'arp htype'
  | 'arp ptype'
  | 'arp hlen'
  | 'arp plen'
  | 'arp operation'
  | 'arp saddr ether'
  | 'arp daddr ether'
  | 'arp saddr ip'
  | 'arp daddr ip';

/**
 * What the host knows about the packet. Names are empty and indices 0 where there is no such interface (nft_meta.c); `iiftype` and
 * `oiftype` have no value then. `iiftype` is that of the device which the packet itself names (`skb->dev`): the outgoing one from
 * POSTROUTING on. `skuid` and `skgid` are those of the process whose socket made the packet: no value for any other, and
 * nobody knows where the packet does not say (nor at INPUT, where it may have found its socket already). `protocol` is the ethertype, `nfproto` 2 or 10, `pkttype` 0 host, 1 broadcast, 2 multicast, 3 other host.
 */
export type MetaField =
  | 'meta length'
  | 'meta protocol'
  | 'meta nfproto'
  | 'meta l4proto'
  | 'meta mark'
  | 'meta iif'
  | 'meta oif'
  | 'meta iifname'
  | 'meta oifname'
  | 'meta iiftype'
  | 'meta oiftype'
  | 'meta iifkind'
  | 'meta oifkind'
  | 'meta ibrname'
  | 'meta obrname'
  /** The link-layer address of the bridge that the incoming port belongs to. */
  | 'meta ibrhwaddr'
  | 'meta pkttype'
  | 'meta skuid'
  | 'meta skgid';

/**
 * The packet's connection. `ct state` has bits of `CtState` (INVALID and UNTRACKED where there is none: it always has a value; the virtual
 * bits SNAT and DNAT are never set), `ct status` the kernel's `IPS_*` bits, `ct direction` 0 original, 1 reply. Addresses and ports without a
 * direction do not exist in nftables: they name one.
 */
export type CtField =
  | 'ct state'
  | 'ct status'
  | 'ct direction'
  | 'ct mark'
  | 'ct zone'
  | 'ct original zone'
  | 'ct reply zone'
  | 'ct l3proto'
  | 'ct protocol'
  | 'ct original saddr'
  | 'ct original daddr'
  | 'ct original proto-src'
  | 'ct original proto-dst'
  | 'ct reply saddr'
  | 'ct reply daddr'
  | 'ct reply proto-src'
  | 'ct reply proto-dst';

export type Selector = (
  | { field: HeaderField | MetaField | CtField }
  /** The gateway of the packet's route, or its destination where there is none. */
  | { field: 'rt nexthop'; family: 4 | 6 }
  /**
   * A question to the routing tables (nft_fib.c): `type` gives a `RouteType`, `oif` an index (0: no route), `oifname` a name (empty: no
   * route). `iif`, `oif`: only through the packet's own interface. Exactly one of `saddr` and `daddr`.
   */
  | { field: 'fib'; flags: ('saddr' | 'daddr' | 'mark' | 'iif' | 'oif')[]; result: 'type' | 'oif' | 'oifname' }
  /** `numgen`: `inc` counts packets from 0 (as `nth` does, or is a choice with `nth` in mode `choice`); `random` is a choice point. Plus `offset`. */
  | { field: 'numgen'; mode: 'inc' | 'random'; mod: number; offset: number }
  /**
   * `jhash` of the key's bytes, each component filled up to 4 bytes, with the rule's seed; without one the kernel draws it, and it is a choice
   * point that gives the same key the same answer within a script. 0 ≤ value < mod, plus `offset`.
   */
  | { field: 'jhash'; key: Selector[]; mod: number; offset: number; seed?: number }
  /** `symhash`: the flow's hash, the same in both directions; a choice point that gives the same flow the same answer within a script. */
  | { field: 'symhash'; mod: number; offset: number }
  /** What the machine does not model: the test or action that needs it becomes a choice without weights. `type` is that of its values. */
  | { field: 'unmodelled'; text: string; type: ValueType }
) & {
  /** Integers and addresses: ((value & mask) ^ xor), then shifted right (left where negative), as nft_bitwise.c does. All bits, 0 and 0 where absent. */
  mask?: Scalar;
  xor?: Scalar;
  shift?: number;
};

/** A named set or map of the rule's table, or one that stands in the rule itself. */
export type SetRef = string | NftSet;

/** One set or map. Elements do not overlap, but for the catch-all `*`, which counts where no other does. */
export interface NftSet {
  /** Absent for one that stands in a rule. */
  name?: string;
  /** Of each component of a key. */
  type: ValueType[];
  /** Maps only: what an element leads to. */
  data?: ValueType[] | 'verdict';
  elements: NftElement[];
  /** Rules add to it (`flags dynamic`), and elements may leave by themselves. */
  dynamic?: boolean;
  /** Seconds after which an element leaves, unless it says otherwise. */
  timeout?: number;
  /** Most elements it takes; a rule that adds one more ends there. */
  size?: number;
  cause?: unknown;
}

export interface NftElement {
  /** One entry per component; `*` alone: catch-all. */
  key: ValueRange[] | '*';
  data?: ValueRange[];
  verdict?: NftVerdict;
  /** Seconds it was given, and seconds it still has; absent: for ever, or as the set says. */
  timeout?: number;
  expires?: number;
  /** Statements that run when it is found, as those of a rule: one that does not hold makes the element not found. */
  statements?: Rule['body'];
  comment?: string;
  cause?: unknown;
}

export type NftVerdict = { kind: 'accept' | 'drop' | 'return' | 'continue' } | { kind: 'jump' | 'goto'; chain: string };

/** Where a value comes from: the rule, the packet, or a map that the packet is looked up in (no element: the rule ends). */
export type DataSource =
  | { kind: 'value'; values: ValueRange[] }
  | { kind: 'selectors'; key: Selector[] }
  | { kind: 'map'; key: Selector[]; map: SetRef };
