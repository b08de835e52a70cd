import type { Balancing, LinkBalancing } from '@podwire/engine';

/** What a node's programs do. Parts are shared by nodes alike. */
export interface EbpfPrograms {
  /** Of the node's own sockets, and of its pods' where those have any. */
  host?: Balancing;
  pods?: Balancing;
  /** At the links of the node. */
  device: LinkBalancing;
  /** At the host's end of each pod's link. */
  podLinks?: LinkBalancing;
}
