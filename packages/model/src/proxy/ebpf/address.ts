/**
 * What a load balancer's tables are keyed by: address, port, protocol and scope, with the order and the text that Cilium gives them.
 * (pkg/loadbalancer/loadbalancer.go: L3n4Addr)
 */
import { formatAddress, type IpAddress, parseAddress } from '@podwire/engine';
import type { IPFamily, TransportProtocol } from '../../objects/kube.ts';
import { isUnspecified, parseIP } from '../ip.ts';

/** `internal`: only for traffic from within the cluster, where it is balanced otherwise than traffic from outside. */
export type LbScope = 'external' | 'internal';

export interface LbAddress {
  readonly family: IPFamily;
  /** Canonical text of the address alone. */
  readonly ip: string;
  readonly port: number;
  readonly protocol: TransportProtocol;
  readonly scope: LbScope;
  /** `10.96.0.1:80/TCP`, `[fd00::1]:53/UDP`, `10.96.0.1:80/TCP/i` with internal scope: its identity. */
  readonly text: string;
  /** Sorts as Cilium's key does: address of 16 bytes, port, protocol, scope. */
  readonly key: string;
}

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');

/** 32 digits; an IPv4 address stands as IPv4-mapped, so `[::]` comes before all of them. */
export function addressDigits({ family, words: [first, second, third, last] }: IpAddress): string {
  return [first, second, family === 4 ? 0xffff : third, last].map((word) => hex(word >>> 0, 8)).join('');
}

function make(ip: IpAddress, port: number, protocol: TransportProtocol, scope: LbScope): LbAddress {
  const address = formatAddress(ip);
  const shown = ip.family === 4 ? address : `[${address}]`;
  const internal = scope === 'internal';
  return {
    family: ip.family === 4 ? 'IPv4' : 'IPv6',
    ip: address,
    port,
    protocol,
    scope,
    text: `${shown}:${port}/${protocol}${internal ? '/i' : ''}`,
    key: `${addressDigits(ip)}${hex(port, 4)}${protocol.charAt(0)}${internal ? 1 : 0}`,
  };
}

/** Undefined where the text is no address. */
export function lbAddress(
  ip: string,
  port: number,
  protocol: TransportProtocol,
  scope: LbScope = 'external',
): LbAddress | undefined {
  const parsed = parseIP(ip);
  return parsed && make(parsed, port, protocol, scope);
}

/** The same port, protocol and scope at another address. */
export function atAddress(address: LbAddress, ip: string): LbAddress {
  return lbAddress(ip, address.port, address.protocol, address.scope) ?? address;
}

export function isWildcard(address: LbAddress): boolean {
  const parsed = parseIP(address.ip);
  return parsed !== undefined && isUnspecified(parsed);
}

/** `ADDRESS:PORT/PROTOCOL[/i]`; without a protocol it is TCP. Undefined for anything else. */
export function parseLbAddress(text: string): LbAddress | undefined {
  const found = /^(?:\[([^\]]+)\]|([^:/]+)):(\d+)(?:\/(TCP|UDP|SCTP))?(\/i)?$/i.exec(text);
  if (!found) return undefined;
  const [, ip6, ip4, port = '', protocol = 'TCP', internal] = found;
  const ip = parseAddress(ip6 ?? ip4 ?? '');
  const scope = internal === undefined ? 'external' : 'internal';
  return ip && make(ip, Number(port), protocol.toUpperCase() as TransportProtocol, scope);
}

export const byKey = (a: { key: string }, b: { key: string }) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
