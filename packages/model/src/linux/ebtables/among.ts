/** `--among-src`, `--among-dst`: a list of link-layer addresses, each alone or with the one IPv4 address that goes with it. */
import { compareAddresses, type IpAddress, parseAddress } from '@podwire/engine';
import { address } from '../iptables/base/address.ts';
import { Refusal } from '../iptables/base/extension.ts';
import { readMac } from '../iptables/base/mac.ts';
import type { Printer } from '../iptables/base/table.ts';

interface Pair {
  mac: number[];
  /** 0.0.0.0: any. */
  ip: string;
}

function readPair(text: string): Pair {
  const equals = text.indexOf('=');
  const mac = readMac(equals < 0 ? text : text.slice(0, equals));
  return { mac, ip: equals < 0 ? '0.0.0.0' : address('ip', text.slice(equals + 1)) };
}

/** As nftables sorts the elements of its set. */
function compare(a: Pair, b: Pair): number {
  const at = a.mac.findIndex((byte, i) => byte !== b.mac[i]);
  if (at >= 0) return (a.mac[at] ?? 0) - (b.mac[at] ?? 0);
  return compareAddresses(parseAddress(a.ip) as IpAddress, parseAddress(b.ip) as IpAddress);
}

/** Without leading zeros, as the C library prints it. */
function printPair({ mac, ip }: Pair): string {
  const text = mac.map((byte) => byte.toString(16)).join(':');
  return ip === '0.0.0.0' ? text : `${text}=${ip}`;
}

export const readPairs: Printer = ([text = '']) => {
  const parts = text.split(',').filter((part) => part !== '');
  if (parts.length === 0) throw new Refusal('among: the list is empty');
  const printed = parts.map(readPair).sort(compare).map(printPair);
  return [...new Set(printed)].join(',');
};
