/** Writes to packet fields as nft lists them. */
import type { NftStatement } from '../syntax.ts';
import type { ScalarStyle } from '../tables/codec.ts';
import { termJson } from './emit.ts';
import type { Term } from './term.ts';
import { retype } from './tidy-match.ts';

export function mangleStatement(key: Term, value: Term, style: ScalarStyle): NftStatement {
  const typed = key.is === 'payload' ? retype(value, key) : value;
  return { mangle: { key: termJson(key, style), value: termJson(typed, style) } };
}
