/** Arithmetic on address ranges: which contain which, and the next free piece of one. */
import {
  addToAddress,
  containsAddress,
  type Family,
  formatAddress,
  formatPrefix,
  type IpAddress,
  type IpPrefix,
  maskOf,
  networkOf,
  number4,
  parseAddress,
  parsePrefix,
  type Words,
} from '@podwire/engine';
import type { IPFamily } from '../objects/kube.ts';

export function familyName(family: Family): IPFamily {
  return family === 4 ? 'IPv4' : 'IPv6';
}

export function familyNumber(family: IPFamily): Family {
  return family === 'IPv4' ? 4 : 6;
}

export function width(family: Family): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/** A prefix as written in a CIDR field: with a length, host bits cleared. */
export function parseCIDR(text: string): IpPrefix | undefined {
  const prefix = text.includes('/') ? parsePrefix(text.trim()) : undefined;
  return prefix && networkOf(prefix);
}

export function overlaps(a: IpPrefix, b: IpPrefix): boolean {
  return a.length <= b.length ? containsAddress(a, b) : containsAddress(b, a);
}

export function containsPrefix(outer: IpPrefix, inner: IpPrefix): boolean {
  return outer.length <= inner.length && containsAddress(outer, inner);
}

/** The longest prefix that holds all addresses, but none longer than `longest`. */
export function covering(addresses: readonly IpAddress[], longest: number): IpPrefix | undefined {
  const first = addresses[0];
  if (!first) return undefined;
  let length = Math.min(longest, width(first.family));
  let prefix = networkOf({ ...first, length });
  for (const address of addresses) {
    while (!containsAddress(prefix, address)) prefix = networkOf({ ...first, length: --length });
  }
  return prefix;
}

/** Number of addresses, at most 2^48. */
export function sizeOf(prefix: IpPrefix): number {
  return 2 ** Math.min(48, width(prefix.family) - prefix.length);
}

/** The `index`-th piece of `length` bits of a prefix; undefined past its end. Any number of bits: the index counts in units of 2^(width - length). */
export function piece(prefix: IpPrefix, length: number, index: number): IpPrefix | undefined {
  if (length < prefix.length || (length - prefix.length < 48 && index >= 2 ** (length - prefix.length)))
    return undefined;
  const words: Words = [...prefix.words];
  let shift = width(prefix.family) - length;
  let carry = index;
  for (let i = 3; i >= 0 && carry > 0; i--) {
    if (shift >= 32) {
      shift -= 32;
      continue;
    }
    const room = 2 ** (32 - shift);
    words[i] = ((words[i] as number) + (carry % room) * 2 ** shift) >>> 0;
    carry = Math.floor(carry / room);
    shift = 0;
  }
  return { family: prefix.family, words, length };
}

export function lastOf(prefix: IpPrefix): IpAddress {
  const mask = maskOf(prefix.family, prefix.length);
  const words = prefix.words.map((w, i) =>
    prefix.family === 4 && i < 3 ? 0 : (w | ~(mask[i] as number)) >>> 0,
  ) as Words;
  return { family: prefix.family, words };
}

/** The address `offset` above the network's own, inside the prefix; the broadcast address of an IPv4 network is not given out. */
export function nth(prefix: IpPrefix, offset: number): IpAddress | undefined {
  const address = addToAddress({ family: prefix.family, words: prefix.words }, offset);
  if (!address || !containsAddress(prefix, address)) return undefined;
  const isBroadcast =
    prefix.family === 4 && prefix.length < 31 && formatAddress(lastOf(prefix)) === formatAddress(address);
  return isBroadcast ? undefined : address;
}

/** Canonical text; undefined for what is no address (a redaction, a typing error). */
export function canonical(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  // Strict IPv4 is written in one way only.
  if (number4(text) >= 0) return text;
  const address = parseAddress(text);
  return address && formatAddress(address);
}

export function canonicalCIDR(text: string): string | undefined {
  const prefix = parseCIDR(text);
  return prefix && formatPrefix(prefix);
}

export function familyOf(text: string): IPFamily {
  return text.includes(':') ? 'IPv6' : 'IPv4';
}

/** The first of each family, in the order of the list. */
export function onePerFamily(cidrs: readonly string[]): string[] {
  const found: string[] = [];
  for (const text of cidrs) {
    const cidr = canonicalCIDR(text);
    if (cidr !== undefined && !found.some((f) => familyOf(f) === familyOf(cidr))) found.push(cidr);
  }
  return found;
}

/** The address of `10.0.0.1/24`. */
export function hostPart(address: string): string {
  return address.slice(0, address.indexOf('/'));
}
