/** What one configuration of the oracle is: plain data, so that a disagreement can be kept and played again. */
import type { Network, Packet } from '@podwire/engine';
import type { Backend, Listening } from '../lab/terms.ts';

/** One packet. With `link` it comes in there, from the other end of the wire; otherwise a process of `netns` makes it. */
export interface Event {
  netns: string;
  link?: string;
  packet: Packet;
}

export interface Scenario {
  /** Without listeners, which follow from `listening`, and without the tables of `nft`. */
  network: Network;
  listening: Listening[];
  backend: Backend;
  /** Tables of nftables itself, by namespace: lines for `nft -f`. They are loaded behind those of iptables. */
  nft?: Record<string, string[]>;
  /** One after the other: what a packet leaves behind is there for the next. */
  events: Event[];
}
