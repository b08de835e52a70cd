/** Values of nftables as words: numbers, addresses, and names of interfaces as symbols (`assembly/layout/nft.ts`). */
import type { Words } from './address.ts';
import type { Place } from './encode-record.ts';
import { addressOf, macOf, nameBytes } from './encoding.ts';
import { EngineError } from './errors.ts';
import type { Scalar, ValueRange, ValueType } from './selector.ts';

/** First and last value; of a pattern the bytes that names begin with, and a mask over them. */
export interface EncodedRange {
  from: Words;
  to: Words;
  wild: boolean;
}

/** What a value is by its looks, where its type is not known: that of the addresses of a connection. */
export function typeByLooks(value: Scalar): ValueType {
  if (typeof value === 'number') return 'integer';
  return value.includes(':') ? 'ipv6_addr' : 'ipv4_addr';
}

export const isRange = (value: ValueRange): value is { from: Scalar; to: Scalar } => typeof value === 'object';

/** Throws `EngineError` for a value that is not of the type. */
export function wordsOf(place: Place, type: ValueType, value: Scalar): Words {
  if (type === 'ifname') {
    if (typeof value === 'number') throw new EngineError('BAD_VALUE', `${place.where}: ${value} is not a name`);
    return [0, 0, 0, value === '' ? 0 : place.encoding.interfaces.of(value)];
  }
  if (typeof value === 'number') return [0, 0, Math.floor(value / 2 ** 32) >>> 0, value >>> 0];
  if (type === 'ether_addr') {
    const [low, high] = macOf(value, place.where);
    return [0, 0, high, low];
  }
  const { family, words } = addressOf(value, place.where);
  if (type !== (family === 4 ? 'ipv4_addr' : 'ipv6_addr'))
    throw new EngineError('BAD_VALUE', `${place.where}: ${value} is no ${type}`);
  return words;
}

export function rangeOf(place: Place, type: ValueType, value: ValueRange): EncodedRange {
  if (isRange(value))
    return { from: wordsOf(place, type, value.from), to: wordsOf(place, type, value.to), wild: false };
  if (type === 'ifname' && typeof value === 'string' && value.endsWith('*')) {
    const { bytes, mask } = nameBytes(value.slice(0, -1));
    return { from: littleEndian(bytes), to: littleEndian(mask), wild: true };
  }
  const words = wordsOf(place, type, value);
  return { from: words, to: words, wild: false };
}

/** `nameBytes` has words in the order of memory, the arena takes the highest first. */
const littleEndian = (words: Words): Words => [words[1], words[0], words[3], words[2]];

export function compareWords(a: Words, b: Words): number {
  for (let i = 0; i < 4; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

export const sameRange = ({ from, to, wild }: EncodedRange): boolean => !wild && compareWords(from, to) === 0;
