/** What each node's Linux holds. Compiled, imported and printed state are this one type. */
import type { Netns, Network } from '@podwire/engine';
import type { Placed } from '../cluster/cluster.ts';
import type { Node, Pod } from '../objects/kube.ts';

export interface NodeState {
  name: string;
  /** The host's own network namespace, named as the node. */
  host: Netns;
  /** The pods' network namespaces; hostNetwork pods have none of their own. */
  pods: Netns[];
}

export interface Dataplane {
  nodes: Map<string, NodeState>;
  /** The router in front of the nodes and the world behind it. */
  gateway: Netns;
  external: Netns;
  /** The namespace that stands for the part of the outside that an address lies in, where there are several. */
  outsideOf?(address: string): string | undefined;
  /** Which network namespace a pod (`namespace/name`) lives in. */
  netnsOfPod: Map<string, string>;
  /** What a network namespace is, for names in answers. */
  describe(netns: string): NetnsRole;
  network: Network;
}

export type NetnsRole =
  | { kind: 'node'; node: Placed<Node> }
  | { kind: 'pod'; pod: Placed<Pod>; node: string }
  | { kind: 'gateway' }
  | {
      kind: 'external';
      /** What stands behind a link of a dumped host: `beyond eth1 of router`. */
      name?: string;
    };
