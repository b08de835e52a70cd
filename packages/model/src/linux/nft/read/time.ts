/** Times in nft's text. */
import { parseMilliseconds } from '../base/time.ts';
import type { Cursor } from './cursor.ts';

export function readMilliseconds(at: Cursor): number {
  const token = at.next();
  if (token.kind !== 'word' && token.kind !== 'quoted' && token.kind !== 'number') at.unexpected('expecting a time');
  return parseMilliseconds(token.text);
}

export function readSeconds(at: Cursor): number {
  return readMilliseconds(at) / 1000;
}
