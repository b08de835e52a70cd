/** What both machines offer: the WASM engine (`createEngine`) and the reference interpreter (`createReference`). */
import type { ConntrackEntry, ConntrackFilter, Network } from './network.ts';
import type { Packet } from './packet.ts';
import type { Choice, Walk } from './walk.ts';

export interface Machine {
  /** Replaces everything. Throws `EngineError` for a network that contradicts itself (unknown peer, link, master ...). */
  load(network: Network): void;
  /** Back to the state as loaded: conntrack, nth counters, recent lists, sets, script, clock. */
  reset(): void;
  /** Answers for the coming choice points, in order; past its end alternative 0 is taken. */
  script(answers: readonly number[]): void;
  /** The choice points met since `script` or `reset`. */
  choices(): Choice[];
  /**
   * `count` (default): `statistic --mode nth` counts packets as the kernel does. `choice`: it is a choice point with weights
   * [1, every - 1], because nobody knows the counter of a running node.
   */
  nth(mode: 'count' | 'choice'): void;
  /** Moves the clock forward, in milliseconds: connections, set elements and entries of `recent` end. */
  advance(ms: number): void;
  /** Sends a packet made by a process of `netns` (an empty `saddr` is chosen by routing), or, with `link`, one that comes in there. */
  send(netns: string, packet: Packet, options?: { link?: string }): Walk;
  /**
   * Sends back what the end of the last walk makes: a TCP SYN/ACK, a UDP datagram, an ICMP echo reply from a delivery; a reset or an ICMP
   * error from a refusal, rejection or unreachable. Undefined where `end.answers` was false.
   */
  answer(): Walk | undefined;
  /** Connections of one namespace in the order they were made. */
  conntrack(netns: string): ConntrackEntry[];
  /** `conntrack -F`, in one namespace or all; with a filter `conntrack -D`. */
  flush(netns?: string, filter?: ConntrackFilter): void;
}
