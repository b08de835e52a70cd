/** What one cluster of the oracle is: plain data, so that a mismatch can be kept and played again. */
import type { ConntrackEntry } from '@podwire/engine';
import type { ClusterOverrides, KubeObject } from '@podwire/model';
import type { Backend, Listening, Tried } from '../lab/terms.ts';

/** One connection or datagram, or several of the same kind one after the other. */
export interface Probe {
  /** Network namespace: a pod's `namespace/name`, a node's name, `@external`. */
  from: string;
  protocol: Tried;
  /** Absent: routing chooses. */
  saddr?: string;
  daddr: string;
  /** 0 for an echo. */
  dport: number;
  /** How many in a row, each from a port of its own; 1 where absent. */
  times?: number;
  /** What nodes remember of the same datagram. */
  left?: LeftOver[];
}

/** A connection of a former state, as one node holds it. */
export interface LeftOver {
  netns: string;
  entry: ConntrackEntry;
  /** kube-proxy has made the kernel forget it. */
  cleaned?: boolean;
}

/** What is set otherwise than the model's compilers do, on both sides alike. */
export interface Changes {
  /** Extra or other sysctls by network namespace; `*` stands for every node. */
  sysctls?: Record<string, Record<string, number>>;
  /** Bridge ports without hairpin mode. */
  noHairpin?: boolean;
  /** Policy of the nodes' filter chain FORWARD. */
  forwardPolicy?: 'drop';
}

export interface Scenario {
  objects: KubeObject[];
  overrides: ClusterOverrides;
  listening: Listening[];
  changes: Changes;
  backend: Backend;
  probes: Probe[];
}
