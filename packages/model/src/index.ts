/** `@podwire/model`: Kubernetes objects, what each node's Linux would hold, and the answers drawn from it. */
export * from './answer/index.ts';
export { matchesPairs } from './answer/labels.ts';
export type * from './cluster/cluster.ts';
export type { ClusterOverrides } from './cluster/overrides.ts';
export type * from './dataplane/node-state.ts';
export * from './linux/index.ts';
export type * from './objects/kube.ts';
export type * from './problem.ts';
export * from './proxy/index.ts';
export { distinctObjects } from './read/duplicates.ts';
export { readSources } from './read/read.ts';
export type * from './read/source.ts';
export { isSourceName } from './read/unpack.ts';
export { resolvePlain } from './read/yaml-scalar.ts';
