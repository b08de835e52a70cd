/** A replacement of kube-proxy by eBPF in the manner of Cilium. */
export * from './address.ts';
export { MapWriter } from './map-writer.ts';
export { dumpMaps, LbMaps } from './maps.ts';
export * from './options.ts';
export * from './print.ts';
export type * from './records.ts';
export type { LbNode } from './service.ts';
export { printServiceList } from './service-list.ts';
export * from './tables.ts';
