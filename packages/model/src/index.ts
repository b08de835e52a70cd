/** `@podwire/model`: Kubernetes objects, what each node's Linux would hold, and the answers drawn from it. */
export * from './answer/index.ts';
export type * from './cluster/cluster.ts';
export type { ClusterOverrides } from './cluster/overrides.ts';
export type * from './dataplane/node-state.ts';
export { parseIptablesSave, printIptablesSave } from './linux/iptables-save.ts';
export type * from './objects/kube.ts';
export type * from './problem.ts';
export * from './proxy/index.ts';
export type * from './read/source.ts';
export { isSourceName } from './read/unpack.ts';
