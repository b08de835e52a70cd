/** The controllers that write EndpointSlices and Endpoints, as pure functions from objects to objects. */
export * from './converge.ts';
export * from './endpoints.ts';
export * from './mirror.ts';
export * from './pod-endpoint.ts';
export * from './pod-index.ts';
export * from './reconcile.ts';
export * from './slice-metadata.ts';
export * from './topology-hints.ts';
export * from './traffic-distribution.ts';
export * from './zone-shares.ts';
