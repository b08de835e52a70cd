/** Addresses and prefixes: strict parsing, canonical text (RFC 5952), exact arithmetic on 32-bit words. */
import type { Family } from './packet.ts';

/** An address as four big-endian 32-bit words; IPv4 stands in the last word, the first three are 0. */
export type Words = [number, number, number, number];

export interface IpAddress {
  family: Family;
  words: Words;
}

export interface IpPrefix {
  family: Family;
  words: Words;
  /** 0 to 32 or 128. */
  length: number;
}

/** IPv4 as an unsigned number; -1 for anything that is not four plain decimal octets. */
export function number4(text: string): number {
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 46) {
      if (octet < 0 || ++dots > 3) return -1;
      value = value * 256 + octet;
      octet = -1;
    } else if (code >= 48 && code <= 57) {
      if (octet === 0) return -1;
      octet = octet < 0 ? code - 48 : octet * 10 + code - 48;
      if (octet > 255) return -1;
    } else return -1;
  }
  return dots === 3 && octet >= 0 ? value * 256 + octet : -1;
}

function parse4(text: string): number | undefined {
  const value = number4(text);
  return value < 0 ? undefined : value;
}

function parseGroups(text: string): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  for (const part of text.split(':')) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
    groups.push(Number.parseInt(part, 16));
  }
  return groups;
}

function parse6(text: string): Words | undefined {
  let body = text;
  const lastColon = body.lastIndexOf(':');
  if (lastColon < 0) return undefined;
  if (body.includes('.')) {
    const word = parse4(body.slice(lastColon + 1));
    if (word === undefined) return undefined;
    body = `${body.slice(0, lastColon + 1)}${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`;
  }
  const gap = body.indexOf('::');
  let groups: number[] | undefined;
  if (gap >= 0) {
    if (body.indexOf('::', gap + 1) >= 0) return undefined;
    const head = parseGroups(body.slice(0, gap));
    const tail = parseGroups(body.slice(gap + 2));
    if (!head || !tail || head.length + tail.length > 7) return undefined;
    groups = [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
  } else {
    groups = parseGroups(body);
  }
  if (groups?.length !== 8) return undefined;
  const g = groups as [number, number, number, number, number, number, number, number];
  return [g[0] * 65536 + g[1], g[2] * 65536 + g[3], g[4] * 65536 + g[5], g[6] * 65536 + g[7]];
}

/**
 * Strict: no leading zeros, no spaces, no zone, no shorthand such as `10.1`. Undefined for anything else. IPv4-mapped IPv6 stays IPv6.
 */
export function parseAddress(text: string): IpAddress | undefined {
  const v4 = parse4(text);
  if (v4 !== undefined) return { family: 4, words: [0, 0, 0, v4] };
  const v6 = parse6(text);
  return v6 && { family: 6, words: v6 };
}

/** `10.0.0.0/8`; a bare address is a /32 or /128. Host bits are kept as given; `maskWords` clears them. */
export function parsePrefix(text: string): IpPrefix | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (!address) return undefined;
  const max = address.family === 4 ? 32 : 128;
  if (slash < 0) return { ...address, length: max };
  const digits = text.slice(slash + 1);
  if (!/^(?:0|[1-9]\d{0,2})$/.test(digits)) return undefined;
  const length = Number(digits);
  return length > max ? undefined : { ...address, length };
}

export function formatAddress({ family, words }: IpAddress): string {
  if (family === 4) {
    const w = words[3];
    return `${w >>> 24}.${(w >>> 16) & 255}.${(w >>> 8) & 255}.${w & 255}`;
  }
  const groups = words.flatMap((w) => [w >>> 16, w & 0xffff]);
  if (words[0] === 0 && words[1] === 0 && words[2] === 0xffff) {
    return `::ffff:${formatAddress({ family: 4, words: [0, 0, 0, words[3]] })}`;
  }
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && groups[i + n] === 0) n++;
    if (n > bestLength) {
      best = i;
      bestLength = n;
    }
  }
  const hex = (part: number[]) => part.map((g) => g.toString(16)).join(':');
  return best < 0 ? hex(groups) : `${hex(groups.slice(0, best))}::${hex(groups.slice(best + bestLength))}`;
}

export function formatPrefix(prefix: IpPrefix): string {
  return `${formatAddress(prefix)}/${prefix.length}`;
}

/** The mask over the first `length` bits of a word; all of them for 32 and more, none below 1. */
function maskWord(length: number): number {
  if (length <= 0) return 0;
  return length >= 32 ? 0xffffffff : (0xffffffff << (32 - length)) >>> 0;
}

/** The mask of a prefix length as words. */
export function maskOf(family: Family, length: number): Words {
  if (family === 4) return [0, 0, 0, maskWord(length)];
  return [maskWord(length), maskWord(length - 32), maskWord(length - 64), maskWord(length - 96)];
}

/** What both have set. */
export function maskWords(words: Readonly<Words>, mask: Readonly<Words>): Words {
  return [
    (words[0] & mask[0]) >>> 0,
    (words[1] & mask[1]) >>> 0,
    (words[2] & mask[2]) >>> 0,
    (words[3] & mask[3]) >>> 0,
  ];
}

/** Clears the host bits. */
export function networkOf({ family, words, length }: IpPrefix): IpPrefix {
  return { family, length, words: maskWords(words, maskOf(family, length)) };
}

export function containsAddress(prefix: IpPrefix, address: IpAddress): boolean {
  if (prefix.family !== address.family) return false;
  const mask = maskOf(prefix.family, prefix.length);
  for (let i = 0; i < 4; i++) {
    const differing = (prefix.words[i] as number) ^ (address.words[i] as number);
    if ((differing & (mask[i] as number)) !== 0) return false;
  }
  return true;
}

/** The address `offset` (a non-negative integer below 2^53) above `address`; undefined past the end of the family. */
export function addToAddress(address: IpAddress, offset: number): IpAddress | undefined {
  const words: Words = [...address.words];
  let carry = offset;
  const last = address.family === 4 ? 3 : 0;
  for (let i = 3; i >= last && carry > 0; i--) {
    const sum = (words[i] as number) + (carry % 4294967296);
    carry = Math.floor(carry / 4294967296) + (sum > 0xffffffff ? 1 : 0);
    words[i] = sum >>> 0;
  }
  return carry > 0 ? undefined : { family: address.family, words };
}

/** Numeric order, IPv4 before IPv6. */
export function compareAddresses(a: IpAddress, b: IpAddress): number {
  if (a.family !== b.family) return a.family - b.family;
  for (let i = 0; i < 4; i++) {
    const d = (a.words[i] as number) - (b.words[i] as number);
    if (d !== 0) return d < 0 ? -1 : 1;
  }
  return 0;
}
