/** Addresses as the C library reads and prints them (inet_pton, inet_ntop). */
import { formatAddress, parseAddress, type Words } from '@podwire/engine';

function ofWords(words: readonly number[]): bigint {
  return words.reduce((sum, word) => (sum << 32n) | BigInt(word >>> 0), 0n);
}

/** Dotted quad; also one plain number, as `inet_aton` takes it. */
export function parseIpv4(text: string): bigint | undefined {
  if (/^\d+$/.test(text)) {
    const value = BigInt(text);
    return value <= 0xffff_ffffn ? value : undefined;
  }
  const parsed = parseAddress(text);
  return parsed?.family === 4 ? ofWords(parsed.words) : undefined;
}

export function parseIpv6(text: string): bigint | undefined {
  const parsed = parseAddress(text);
  return parsed?.family === 6 ? ofWords(parsed.words) : undefined;
}

export function printIpv4(value: bigint): string {
  const byte = (shift: bigint): bigint => (value >> shift) & 0xffn;
  return `${byte(24n)}.${byte(16n)}.${byte(8n)}.${byte(0n)}`;
}

/** Addresses that hold an IPv4 address at their end show it: `::18.52.18.52`, `::ffff:10.0.0.1`. */
export function printIpv6(value: bigint): string {
  const high = value >> 32n;
  if (high === 0n && value > 0xffffn) return `::${printIpv4(value)}`;
  if (high === 0xffffn) return `::ffff:${printIpv4(value & 0xffff_ffffn)}`;
  const words = [96n, 64n, 32n, 0n].map((shift) => Number((value >> shift) & 0xffff_ffffn)) as unknown as Words;
  return formatAddress({ family: 6, words });
}

/** `00:0f:54:0c:11:4`; undefined for anything else. */
export function parseEther(text: string): bigint | undefined {
  const parts = text.split(':');
  if (parts.length < 2 || !parts.every((part) => /^[0-9a-fA-F]{1,2}$/.test(part))) return undefined;
  return parts.reduce((sum, part) => (sum << 8n) | BigInt(Number.parseInt(part, 16)), 0n);
}

export function printEther(value: bigint, bits: number): string {
  const bytes: string[] = [];
  for (let shift = BigInt(Math.max(bits, 8)) - 8n; shift >= 0n; shift -= 8n) {
    bytes.push(((value >> shift) & 0xffn).toString(16).padStart(2, '0'));
  }
  return bytes.join(':');
}
