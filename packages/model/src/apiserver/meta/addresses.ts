/** Addresses and ranges as Go reads them, and what the server says of them (apimachinery/pkg/util/validation/ip.go, k8s.io/utils/net). */
import {
  type Family,
  formatAddress,
  formatPrefix,
  type IpAddress,
  type IpPrefix,
  networkOf,
  parseAddress,
} from '@podwire/engine';
import type { FieldErrors } from '../status/field-errors.ts';

interface Read<T> {
  value: T;
  hasLeadingZeros: boolean;
  /** Written as an IPv6 address that holds an IPv4 one. */
  isMapped: boolean;
}

const octets = /^\d{1,20}(?:\.\d{1,20}){3}$/;

function isMapped4({ family, words }: IpAddress): boolean {
  return family === 6 && words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
}

/** k8s.io/utils/net.ParseIPSloppy(): octets may have zeros in front; IPv4 inside IPv6 is IPv4. */
function readAddress(text: string): Read<IpAddress> | undefined {
  const isPlain4 = octets.test(text);
  const plain = isPlain4
    ? text
        .split('.')
        .map((octet) => octet.replace(/^0+(?=\d)/, ''))
        .join('.')
    : text;
  const address = parseAddress(plain);
  if (address === undefined) return undefined;
  const hasLeadingZeros = plain !== text;
  if (!isMapped4(address)) return { value: address, hasLeadingZeros, isMapped: false };
  return { value: { family: 4, words: [0, 0, 0, address.words[3]] }, hasLeadingZeros, isMapped: true };
}

export function parseIP(text: string): IpAddress | undefined {
  return readAddress(text)?.value;
}

/** Undefined for what is no address. */
export function ipFamily(text: string): Family | undefined {
  return parseIP(text)?.family;
}

const NOT_AN_IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const NOT_A_CIDR = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

type LegacyCheck = (text: string, field: string, errors: FieldErrors, before?: readonly string[]) => boolean;

const legacy =
  (detailsOf: (text: string) => string[]): LegacyCheck =>
  (text, field, errors, before = []) => {
    if (before.includes(text)) return true;
    const details = detailsOf(text);
    errors.invalidEach(field, text, details);
    return details.length === 0;
  };

/** IsValidIPForLegacyField(), with StrictIPCIDRValidation. `before`: values that were accepted once. True where nothing is wrong. */
export const validateLegacyIP = legacy(ipDetails);

function ipDetails(text: string): string[] {
  const read = readAddress(text);
  if (read === undefined) return [NOT_AN_IP];
  if (read.hasLeadingZeros) return ['must not have leading 0s'];
  return read.isMapped ? ['must not be an IPv4-mapped IPv6 address'] : [];
}

/** IsValidIP(): the complaints about an address that must be written in its canonical form. */
export function isCanonicalIP(text: string): string[] {
  const details = ipDetails(text);
  const address = parseIP(text);
  if (details.length > 0 || address === undefined) return details;
  const canonical = formatAddress(address);
  return canonical === text ? [] : [`must be in canonical form ("${canonical}")`];
}

interface ReadRange extends Read<IpPrefix> {
  hasHostBits: boolean;
}

/** k8s.io/utils/net.ParseCIDRSloppy(). */
function readRange(text: string): ReadRange | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const written = text.slice(0, slash);
  const digits = text.slice(slash + 1);
  const read = readAddress(written);
  if (read === undefined || !/^\d{1,20}$/.test(digits)) return undefined;
  // A mapped address keeps the length of the family that it is written in.
  const full: IpAddress = read.isMapped ? { family: 6, words: [0, 0, 0xffff, read.value.words[3]] } : read.value;
  const length = Number(digits);
  if (length > (full.family === 4 ? 32 : 128)) return undefined;
  const value = networkOf({ ...full, length });
  return {
    value,
    hasLeadingZeros: read.hasLeadingZeros || /^0\d/.test(digits),
    isMapped: read.isMapped,
    hasHostBits: formatPrefix(value) !== formatPrefix({ ...full, length }),
  };
}

/** The range of a CIDR without its host bits. */
export function parseRange(text: string): IpPrefix | undefined {
  return readRange(text)?.value;
}

function cidrDetails(text: string): string[] {
  const read = readRange(text);
  if (read === undefined) return [NOT_A_CIDR];
  if (read.hasLeadingZeros) return ['must not have leading 0s in IP or prefix length'];
  if (read.isMapped) return ['must not have an IPv4-mapped IPv6 address'];
  return read.hasHostBits ? ['must not have bits set beyond the prefix length'] : [];
}

/** IsValidCIDRForLegacyField(). True where nothing is wrong. */
export const validateLegacyCIDR = legacy(cidrDetails);

/** IsValidCIDR(): written in its canonical form. */
export function validateCIDR(text: string, field: string, errors: FieldErrors): void {
  const details = cidrDetails(text);
  const range = parseRange(text);
  if (details.length === 0 && range !== undefined && formatPrefix(range) !== text)
    details.push(`must be in canonical form ("${formatPrefix(range)}")`);
  errors.invalidEach(field, text, details);
}

/** validation.go:ValidateEndpointIP(): addresses that nobody else can be reached at. */
export function validateEndpointIP(text: string, field: string, errors: FieldErrors): void {
  const address = parseIP(text);
  if (address === undefined) {
    errors.invalid(field, text, 'must be a valid IP address');
    return;
  }
  const { family, words } = address;
  const high = words[0] >>> 16;
  const isZero = words.every((word) => word === 0);
  const isLoopback = family === 4 ? words[3] >>> 24 === 127 : formatAddress(address) === '::1';
  const isLinkLocal = family === 4 ? words[3] >>> 16 === 0xa9fe : (high & 0xffc0) === 0xfe80;
  const isLinkLocalMulticast = family === 4 ? words[3] >>> 8 === 0xe00000 : (high & 0xff0f) === 0xff02;
  if (isZero) errors.invalid(field, text, `may not be unspecified (${text})`);
  if (isLoopback) errors.invalid(field, text, 'may not be in the loopback range (127.0.0.0/8, ::1/128)');
  if (isLinkLocal) errors.invalid(field, text, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)');
  if (isLinkLocalMulticast)
    errors.invalid(field, text, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)');
}
