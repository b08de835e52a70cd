/** Text and JSON of nftables, in and out. */
export type * from './syntax.ts';
