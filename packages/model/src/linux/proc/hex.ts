/** Addresses as the files of /proc/net hold them: hexadecimal digits, IPv4 in the byte order of a little-endian machine. */
import { formatAddress, maskOf, parseAddress, type Words } from '@podwire/engine';

export function address4(hex: string): string {
  if (!/^[0-9A-F]{8}$/i.test(hex)) throw new RangeError(`"${hex}" is no address`);
  const bytes = hex.match(/../g)?.reverse().join('') ?? '';
  return formatAddress({ family: 4, words: [0, 0, 0, Number.parseInt(bytes, 16) >>> 0] });
}

export function hex4(address: string): string {
  const word = parseAddress(address)?.words[3] ?? 0;
  const bytes = word.toString(16).padStart(8, '0').match(/../g) ?? [];
  return bytes.reverse().join('').toUpperCase();
}

export function address6(hex: string): string {
  if (!/^[0-9a-f]{32}$/i.test(hex)) throw new RangeError(`"${hex}" is no address`);
  const words = (hex.match(/.{8}/g) ?? []).map((word) => Number.parseInt(word, 16) >>> 0);
  return formatAddress({ family: 6, words: words as Words });
}

export function hex6(address: string): string {
  const words = parseAddress(address)?.words ?? [0, 0, 0, 0];
  return words.map((word) => word.toString(16).padStart(8, '0')).join('');
}

export function hexNumber(text: string | undefined, what: string): number {
  if (text === undefined || !/^[0-9a-f]{1,8}$/i.test(text)) throw new RangeError(`"${text ?? ''}" is no ${what}`);
  return Number.parseInt(text, 16);
}

/** Length of a prefix from its mask. Throws RangeError for a mask with holes. */
export function lengthOf(mask: string): number {
  const word = parseAddress(mask)?.words[3];
  if (word === undefined) throw new RangeError(`"${mask}" is no mask`);
  const length = 32 - (word === 0 ? 32 : Math.log2((~word >>> 0) + 1));
  if (!Number.isInteger(length)) throw new RangeError(`"${mask}" is no mask`);
  return length;
}

export function maskText(length: number): string {
  return formatAddress({ family: 4, words: maskOf(4, length) });
}
