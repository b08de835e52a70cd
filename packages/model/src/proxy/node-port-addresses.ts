/** `--nodeport-addresses`: on which addresses of the node its node ports are served. (pkg/proxy/util/nodeport_addresses.go) */
import { compareAddresses, formatAddress, type IpAddress } from '@podwire/engine';
import type { IPFamily } from '../objects/kube.ts';
import { type Cidr, familyOf, isLoopback, parseCIDR, parseIP } from './ip.ts';

export interface NodePortAddresses {
  /** The CIDRs of this family as given, or the one that matches all where none is. */
  cidrs: string[];
  matchAll: boolean;
  containsIPv4Loopback: boolean;
  /** Which of the node's addresses (with or without prefix length) are served, in numeric order. */
  nodeIPs(interfaceAddresses: readonly string[]): IpAddress[];
}

/**
 * What an empty list stands for. Unlike the other modes, nftables serves node ports on the node's own addresses alone unless told otherwise
 * (cmd/kube-proxy/app/options.go).
 */
export function givenNodePortAddresses(mode: string, nodePortAddresses: readonly string[]): readonly string[] {
  return nodePortAddresses.length === 0 && mode === 'nftables' ? ['primary'] : nodePortAddresses;
}

/** The CIDRs that `primary`, the only value that is no CIDR, stands for: the node's own addresses. */
export function resolvePrimary(
  nodePortAddresses: readonly string[],
  nodeIPs: Partial<Record<IPFamily, string>>,
): readonly string[] {
  if (nodePortAddresses.length !== 1 || nodePortAddresses[0] !== 'primary') return nodePortAddresses;
  const cidrs: string[] = [];
  for (const family of ['IPv4', 'IPv6'] as const) {
    const address = parseIP(nodeIPs[family] ?? '');
    if (address && !isLoopback(address)) cidrs.push(`${formatAddress(address)}/${address.family === 4 ? 32 : 128}`);
  }
  return cidrs;
}

function includesIPv4Loopback(cidr: Cidr): boolean {
  if (cidr.family !== 'IPv4') return false;
  const network = parseIP(cidr.text.slice(0, cidr.text.indexOf('/')));
  return (network !== undefined && isLoopback(network)) || cidr.contains({ family: 4, words: [0, 0, 0, 0x7f000000] });
}

/** @param nodePortAddresses CIDRs of both families; none of this family means every address of it. */
export function nodePortAddressesOf(family: IPFamily, nodePortAddresses: readonly string[]): NodePortAddresses {
  const given = nodePortAddresses.filter((text) => parseCIDR(text)?.family === family);
  const cidrs = given.length > 0 ? given : [family === 'IPv4' ? '0.0.0.0/0' : '::/0'];
  const parsed = cidrs.flatMap((text) => parseCIDR(text) ?? []);
  const isServed = (address: IpAddress) =>
    familyOf(address) === family && parsed.some((cidr) => cidr.contains(address));
  return {
    cidrs,
    matchAll: parsed.some((cidr) => cidr.length === 0),
    containsIPv4Loopback: parsed.some(includesIPv4Loopback),
    nodeIPs(interfaceAddresses) {
      const byText = new Map<string, IpAddress>();
      for (const text of interfaceAddresses) {
        const address = parseIP(text.split('/', 1)[0] ?? '');
        if (address && isServed(address)) byText.set(formatAddress(address), address);
      }
      return [...byText.values()].sort(compareAddresses);
    },
  };
}
