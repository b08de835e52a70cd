/** `@podwire/engine`: a small Linux network stack. It knows nothing of Kubernetes. */
export * from './address.ts';
export type * from './machine.ts';
export type * from './network.ts';
export type * from './packet.ts';
export * from './terms.ts';
export type * from './walk.ts';
