/**
 * What a walk reports. The machine writes fixed-size steps; the host decodes them to these. A step refers to the very objects of the
 * loaded `Network` (rule, route, link), so whoever knows what made an object finds it at `cause`.
 */
import type {
  BalancerFrontend,
  ConntrackEntry,
  IpvsServer,
  IpvsService,
  Link,
  Netns,
  Nexthop,
  PolicyRule,
  Route,
} from './network.ts';
import type { Packet } from './packet.ts';
import type { Chain, Rule, Table } from './rule.ts';
import type { NftElement } from './selector.ts';
import type { ChoiceKind, CtDirection, Disposition, Hook, Reason, Verdict } from './terms.ts';

export interface Walk {
  steps: Step[];
  end: End;
}

export interface End {
  disposition: Disposition;
  reason: Reason;
  /** Name of the network namespace where it ended. */
  netns: string;
  /** The packet as it was there: what the receiver sees. */
  packet: Packet;
  /** The rule that ended it, for `RULE` and `REJECT_RULE`; the chain alone for `POLICY`. */
  rule?: { table: Table; chain: Chain; index: number };
  /** True when the other side has something to send back: `Machine.answer()` sends it. */
  answers: boolean;
}

export type Step =
  /** A packet comes in on `link`, or is made here (no `link`). First step of every namespace on the way. */
  | { kind: 'enter'; netns: Netns; link?: Link; packet: Packet }
  /** Conntrack's judgement, at PREROUTING or OUTPUT (priority -200). `entry` as it stands after the judgement; absent when untracked or invalid. */
  | { kind: 'conntrack'; netns: Netns; state: number; direction: CtDirection; zone: number; entry?: ConntrackEntry }
  /**
   * A rule matched: it ran to its end, or to its verdict. `target` is the chain of a jump or goto. One that ended at a match, but had
   * changed something before, has a step too, with verdict BREAK.
   */
  | {
      kind: 'rule';
      netns: Netns;
      hook: Hook;
      table: Table;
      chain: Chain;
      index: number;
      rule: Rule;
      verdict: Verdict;
      target?: string;
      /** The element of the last set or map in which the rule found something. */
      element?: NftElement;
    }
  /** A base chain came to its end: by a rule's verdict, or by its policy. Every base chain of the hook that ran has one, rules matched or not. */
  | { kind: 'chain'; netns: Netns; hook: Hook; table: Table; chain: Chain; verdict: Verdict; by: 'rule' | 'policy' }
  /** A header rewrite: by the rule just matched (`binding` false) or because conntrack remembers it (`binding` true). */
  | {
      kind: 'nat';
      netns: Netns;
      hook: Hook;
      manip: 'src' | 'dst';
      binding: boolean;
      /** IPVS rewrites it, not conntrack. */
      ipvs?: true;
      from: Endpoint;
      to: Endpoint;
      /** The kernel draws the port: any free one of these may stand where `to` has the lowest. */
      anyPort?: { from: number; to: number };
    }
  /**
   * A program outside of netfilter rewrites an address and port: for a socket, or (with `link`) at that link. `to` absent: it
   * does not, and the walk ends for the reason that the end names.
   */
  | {
      kind: 'balance';
      netns: Netns;
      link?: Link;
      frontend: BalancerFrontend;
      manip: 'src' | 'dst';
      from: Endpoint;
      to?: Endpoint;
      /** The node draws the port: any free one of these may stand where `to` has the lowest. */
      anyPort?: { from: number; to: number };
    }
  /**
   * IPVS takes the packet. `scheduled`: a server was chosen for a new connection; `persistent`: the one that the client had before; `known`: its
   * connection's; `reply`: it comes from the server; `none`: no server may take it. Then come, as need be, its `route` and `nat`.
   */
  | {
      kind: 'ipvs';
      netns: Netns;
      hook: Hook;
      how: 'scheduled' | 'persistent' | 'known' | 'reply' | 'none';
      service: IpvsService;
      server?: IpvsServer;
    }
  /** A routing decision. `route` absent: none found. `source`: the address the kernel chose, where it had to. */
  | {
      kind: 'route';
      netns: Netns;
      purpose: 'input' | 'output' | 'reroute';
      rule?: PolicyRule;
      table?: number;
      route?: Route;
      nexthop?: Nexthop;
      local: boolean;
      source?: string;
      /** A path MTU is remembered for the destination, and counts in place of the route's or link's. */
      pathMtu?: number;
    }
  /** An ICMP error taught this host the MTU of the path to `destination`: what goes there by `route` has it until it is forgotten. */
  | { kind: 'learn'; netns: Netns; route: Route; destination: string; mtu: number }
  /** Inside a bridge: from a port (or from the bridge's own stack, absent) to a port (absent: up to the stack). */
  | { kind: 'bridge'; netns: Netns; bridge: Link; from?: Link; to?: Link }
  /** A piece of a packet that was cut sets out, the one before having come to its end or to where it waits for this one. */
  | { kind: 'fragment'; netns: Netns; packet: Packet }
  /** The last piece is there: from here on it is one packet again. */
  | { kind: 'reassemble'; netns: Netns; packet: Packet }
  /**
   * Nobody heard the question who has the next hop, or the answer to it: a rule, or the policy of a base chain (`index` behind its last
   * rule), dropped it in this namespace. Such packets leave no other steps, but for choices.
   */
  | {
      kind: 'unanswered';
      netns: Netns;
      hook: Hook;
      table: Table;
      chain: Chain;
      index: number;
      which: 'question' | 'answer';
    }
  /** Into another packet, which is made here: `netns` routes it. `packet` is the outer one, its source empty where routing is to choose it. */
  | { kind: 'encapsulate'; netns: Netns; link: Link; packet: Packet }
  /** Out of the other packet, which reached `netns`: the inner `packet` comes in by `link` next. */
  | { kind: 'decapsulate'; netns: Netns; link: Link; packet: Packet }
  /** Out of `link` towards the neighbour that was found for `nexthop`; `to` may be the device below `link`, which sends it on. */
  | { kind: 'transmit'; netns: Netns; link: Link; nexthop: string; to?: { netns: Netns; link: Link } }
  | { kind: 'choice'; choice: number };

export interface Endpoint {
  address: string;
  port: number;
}

/** A point where the machine cannot know and took what the script says. */
export interface Choice {
  kind: ChoiceKind;
  /** Number of alternatives; always 2 or more. */
  alternatives: number;
  taken: number;
  /** Exact integer weights of the alternatives; absent where nobody knows the odds. */
  weights?: number[];
  netns: string;
  /** The rule or route that branches. */
  rule?: { table: Table; chain: Chain; index: number };
  route?: Route;
  /** The frontend whose backend is chosen. */
  frontend?: BalancerFrontend;
  /** The virtual service whose server it is about. */
  service?: IpvsService;
  /** The construct as its tool prints it, for UNMODELLED and LIMIT. */
  text?: string;
}
