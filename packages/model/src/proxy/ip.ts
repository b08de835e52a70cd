/**
 * Addresses as kube-proxy reads and prints them: `netutils.ParseIPSloppy` in, `net.IP.String` out. Leading zeros are decimal, and an
 * IPv4-mapped IPv6 address is the IPv4 address.
 */
import {
  containsAddress,
  formatAddress,
  formatPrefix,
  type IpAddress,
  networkOf,
  parseAddress,
  parsePrefix,
} from '@podwire/engine';
import type { IPFamily } from '../objects/kube.ts';

const CANONICAL_IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const SLOPPY_IPV4 = /^(?:\d+\.){3}\d+$/;

/** Undefined where kube-proxy would find no address. */
export function parseIP(text: string): IpAddress | undefined {
  const clean = !CANONICAL_IPV4.test(text) && SLOPPY_IPV4.test(text) ? text.replace(/(^|\.)0+(?=\d)/g, '$1') : text;
  const address = parseAddress(clean);
  if (address?.family !== 6) return address;
  const [first, second, third, last] = address.words;
  if (first !== 0 || second !== 0 || third !== 0xffff) return address;
  return { family: 4, words: [0, 0, 0, last] };
}

export function familyOf(address: { family: 4 | 6 }): IPFamily {
  return address.family === 4 ? 'IPv4' : 'IPv6';
}

/** The family as netfilter's tables name it. */
export function tableFamily(family: IPFamily): 'ip' | 'ip6' {
  return family === 'IPv4' ? 'ip' : 'ip6';
}

/** The address as kube-proxy writes it; undefined where there is none. */
export function canonicalIP(text: string): string | undefined {
  // Nearly every address of a large cluster is written as it should be.
  if (CANONICAL_IPV4.test(text)) return text;
  const address = parseIP(text);
  return address && formatAddress(address);
}

/** The address as kube-proxy writes it, if it is one of the family. */
export function canonicalIPOf(family: IPFamily, text: string): string | undefined {
  const address = parseIP(text);
  return address && familyOf(address) === family ? formatAddress(address) : undefined;
}

/** A prefix without host bits, with its text. */
export interface Cidr {
  text: string;
  family: IPFamily;
  /** 0 to 32 or 128. */
  length: number;
  contains(ip: IpAddress): boolean;
}

/** Sloppy as `netutils.ParseCIDRSloppy`: leading zeros, also in the length; a bare address is no CIDR. */
export function parseCIDR(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const address = parseAddress(text.slice(0, slash)) ?? parseIP(text.slice(0, slash));
  const length = text.slice(slash + 1).replace(/^0+(?=\d)/, '');
  const given = address && parsePrefix(`${formatAddress(address)}/${length}`);
  if (!given) return undefined;
  const prefix = networkOf(given);
  return {
    text: formatPrefix(prefix),
    family: familyOf(prefix),
    length: prefix.length,
    contains: (ip) => containsAddress(prefix, ip),
  };
}

/** `net.JoinHostPort` of an address and a port. */
export function joinHostPort(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** 127.0.0.0/8 and ::1. */
export function isLoopback(address: IpAddress): boolean {
  const [first, second, third, last] = address.words;
  return address.family === 4 ? last >>> 24 === 127 : first === 0 && second === 0 && third === 0 && last === 1;
}

/** 0.0.0.0 and ::. */
export function isUnspecified(address: IpAddress): boolean {
  return address.words.every((word) => word === 0);
}
