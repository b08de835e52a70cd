/**
 * The syntax tree of nftables, as libnftables-json(5) writes it: every value here serialises to what `nft -j` prints and reads. The text
 * form of a tree is made by the printer; nothing in it depends on how the text was written.
 */
export type * from './syntax-expression.ts';
export type * from './syntax-object.ts';
export type * from './syntax-statement.ts';
