/**
 * Programs that balance connections outside of netfilter, before a socket's packet is made or below IP, as eBPF programs of Cilium's kind
 * do (bpf/bpf_sock.c, bpf/lib/lb.h, bpf/lib/nodeport.h). Part of the description in `network.ts`.
 */
import type { Cause } from './network.ts';

/** What is balanced, by address, port and protocol. May be shared by identity. */
export interface Balancer {
  /** Looked at where no frontend of this one fits. */
  base?: Balancer;
  /** Two of one balancer never have the same address, port and protocol. */
  frontends: readonly BalancerFrontend[];
}

export interface BalancerFrontend {
  protocol: 'tcp' | 'udp' | 'sctp';
  /** `0.0.0.0`, `::`: the addresses of `Balancing.nodes`. */
  address: string;
  port: number;
  /** All alike. None: nobody answers. */
  backends: readonly BalancerBackend[];
  /** A client keeps its backend for so many seconds after it last chose. */
  affinity?: number;
  /** Of links: clients that may come, or, with `denies`, may not. An empty list: nobody, as for addresses that are the cluster's alone. */
  sourceRanges?: readonly string[];
  denies?: boolean;
  /** What becomes of its packets is not modelled, and this is why. */
  unmodelled?: string;
  /** Of links: what becomes of its packets to backends elsewhere is not modelled, and this is why. */
  away?: string;
  cause?: Cause;
}

export interface BalancerBackend {
  address: string;
  port: number;
  cause?: Cause;
}

/** A balancer in its place. Each list may be shared by identity. */
export interface Balancing {
  balancer: Balancer;
  /** Addresses and prefixes that frontends of an unspecified address stand for. */
  nodes?: readonly string[];
}

/** On a link, to packets that come in by it; and to what goes out, the answers. */
export interface LinkBalancing extends Balancing {
  /** Backends that are on this host, as addresses and prefixes: their packets go up the stack. */
  local: readonly string[];
  /** Address of each family from which packets to other backends come, which leave past the stack; none: they go up the stack as they are. */
  sources?: readonly string[];
  /** Address of each family that a client comes from which is its own backend. */
  loopback?: readonly string[];
}
