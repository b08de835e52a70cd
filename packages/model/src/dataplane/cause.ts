/**
 * What made a link, address, route or rule: the `cause` of everything that the dataplane compilers write. Answers join it to the Kubernetes
 * object, its file and its line. kube-proxy's rules carry `ProxyCause` (`proxy/proxy.ts`).
 */
import type { Placed } from '../cluster/cluster.ts';
import type { Node, Pod, Service } from '../objects/kube.ts';
import type { ProxyCause } from '../proxy/proxy.ts';

export interface NodeCause {
  kind: 'node';
  node: Placed<Node>;
  /** Field of the Node that says so: `['spec', 'podCIDR']`. */
  path?: (string | number)[];
  /** Why it is there, in a few words: `pods of worker-2 live behind it`. */
  why: string;
}

export interface PodCause {
  kind: 'pod';
  pod: Placed<Pod>;
  path?: (string | number)[];
  why: string;
}

/** A `hostPort` of a container: the portmap plugin's rules. */
export interface HostPortCause {
  kind: 'host-port';
  pod: Placed<Pod>;
  /** Field of the port: `['spec', 'containers', 0, 'ports', 1]`. */
  path: (string | number)[];
  why: string;
}

/** The network plugin, for what it sets up on every node alike. */
export interface CniCause {
  kind: 'cni';
  /** Its name as in `ClusterSettings.cni`. */
  cni: string;
  why: string;
  /** The construct that really stands here and is treated as something simpler: `VXLAN tunnel`. Answers that cross it say so. */
  notModelled?: string;
}

/** The router in front of the nodes and the world behind it: podwire's own stand-ins. */
export interface OutsideCause {
  kind: 'outside';
  /** The Service whose load balancer or external address this leads to. */
  service?: Placed<Service>;
  path?: (string | number)[];
  why: string;
  /** As for `CniCause`. */
  notModelled?: string;
}

export type DataplaneCause = NodeCause | PodCause | HostPortCause | CniCause | OutsideCause | ProxyCause;

const KINDS = new Set(['node', 'pod', 'host-port', 'cni', 'outside', 'proxy']);

/** The machine hands causes back as `unknown`. */
export function isDataplaneCause(cause: unknown): cause is DataplaneCause {
  return typeof cause === 'object' && cause !== null && 'kind' in cause && KINDS.has(cause.kind as string);
}
