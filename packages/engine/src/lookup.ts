/** A question to the routing tables alone, as `ip route get` asks it. No packet is sent and no hook runs. */
import type { Nexthop, PolicyRule, Route } from './network.ts';
import type { Family } from './packet.ts';

export interface RouteQuestion {
  family: Family;
  daddr: string;
  saddr?: string;
  /** As if it had come in there. Absent: as if made here. */
  iif?: string;
  /** The device that must be used. */
  oif?: string;
  mark?: number;
  tos?: number;
  protocol?: number;
  sport?: number;
  dport?: number;
  /** Whose socket it is; root's (0) where absent. */
  uid?: number;
}

export type RouteErrno = 'EINVAL' | 'ENETUNREACH' | 'EHOSTUNREACH' | 'EACCES' | 'ENODEV';

export type RouteAnswer =
  | { error: RouteErrno }
  | {
      type: Route['type'];
      /** Absent where no route was found, but the device was given: the destination is taken to be on its link (IPv4). */
      route?: Route;
      table?: number;
      rule?: PolicyRule;
      /** The one that was chosen, alternative 0 of several. */
      nexthop?: Nexthop;
      /** Whom a packet would be sent to; absent where that is its destination. */
      gateway?: string;
      /** The device a packet would leave by: `lo` for local destinations. */
      dev: string;
      /** The source the kernel would choose; absent where the question had one, or came from outside. */
      source?: string;
    };

export interface RouteLookup {
  /** Throws `RangeError` for a network namespace that does not exist. */
  lookup(netns: string, question: RouteQuestion): RouteAnswer;
}
