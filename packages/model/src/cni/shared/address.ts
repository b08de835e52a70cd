/** Addresses as Go's net package reads them, with its words for what is none. */
import {
  formatAddress,
  formatPrefix,
  type IpAddress,
  type IpPrefix,
  networkOf,
  parseAddress,
  parsePrefix,
} from '@podwire/engine';
import { CniError } from '../runtime/call.ts';

export function addressOf(text: string): IpAddress {
  const address = parseAddress(text);
  if (!address) throw new CniError(`invalid IP address: ${text}`);
  return address;
}

/** Host bits are kept. */
export function prefixOf(text: string): IpPrefix {
  const prefix = text.includes('/') ? parsePrefix(text) : undefined;
  if (!prefix) throw new CniError(`invalid CIDR address: ${text}`);
  return prefix;
}

/** `10.88.1.5` of `10.88.1.5/24`. */
export function hostOf(cidr: string): string {
  const { family, words } = prefixOf(cidr);
  return formatAddress({ family, words });
}

/** `10.88.1.0/24` of `10.88.1.5/24`. */
export function networkText(cidr: string): string {
  return formatPrefix(networkOf(prefixOf(cidr)));
}

export const familyOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);

export const fullLength = (address: string): string => (familyOf(address) === 4 ? `${address}/32` : `${address}/128`);

export const ANY = { 4: '0.0.0.0/0', 6: '::/0' } as const;
