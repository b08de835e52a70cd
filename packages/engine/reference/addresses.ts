/** Address arithmetic on canonical text. What was parsed once is remembered: rules and packets repeat few addresses. */
import {
  containsAddress,
  type Family,
  formatAddress,
  type IpAddress,
  type IpPrefix,
  parseAddress,
  parsePrefix,
} from '../src/index.ts';

const addresses = new Map<string, IpAddress>();
const prefixes = new Map<string, IpPrefix>();
const LIMIT = 100_000;

/** Throws for text that is no address: loading has checked what comes from outside. */
export function addressOf(text: string): IpAddress {
  const known = addresses.get(text);
  if (known) return known;
  const parsed = parseAddress(text);
  if (!parsed) throw new Error(`not an address: ${text}`);
  if (addresses.size > LIMIT) addresses.clear();
  addresses.set(text, parsed);
  return parsed;
}

export function prefixOf(text: string): IpPrefix {
  const known = prefixes.get(text);
  if (known) return known;
  const parsed = parsePrefix(text);
  if (!parsed) throw new Error(`not a prefix: ${text}`);
  if (prefixes.size > LIMIT) prefixes.clear();
  prefixes.set(text, parsed);
  return parsed;
}

export const inPrefix = (prefix: string, address: string): boolean =>
  containsAddress(prefixOf(prefix), addressOf(address));

/** Canonical text of any spelling. */
export const canonical = (text: string): string => formatAddress(addressOf(text));

/** Nothing behind the prefix is set: it names the network. */
export const hasNoHostPart = (text: string, length: number): boolean =>
  addressOf(text).words.every((part, i) => {
    const kept = Math.min(32, Math.max(0, length - i * 32));
    return kept === 32 || part << kept === 0;
  });

const word = (text: string, index: 0 | 3) => addressOf(text).words[index];

export const isMulticast = (family: Family, text: string): boolean =>
  family === 4 ? word(text, 3) >>> 28 === 0xe : word(text, 0) >>> 24 === 0xff;
export const isLimitedBroadcast = (text: string): boolean => text === '255.255.255.255';
/** Since Linux 5.3 the rest of 0/8 is an ordinary network (ipv4_is_zeronet). */
export const isZeroNet = (text: string): boolean => text === '0.0.0.0';
export const isLoopback = (family: Family, text: string): boolean =>
  family === 4 ? word(text, 3) >>> 24 === 127 : text === '::1';
export const isLinkLocal6 = (text: string): boolean => word(text, 0) >>> 22 === 0x3fa;
/** Unicast and multicast addresses of one link (IPV6_ADDR_LINKLOCAL). */
export const isOfLink6 = (text: string): boolean =>
  isLinkLocal6(text) || (word(text, 0) & 0xff0f0000) >>> 0 === 0xff020000;
export const isUnspecified = (text: string): boolean => text === '0.0.0.0' || text === '::';

/** `10.0.0.0/8`, or a mask in full: `10.0.0.1/255.0.0.255`. */
export function matchesMasked(spec: string, address: string): boolean {
  const slash = spec.indexOf('/');
  if (slash < 0 || !/[.:]/.test(spec.slice(slash + 1))) return inPrefix(spec, address);
  const wanted = addressOf(spec.slice(0, slash));
  const mask = addressOf(spec.slice(slash + 1));
  const actual = addressOf(address);
  if (wanted.family !== actual.family) return false;
  return wanted.words.every((w, i) => ((w ^ (actual.words[i] as number)) & (mask.words[i] as number)) === 0);
}
