/**
 * Netfilter's tables, chains and rules. One rule type for iptables and nftables: what iptables writes stands as the match or target of
 * that name; nftables' plain header tests use the same kinds, everything else of it is made of `Selector`s.
 */
import type { Cause } from './network.ts';
import type { Family } from './packet.ts';
import type { DataSource, HeaderField, NftSet, Selector, SetRef, ValueRange } from './selector.ts';
import type { Hook } from './terms.ts';

/**
 * One netfilter table of one family. Chains not found here are looked for in `base`: a chain here hides the chain of the same name
 * there, and a jump out of a shared chain finds the namespace's own chain of that name first.
 */
export interface Table {
  family: TableFamily;
  name: string;
  /** Whose table it is, and how it is printed; iptables where absent. */
  syntax?: 'iptables' | 'nft';
  base?: Table;
  chains: Chain[];
  /** Named sets and maps of an nftables table. Not found here, they are looked for in `base`. */
  sets?: NftSet[];
  /** What it was compiled from: opaque to the machine, kept for printers. */
  source?: unknown;
}

/**
 * `inet` chains run for IPv4 and IPv6, in one order with the chains of `ip` and `ip6`. `bridge` chains see frames in bridges, `netdev`
 * chains what comes in and goes out by a device, `arp` chains (hooks INPUT and OUTPUT, of arptables also FORWARD) questions for neighbours and their answers.
 */
export type TableFamily = 'ip' | 'ip6' | 'inet' | 'bridge' | 'netdev' | 'arp';

export interface Chain {
  name: string;
  /** Base chains only. */
  hook?: BaseHook;
  /** Of what its policy decided, as iptables counts. */
  counters?: { packets: number; bytes: number };
  rules: Rule[];
}

export interface BaseHook {
  hook: Hook;
  /** `NF_IP_PRI_*`: raw -300, conntrack -200, mangle -150, dstnat -100, filter 0, security 50, srcnat 100. Lower runs first. */
  priority: number;
  type: 'filter' | 'nat' | 'route';
  policy: 'accept' | 'drop';
  /** INGRESS and EGRESS: the devices it is bound to. */
  devices?: string[];
}

/**
 * One rule: statements in the order written, run one after the other. A match that does not hold ends the rule; what an earlier action
 * did stays done (nft_do_chain(): NFT_BREAK). iptables writes its matches first.
 */
export interface Rule {
  body: Statement[];
  counters?: { packets: number; bytes: number };
  cause?: Cause;
  /** What it was compiled from, where that says more than the statements: opaque to the machine, kept for printers. */
  source?: unknown;
}

export type Statement = Match | Action;

export interface PortRange {
  from: number;
  to: number;
}

/** User or group ids. */
export interface IdRange {
  from: number;
  to: number;
  not?: boolean;
}

export type CompareOp = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';

/** Tests; each but the header tests stands for one `-m` of the rule and may be inverted piecewise as iptables allows. */
export type Match = IptablesMatch | NftMatch;

export type IptablesMatch =
  | { kind: 'saddr' | 'daddr' /** `10.0.0.0/8`, or `10.0.0.1/255.0.0.255`. */; prefix: string; not?: boolean }
  | { kind: 'iif' | 'oif' /** A trailing `+` matches any rest. */; name: string; not?: boolean }
  | { kind: 'protocol'; protocol: number; not?: boolean }
  | { kind: 'fragment'; not?: boolean }
  | {
      kind: 'tcp';
      sport?: PortRange & { not?: boolean };
      dport?: PortRange & { not?: boolean };
      flags?: { mask: number; set: number; not?: boolean };
      option?: { number: number; not?: boolean };
    }
  | { kind: 'udp' | 'sctp'; sport?: PortRange & { not?: boolean }; dport?: PortRange & { not?: boolean } }
  | { kind: 'icmp' | 'icmp6' /** 255: any. */; type: number; code: PortRange; not?: boolean }
  | { kind: 'multiport'; which: 'source' | 'destination' | 'either'; ports: PortRange[]; not?: boolean }
  | { kind: 'mark' | 'connmark'; value: number; mask: number; not?: boolean }
  | { kind: 'state' /** Bits of `CtState`. */; states: number; not?: boolean }
  | {
      kind: 'conntrack';
      state?: { /** Bits of `CtState`. */ states: number; not?: boolean };
      protocol?: { protocol: number; not?: boolean };
      origSrc?: { prefix: string; not?: boolean };
      origDst?: { prefix: string; not?: boolean };
      replSrc?: { prefix: string; not?: boolean };
      replDst?: { prefix: string; not?: boolean };
      origSrcPort?: PortRange & { not?: boolean };
      origDstPort?: PortRange & { not?: boolean };
      replSrcPort?: PortRange & { not?: boolean };
      replDstPort?: PortRange & { not?: boolean };
      status?: { /** none, expected, seen_reply, assured, confirmed */ names: string[]; not?: boolean };
      direction?: 'ORIGINAL' | 'REPLY';
    }
  | {
      kind: 'addrtype';
      /** Names as iptables prints them: LOCAL, UNICAST, BROADCAST, ... Any of them may hold. */
      srcType?: { types: string[]; not?: boolean };
      dstType?: { types: string[]; not?: boolean };
      limitIfaceIn?: boolean;
      limitIfaceOut?: boolean;
    }
  | {
      kind: 'statistic';
      mode: 'random' /** Units of 2^-31, as the kernel keeps it. */;
      probability: number;
      not?: boolean;
    }
  | { kind: 'statistic'; mode: 'nth'; every: number; packet: number; not?: boolean }
  | { kind: 'comment'; text: string }
  | {
      kind: 'physdev';
      in?: { name: string; not?: boolean };
      out?: { name: string; not?: boolean };
      isIn?: { not?: boolean };
      isOut?: { not?: boolean };
      isBridged?: { not?: boolean };
    }
  | {
      kind: 'recent';
      name: string;
      action: 'set' | 'rcheck' | 'update' | 'remove';
      side: 'source' | 'dest';
      mask: string;
      seconds?: number;
      reap?: boolean;
      hitcount?: number;
      rttl?: boolean;
      not?: boolean;
    }
  | { kind: 'set'; set: string /** `src`, `dst` per dimension. */; flags: ('src' | 'dst')[]; not?: boolean }
  | {
      kind: 'iprange';
      src?: { from: string; to: string; not?: boolean };
      dst?: { from: string; to: string; not?: boolean };
    }
  | { kind: 'mac'; address: string; not?: boolean }
  | { kind: 'tos'; value: number; mask: number; not?: boolean }
  | { kind: 'ttl'; op: 'eq' | 'ne' | 'lt' | 'gt'; value: number }
  | { kind: 'length'; from: number; to: number; not?: boolean }
  | { kind: 'nfacct'; name: string }
  /** Whose socket made the packet: one of a process has an owner, the stack's own and none have not. `suppl`: any of the owner's groups will do. */
  | { kind: 'owner'; uid?: IdRange; gid?: IdRange; suppl?: boolean; socket?: { not?: boolean }; text: string }
  /** Does the way back to the source lead through the device that the packet came by? */
  | { kind: 'rpfilter'; loose?: boolean; validMark?: boolean; acceptLocal?: boolean; not?: boolean }
  /** An extension that other tests say: all of them hold. `text` is the match as iptables prints it, `-m` included. */
  | { kind: 'extension'; text: string; tests: Match[] }
  /** A rate limit: a choice point without weights. `text` is the match as iptables prints it, `-m` included. */
  | { kind: 'limit'; text: string }
  /** A test the machine does not model: a choice point without weights. `text` as for `limit`. */
  | { kind: 'unmodelled'; text: string };

/** What a rule does. Verdicts end the rule; the others continue. */
export type Action = IptablesAction | NftAction;

export type IptablesAction =
  | { kind: 'accept' }
  | { kind: 'drop' }
  | { kind: 'return' }
  | { kind: 'jump' | 'goto'; chain: string }
  | {
      /** As iptables prints it: `icmp-port-unreachable`, `tcp-reset`, `icmp6-adm-prohibited` ...; `icmpx-port-unreachable`, `icmpx-no-route`, `icmpx-host-unreachable`, `icmpx-admin-prohibited`: the family's own. */
      kind: 'reject';
      with: string;
    }
  /** mark = (mark & ~mask) ^ value, the kernel's own form of --set-xmark. */
  | { kind: 'set-mark'; value: number; mask: number }
  /** `shift` of the connection's mark, or of what is copied: to the right; negative: to the left. */
  | { kind: 'set-connmark'; value: number; mask: number; shift?: number }
  /** ctmark = (ctmark & ~ctmask) ^ (mark & nfmask), and back. */
  | { kind: 'save-mark' | 'restore-mark'; nfmask: number; ctmask: number; shift?: number }
  | { kind: 'dnat' | 'snat'; range: NatRange }
  | { kind: 'masquerade' | 'redirect'; range: NatRange }
  /** `alias`: written as the older `-j NOTRACK` instead of `-j CT --notrack`; `native`: nftables' own, which heeds connections alone (nft_notrack_eval). */
  | { kind: 'notrack'; alias?: boolean; native?: boolean }
  /** `native`: nftables' own, which counts also for what was not to be tracked (nft_ct_set_zone_eval). */
  | { kind: 'ct-zone'; zone: number; direction?: 'ORIGINAL' | 'REPLY'; native?: boolean }
  /**
   * Gives the connection a helper, which may expect others. `isTemplate`: said before there is one (`-j CT`); otherwise of the one at hand, if it
   * is new, of this `protocol` and, where given, `family` (`ct helper set`).
   */
  | { kind: 'ct-helper'; helper: string; protocol: number; family?: Family; isTemplate?: boolean }
  /** Adds or removes the packet's addresses in an ipset (`-j SET`). */
  | { kind: 'set-add' | 'set-del'; set: string; flags: ('src' | 'dst')[]; exist?: boolean; timeout?: number }
  /** A program decides (`-j NFQUEUE`, `queue`): a choice between accept and drop, and the chain ends. `text` as for `note`. */
  | { kind: 'queue'; text: string }
  /** A target that other actions say. `text` as for `note`. */
  | { kind: 'extension-target'; text: string; actions: Action[] }
  /** Targets that decide nothing about the packet's fate (LOG, NFLOG, CHECKSUM, TRACE, AUDIT ...); `text` as iptables prints it, `-j` included. */
  | { kind: 'note'; text: string }
  /** A target the machine does not model: what happens next is not known. `text` as for `note`. */
  | { kind: 'unmodelled-target'; text: string };

/** What nftables alone can test. */
export type NftMatch =
  /** A relation of nftables: see `selector.ts`. `values` has one entry per selector; several selectors: only `eq` and `ne`. */
  | { kind: 'compare'; key: Selector[]; op: CompareOp; values: ValueRange[] }
  /** Is the key an element of the set? An element that is found may carry statements that have their say too. */
  | { kind: 'lookup'; key: Selector[]; set: SetRef; not?: boolean };

/** What nftables alone can do. */
export type NftAction =
  /** nftables' `vmap`: the verdict of the element that the key finds. Finds none: the rule ends, as where a match does not hold. */
  | { kind: 'verdict-map'; key: Selector[]; map: SetRef }
  /** Writes a mark of the packet or its connection, or the zone that conntrack will use. `value` may come from the packet or a map. */
  | {
      kind: 'set-meta';
      target: 'mark' | 'ct mark' | 'ct zone' | 'ct original zone' | 'ct reply zone';
      value: DataSource;
    }
  /** Writes a header field in place, without conntrack (stateless): `ip dscp set`, `ip ttl set`, `tcp dport set`. */
  | { kind: 'set-header'; field: HeaderField; mask?: number; value: DataSource }
  /**
   * NAT to what the packet or a map says: `dnat to ip daddr . tcp dport map @m`. `gives` names the parts of the value in order; both:
   * address, then port. Part ranges are those of the element. `kind` of the manipulation in `nat`.
   */
  | {
      kind: 'nat-to';
      nat: 'dnat' | 'snat' | 'masquerade' | 'redirect';
      gives: ('address' | 'port')[];
      value: DataSource;
      random?: boolean;
      randomFully?: boolean;
      persistent?: boolean;
      netmap?: boolean;
    }
  /** `add @s { ... }`, `update`, `delete`: changes a named set while packets pass. `timeout` in seconds; absent: the set's own. */
  | {
      kind: 'set-update';
      op: 'add' | 'update' | 'delete';
      set: string;
      key: Selector[];
      timeout?: number;
      data?: DataSource;
    }
  /** `fwd to DEVICE` of the netdev family: out of that device at once. */
  | { kind: 'forward-to'; device: string };

export interface NatRange {
  /** First and last address; absent: unchanged (or, for masquerade and redirect, chosen by the kernel). */
  addresses?: { from: string; to: string };
  ports?: PortRange;
  random?: boolean;
  randomFully?: boolean;
  persistent?: boolean;
  /** One network for another: bits in which the first and the last address are equal are theirs, the rest stays the packet's. */
  netmap?: boolean;
}

/** What the machine runs. */
export type PlainMatch = Exclude<Match, { kind: 'extension' }>;
export type PlainAction = Exclude<Action, { kind: 'extension-target' }>;
export type PlainStatement = PlainMatch | PlainAction;
